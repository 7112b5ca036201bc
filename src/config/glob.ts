/** Longer than every id and every name of a group. */
const MAX_PATTERN_CHARS = 512
/** Stands for the name of whoever the pattern is applied to. */
export const OWN_NAME = '{identity}'

/** What is wrong with a pattern; undefined when nothing is. */
export const patternFault = (pattern: string): string | undefined => {
  if (pattern === '') return 'is empty; "*" stands for everything'
  if (pattern.length > MAX_PATTERN_CHARS) return `has ${pattern.length} characters; at most ${MAX_PATTERN_CHARS}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  return /[\u0000-\u001f\u007f-\u009f]/.test(pattern) ? 'has a control character' : undefined
}

/**
 * Whether a whole text fits a pattern, in which `*` stands for any run of characters, also for none, and every other character for
 * itself. Each part is looked for once, from where the one before it ended: nothing is ever tried again.
 */
export const globMatcher = (pattern: string, ownName?: string): ((text: string) => boolean) => {
  const own = (part: string) => (ownName === undefined ? part : part.replaceAll(OWN_NAME, () => ownName))
  const [head = '', ...rest] = pattern.split('*').map(own)
  const tail = rest.pop()
  if (tail === undefined) return (text) => text === head
  const middle = rest.filter((part) => part !== '')
  if (head === '' && tail === '' && middle.length === 0) return () => true
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false
    const end = text.length - tail.length
    let at = head.length
    for (const part of middle) {
      const found = text.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}

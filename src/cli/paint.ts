import { wantsColors } from './logging.ts'

const CODES = { strong: '1', soft: '2', good: '32', warn: '33' } as const

/** Text in a colour, or as it is: not with NO_COLOR, and not in a pipe. */
export type Paint = (text: string, style: keyof typeof CODES | undefined) => string

export const plain: Paint = (text) => text

/** How to write to `stream`. */
export const paintFor = (stream: { isTTY?: boolean }): Paint =>
  wantsColors(stream) ? (text, style) => (style === undefined ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`) : plain

const GOOD = /\.(joined|granted|settled|registered|returned|elected|undrained|thawed|finished)$/
const WARN = /\.(revoked|left|expired|lost|withdrawn|settling|drained|frozen|freed)$/

/** What an event of a group means for it, at a glance. */
export const styleOfEvent = (type: string): 'good' | 'warn' | undefined => {
  if (GOOD.test(type)) return 'good'
  return WARN.test(type) ? 'warn' : undefined
}

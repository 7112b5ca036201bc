/** So many names are kept; a power of two. Each has the one place that its bytes say. */
const PLACES = 2048
const MAX_KEPT_LENGTH = 64
const DOT = 0x2e

const kept = new Array<string>(PLACES).fill('')

/**
 * The text of a name that nearly everybody uses, printable ASCII without a dot in front: sound by every rule for names. Of other bytes
 * `undefined`. The same few come again and again, and to find one takes less than to make a text.
 */
export const plainName = (bytes: Buffer, from: number, to: number): string | undefined => {
  const length = to - from
  if (length === 0 || length > MAX_KEPT_LENGTH || bytes[from] === DOT) return undefined
  let hash = length
  for (let i = from; i < to; i++) {
    const code = bytes[i] as number
    if (code < 0x20 || code > 0x7e) return undefined
    hash = (Math.imul(hash, 31) + code) | 0
  }
  const place = (hash ^ (hash >>> 15)) & (PLACES - 1)
  const known = kept[place] as string
  if (known.length === length && isThat(known, bytes, from)) return known
  const name = bytes.toString('latin1', from, to)
  kept[place] = name
  return name
}

const isThat = (name: string, bytes: Buffer, from: number): boolean => {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

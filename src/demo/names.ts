/**
 * Names of files as strings from which the bytes come back, whatever the bytes are.
 *
 * A name on disk is bytes; nearly always they are UTF-8, and then it is that string. In a part that is not UTF-8, each byte from
 * 0x80 on becomes the lone surrogate U+DC00 + byte (the way of Python's PEP 383), which no UTF-8 can contain.
 */
export const decodePath = (bytes: Buffer): string => {
  const parts: string[] = []
  let start = 0
  for (;;) {
    const slash = bytes.indexOf(0x2f, start)
    parts.push(decodePart(bytes.subarray(start, slash < 0 ? bytes.length : slash)))
    if (slash < 0) return parts.join('/')
    start = slash + 1
  }
}

/** The bytes on disk of a path from `decodePath`. */
export const encodePath = (path: string): Buffer =>
  LONE_SURROGATE.test(path)
    ? Buffer.concat(path.split('/').flatMap((part, index) => [...(index === 0 ? [] : [SLASH]), encodePart(part)]))
    : Buffer.from(path)

/** The path as a person may see it on one line: control characters and what is not UTF-8 cannot play tricks with the terminal. */
export const printablePath = (path: string): string =>
  path.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const LONE_SURROGATE = /\p{Surrogate}/u
// C0, DEL and C1, the marks that turn the direction of text around, and lone surrogates.
const UNPRINTABLE = /[\p{Cc}\p{Surrogate}\u202a-\u202e\u2066-\u2069]/gu
const SLASH = Buffer.from('/')
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const decodePart = (bytes: Buffer): string => {
  try {
    return strict.decode(bytes)
  } catch {
    // Not UTF-8, which a name may well be: byte by byte then.
    return String.fromCharCode(...[...bytes].map((byte) => (byte < 0x80 ? byte : 0xdc00 + byte)))
  }
}

const encodePart = (part: string): Buffer =>
  LONE_SURROGATE.test(part) ? Buffer.from(Array.from(part, (unit) => unit.charCodeAt(0) & 0xff)) : Buffer.from(part)

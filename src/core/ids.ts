/** The longest member id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 256
/** The longest group name, in bytes of UTF-8. */
export const MAX_GROUP_NAME_BYTES = 128

/**
 * Says what is wrong with a member id, or `undefined` when it is one: 1 to 256 bytes of UTF-8 without control characters,
 * and neither `.` nor `..`.
 *
 * `what` names the value in the answer, as in `member id`. The value itself is never repeated: it may be long or hostile.
 */
export const idFault = (value: unknown, what: string): string | undefined => textFault(value, what, MAX_ID_BYTES)

/** Says what is wrong with a group name, or `undefined` when it is one: the rules of an id, and at most 128 bytes. */
export const groupNameFault = (value: unknown, what = 'group name'): string | undefined =>
  textFault(value, what, MAX_GROUP_NAME_BYTES)

/** Orders ids the same way on every machine: by code unit, whatever the locale. */
export const compareIds = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

const textFault = (value: unknown, what: string, maxBytes: number): string | undefined => {
  const rule = `use 1 to ${maxBytes} bytes of UTF-8 without control characters`
  if (typeof value !== 'string') return `${what} must be a string, not ${kindOf(value)}; ${rule}`
  if (value === '') return `${what} is empty; ${rule}`
  // URLs take these for directions, however they are escaped, so nobody could ever ask for them over HTTP.
  if (value === '.' || value === '..') return `${what} is "${value}", which no URL can name; use another one`
  // Every code unit takes at least one byte, so a huge string is refused without being walked.
  if (value.length > maxBytes) return `${what} is longer than ${maxBytes} bytes; ${rule}`
  let bytes = 0
  for (let i = 0; i < value.length; i++) {
    const point = value.codePointAt(i)!
    const fault = pointFault(point)
    if (fault !== undefined) return `${what} has ${fault} (${named(point)}) at position ${i + 1}; ${rule}`
    if (point > 0xffff) i++
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point <= 0xffff ? 3 : 4
  }
  return bytes > maxBytes ? `${what} is longer than ${maxBytes} bytes; ${rule}` : undefined
}

/** C0, DEL and C1 would forge log lines and headers; a lone surrogate has no UTF-8 and would not come back the same. */
const pointFault = (point: number): string | undefined => {
  if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) return 'a control character'
  if (point >= 0xd800 && point <= 0xdfff) return 'a lone surrogate'
  return undefined
}

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

const named = (point: number): string => `U+${point.toString(16).toUpperCase().padStart(4, '0')}`

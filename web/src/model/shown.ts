/** Format characters, unassigned ones, halves of pairs, separators of lines, and whatever is as good as a space. */
const HIDDEN = /[\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]/gu

/**
 * The text as somebody may be asked to trust it: nothing in it turns it around or is invisible. What would, stands there as an escape, or
 * two members with names that look alike could not be told apart where one of them is to be evicted.
 */
export const shown = (text: string): string => text.replace(HIDDEN, escapeOf)

const escapeOf = (character: string): string => {
  const hex = (character.codePointAt(0) ?? 0).toString(16)
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`
}

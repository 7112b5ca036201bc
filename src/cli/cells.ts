import { clean } from './logging.ts'

/** More than so many accents on one character are drawn over the lines above and below it. */
const MAX_MARKS = 2

/**
 * The text as a terminal may be given it: nothing in it moves the cursor, paints, turns the text around, or is invisible. What would, stands
 * there as an escape.
 */
export const visible = (text: string): string => {
  if (PRINTABLE_ASCII.test(text)) return text
  let marks = 0
  let tidy = ''
  for (const character of clean(text.normalize('NFC'))) {
    marks = MARK.test(character) ? marks + 1 : 0
    tidy += marks > MAX_MARKS || HIDDEN.test(character) ? escapeOf(character) : character
  }
  // An accent without a letter would land on what stands before this text.
  return MARK.test([...tidy.slice(0, 2)][0] ?? '') ? ` ${tidy}` : tidy
}

const PRINTABLE_ASCII = /^[ -~]*$/
const MARK = /^\p{M}$/u
/** Format characters, unassigned ones, halves of pairs, separators of lines, and whatever is as good as a space. */
const HIDDEN = /^[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]$/u

const escapeOf = (character: string): string => {
  const hex = (character.codePointAt(0) ?? 0).toString(16)
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`
}

/** How many columns of a terminal the text takes. Of text that is `visible`. */
export const columnsOf = (text: string): number => {
  if (PRINTABLE_ASCII.test(text)) return text.length
  let columns = 0
  for (const character of text) columns += columnsOfOne(character)
  return columns
}

const columnsOfOne = (character: string): number => {
  if (MARK.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}

/** East Asian wide and full-width characters, and pictures. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f265}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}])$/u

/** The beginning of the text in at most so many columns; an ellipsis says that it goes on. */
export const cutTo = (text: string, columns: number): string => {
  if (columnsOf(text) <= columns) return text
  if (columns < 1) return ''
  let kept = ''
  let room = columns - 1
  for (const character of text) {
    room -= columnsOfOne(character)
    if (room < 0) break
    kept += character
  }
  return `${kept}…`
}

/** The text with spaces after it, or before it where it is a number. */
export const padTo = (text: string, columns: number, side: 'left' | 'right' = 'right'): string => {
  const room = ' '.repeat(Math.max(0, columns - columnsOf(text)))
  return side === 'left' ? `${room}${text}` : `${text}${room}`
}

/** JSON of the same value in which no character can disturb a terminal. */
export const safeJson = (json: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  json.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, escapeOf)

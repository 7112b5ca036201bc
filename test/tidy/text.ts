import type { Files, Violation } from './source.ts'

const MAX_LINES = 400

// Spelled so that this file does not report itself.
const LEFT_OPEN = /\b(TO[D]O|FIX[M]E|X[X]X)\b/

/** Nothing is left open in the code: what is not done stands in an issue. */
export const checkNothingLeftOpen = (files: Files): Violation[] =>
  [...files].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => {
      const word = LEFT_OPEN.exec(line)?.[0]
      return word === undefined ? [] : [{ file, line: index + 1, rule: `says ${word}: finish it, or file an issue` }]
    }),
  )

/** A file has one lead actor, about 200 lines; twice that is too long to be read in one go. */
export const checkLength = (files: Files, maxLines = MAX_LINES): Violation[] =>
  [...files].flatMap(([file, text]) => {
    const lines = text.trimEnd().split('\n').length
    return lines > maxLines ? [{ file, line: maxLines + 1, rule: `has ${lines} lines; at most ${maxLines}` }] : []
  })

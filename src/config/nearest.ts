/** ` (did you mean "x"?)` when one of `known` is close to `given`, else the list of them; the end of a message about an unknown name. */
export const didYouMean = (given: string, known: readonly string[]): string => {
  const near = nearest(given, known)
  return near === undefined ? `; known: ${known.join(', ')}` : `; did you mean ${near}?`
}

/** The one of `known` that needs the fewest edits, when few enough that it was probably meant. */
export const nearest = (given: string, known: readonly string[]): string | undefined => {
  // What is far longer than any name was not a slip of the finger, and would take long to compare.
  if (given.length > 64) return undefined
  let best: { name: string; edits: number } | undefined
  for (const name of known) {
    const edits = distance(given.toLowerCase(), name.toLowerCase())
    if (best === undefined || edits < best.edits) best = { name, edits }
  }
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined
}

/** Insertions, deletions, substitutions and swaps of neighbours from one to the other. */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let edits = Math.min(at(above, column) + 1, at(current, column - 1) + 1, at(above, column - 1) + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, at(before, column - 2) + 1)
      }
      current.push(edits)
    }
    before = above
    above = current
  }
  return at(above, b.length)
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY

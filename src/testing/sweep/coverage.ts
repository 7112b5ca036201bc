/** Pairs of start and end, in characters, one after the other. */
export type Spans = readonly number[]

/**
 * What was reached of one file. A block is a piece of code that the engine counts apart: a function, a branch of an `if`, `?:`, `&&` or `??`,
 * a loop's body, what follows an early return.
 */
export interface FileCoverage {
  /** Every block that was ever told apart. One that always ran as often as what it stands in is not. */
  readonly blocks: Spans
  readonly functions: Spans
  /** Where nothing ran. */
  readonly unreached: Spans
}

/** By file below the folder of the built code. */
export type Coverage = Readonly<Record<string, FileCoverage>>

/** As V8 gives it. */
export interface FunctionCount {
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[]
}

export const coverageOf = (functions: readonly FunctionCount[]): FileCoverage => ({
  blocks: spansOf(
    functions.flatMap(({ ranges }) => ranges.map(({ startOffset, endOffset }) => [startOffset, endOffset])),
  ),
  functions: spansOf(
    functions.flatMap(({ ranges: [all] }) => (all === undefined ? [] : [[all.startOffset, all.endOffset]])),
  ),
  unreached: unreachedOf(functions),
})

/** What both together reached. */
export const mergeCoverage = (one: Coverage, other: Coverage): Coverage => {
  const merged: Record<string, FileCoverage> = { ...one }
  for (const [file, more] of Object.entries(other)) {
    const known = merged[file]
    merged[file] = known === undefined ? more : mergeFile(known, more)
  }
  return merged
}

const mergeFile = (one: FileCoverage, other: FileCoverage): FileCoverage => ({
  blocks: spansOf([...pairs(one.blocks), ...pairs(other.blocks)]),
  functions: spansOf([...pairs(one.functions), ...pairs(other.functions)]),
  unreached: common(one.unreached, other.unreached),
})

/** True when nothing of `start` to `end` ran. */
export const isUnreached = ({ unreached }: FileCoverage, start: number, end: number): boolean =>
  pairs(unreached).some(([from, to]) => from <= start && end <= to)

export const pairs = (spans: Spans): [number, number][] => {
  const found: [number, number][] = []
  for (let i = 0; i < spans.length; i += 2) found.push([spans[i] ?? 0, spans[i + 1] ?? 0])
  return found
}

/** Each once, outer ones before what is in them. */
const spansOf = (found: readonly (readonly number[])[]): Spans => {
  const sorted = [...found].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || d - b)
  return sorted.filter((span, i) => span[0] !== sorted[i - 1]?.[0] || span[1] !== sorted[i - 1]?.[1]).flat()
}

/** The end of any file: how long one is cannot be told, since a function that did not run may not be told either. */
const BEYOND = Number.MAX_SAFE_INTEGER

/** What is said of an inner range holds there, whatever the outer one says; of what is in none nothing ran. */
const unreachedOf = (functions: readonly FunctionCount[]): Spans => {
  const ranges = functions
    .flatMap(({ ranges }) => ranges)
    .sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  const spans: number[] = []
  const open = [{ startOffset: 0, endOffset: BEYOND, count: 0 }]
  let at = 0
  const goTo = (to: number): void => {
    if (to > at && open.at(-1)?.count === 0) {
      if (spans.at(-1) === at) spans[spans.length - 1] = to
      else spans.push(at, to)
    }
    at = Math.max(at, to)
  }
  const close = (before: number): void => {
    for (let top = open.at(-1); top !== undefined && top.endOffset <= before; top = open.at(-1)) {
      goTo(top.endOffset)
      open.pop()
    }
  }
  for (const range of ranges) {
    close(range.startOffset)
    goTo(range.startOffset)
    open.push(range)
  }
  close(BEYOND)
  return spans
}

const common = (one: Spans, other: Spans): Spans => {
  const spans: number[] = []
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    const start = Math.max(one[i] ?? 0, other[j] ?? 0)
    const end = Math.min(one[i + 1] ?? 0, other[j + 1] ?? 0)
    if (start < end) spans.push(start, end)
    if ((one[i + 1] ?? 0) < (other[j + 1] ?? 0)) i += 2
    else j += 2
  }
  return spans
}

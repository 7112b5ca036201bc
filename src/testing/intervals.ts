import { readFileSync } from 'node:fs'
import { CaucusError } from '../errors.ts'

/**
 * One line of an interval log: `who` claimed `what`, from its first claim at `startNs` to its last at `endNs`, both included.
 *
 * Times are readings of `process.hrtime.bigint()` as plain numbers. All processes of one machine share that clock; logs of two machines
 * cannot be compared. (After 104 days of uptime such a number is rounded to 2 ns, which never turns an order around.)
 */
export interface IntervalRecord {
  readonly who: string
  readonly what: string
  readonly epoch: number
  readonly startNs: number
  readonly endNs: number
}

/** Two claims to the same thing, by two owners, with an instant in common. */
export interface Overlap {
  readonly what: string
  /** The claim that began first. */
  readonly earlier: IntervalRecord
  readonly later: IntervalRecord
  readonly startNs: number
  readonly endNs: number
}

/**
 * Finds who claimed the same thing as somebody else at one instant; empty exactly when nobody did.
 *
 * Each claim is reported at most once, beside the longest-lasting claim of somebody else that had begun before it: all pairs could be as
 * many as the square of the log, while this takes O(n log n).
 */
export const findOverlaps = (records: Iterable<IntervalRecord>): Overlap[] => {
  const claims = [...records].sort((a, b) => a.startNs - b.startNs)
  const begun = new Map<string, Begun>()
  const overlaps: Overlap[] = []
  for (const later of claims) {
    const { what } = later
    const before = begun.get(what)
    const earlier = before?.longest.who === later.who ? before.other : before?.longest
    if (earlier !== undefined && earlier.endNs >= later.startNs)
      overlaps.push({ what, earlier, later, startNs: later.startNs, endNs: Math.min(earlier.endNs, later.endNs) })
    begun.set(what, before === undefined ? { longest: later, other: undefined } : add(before, later))
  }
  return overlaps
}

/** Of the claims to one thing that have begun: the one that lasts longest, and the longest of anybody but its owner. */
interface Begun {
  readonly longest: IntervalRecord
  readonly other: IntervalRecord | undefined
}

const add = ({ longest, other }: Begun, claim: IntervalRecord): Begun => {
  if (claim.endNs > longest.endNs) return { longest: claim, other: claim.who === longest.who ? other : longest }
  if (claim.who === longest.who || (other !== undefined && claim.endNs <= other.endNs)) return { longest, other }
  return { longest, other: claim }
}

/**
 * The records of an interval log (NDJSON).
 *
 * A last line without its newline is left out: its writer was killed in the middle of it. Anything else that is no record is
 * `CAUCUS_INVALID_ARGUMENT` with its line, since a checker that skips what it cannot read proves nothing.
 */
export const parseIntervals = (text: string, source = 'interval log'): IntervalRecord[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      const record = parseLine(line)
      if (record !== undefined) return record
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `${source}:${index + 1} is no { who, what, epoch, startNs, endNs } with startNs ≤ endNs: ${line.slice(0, 200)}`,
        { details: { line: index + 1 } },
      )
    })

/** The records of the interval log in `file`. */
export const readIntervals = (file: string): IntervalRecord[] => parseIntervals(readFileSync(file, 'utf8'), file)

const parseLine = (line: string): IntervalRecord | undefined => {
  let value: Partial<Record<keyof IntervalRecord, unknown>> | null
  try {
    value = JSON.parse(line)
  } catch {
    return undefined // The caller says which line it is.
  }
  const { who, what, epoch, startNs, endNs } = value ?? {}
  if (typeof who !== 'string' || typeof what !== 'string') return undefined
  if (typeof epoch !== 'number' || typeof startNs !== 'number' || typeof endNs !== 'number') return undefined
  return startNs <= endNs ? { who, what, epoch, startNs, endNs } : undefined
}

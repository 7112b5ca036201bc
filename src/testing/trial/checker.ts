import { findOverlaps, type IntervalRecord, type Overlap } from '../intervals.ts'
import { memberOf } from './things.ts'

/** An owner whose epoch is not above that of the owner before. */
export interface Fall {
  readonly what: string
  readonly earlier: IntervalRecord
  readonly later: IntervalRecord
}

/** For how long nobody owned something. */
export interface Gap {
  readonly what: string
  readonly startNs: number
  readonly endNs: number
  readonly earlier: IntervalRecord | undefined
  /** Whoever got it; `undefined`: nobody yet. */
  readonly later: IntervalRecord | undefined
}

export interface Findings {
  readonly overlaps: readonly Overlap[]
  readonly falls: readonly Fall[]
}

/**
 * Epochs must rise with every owner, in the order of real time; successive processes of one member may go on under the same one.
 * Empty exactly when they do.
 */
export const findFalls = (records: Iterable<IntervalRecord>): Fall[] => {
  const falls: Fall[] = []
  for (const [what, claims] of byThing(records)) {
    let highest: IntervalRecord | undefined
    for (const later of claims) {
      if (highest !== undefined && !mayFollow(highest, later)) falls.push({ what, earlier: highest, later })
      if (highest === undefined || later.epoch >= highest.epoch) highest = later
    }
  }
  return falls
}

const mayFollow = (earlier: IntervalRecord, later: IntervalRecord): boolean =>
  later.epoch > earlier.epoch || (later.epoch === earlier.epoch && memberOf(later.who) === memberOf(earlier.who))

/** When any of `things` had no owner between two instants. */
export const findGaps = (
  records: Iterable<IntervalRecord>,
  things: Iterable<string>,
  { fromNs, toNs }: { readonly fromNs: number; readonly toNs: number },
): Gap[] => {
  const claimed = byThing(records)
  const gaps: Gap[] = []
  for (const what of things) {
    let startNs = fromNs
    let earlier: IntervalRecord | undefined
    for (const claim of claimed.get(what) ?? []) {
      if (claim.startNs > toNs) break
      if (claim.startNs > startNs) gaps.push({ what, startNs, endNs: claim.startNs, earlier, later: claim })
      startNs = Math.max(startNs, claim.endNs)
      if (earlier === undefined || claim.endNs >= earlier.endNs) earlier = claim
    }
    if (startNs < toNs) gaps.push({ what, startNs, endNs: toNs, earlier, later: undefined })
  }
  return gaps
}

/** The claims to each thing in the order of their begin. */
const byThing = (records: Iterable<IntervalRecord>): Map<string, IntervalRecord[]> => {
  const things = new Map<string, IntervalRecord[]>()
  for (const record of records) {
    const claims = things.get(record.what)
    if (claims === undefined) things.set(record.what, [record])
    else claims.push(record)
  }
  for (const claims of things.values()) claims.sort((a, b) => a.startNs - b.startNs || a.epoch - b.epoch)
  return things
}

const MOST_FINDINGS = 1_000

/**
 * Judges the claims of a run while it goes on, by the interval logs alone.
 *
 * Claims that ended long ago are let go once they were judged, except for the last one of each thing, so that a run can take as long as it
 * likes.
 */
export class Checker {
  readonly #claims = new Map<string, IntervalRecord>()
  readonly #latest = new Map<string, IntervalRecord>()
  readonly #known = new Set<string>()
  readonly #findings = { overlaps: [] as Overlap[], falls: [] as Fall[] }
  #letGo = 0

  /** Claims so far. A line that tells how a claim grew counts once with it. */
  get claims(): number {
    return this.#letGo + this.#claims.size
  }

  add(records: Iterable<IntervalRecord>): void {
    for (const record of records) {
      const key = keyOf(record)
      if ((this.#claims.get(key)?.endNs ?? Number.NEGATIVE_INFINITY) <= record.endNs) this.#claims.set(key, record)
      const latest = this.#latest.get(record.what)
      if (latest === undefined || record.endNs >= latest.endNs) this.#latest.set(record.what, record)
    }
  }

  /** Everything that was found so far, each once. */
  check(): Findings {
    const { overlaps, falls } = this.#findings
    for (const found of findOverlaps(this.#claims.values())) if (this.#isNew('overlap', found)) overlaps.push(found)
    for (const found of findFalls(this.#claims.values())) if (this.#isNew('fall', found)) falls.push(found)
    return this.#findings
  }

  #isNew(kind: string, { earlier, later }: { earlier: IntervalRecord; later: IntervalRecord }): boolean {
    const key = `${kind} ${keyOf(earlier)} ${keyOf(later)}`
    // What is broken all the time is broken enough.
    if (this.#known.has(key) || this.#known.size >= MOST_FINDINGS) return false
    this.#known.add(key)
    return true
  }

  /** The latest instant at which each of `things` had an owner, as far as is written down; `undefined` while there is none. */
  wholeAtNs(things: readonly string[]): number | undefined {
    const latest = things.map((what) => this.#latest.get(what))
    const atNs = Math.min(...latest.map((claim) => claim?.endNs ?? Number.NEGATIVE_INFINITY))
    return latest.every((claim) => claim !== undefined && claim.startNs <= atNs) ? atNs : undefined
  }

  /** Whoever had each thing last. */
  latest(what: string): IntervalRecord | undefined {
    return this.#latest.get(what)
  }

  /** The claims to something, as far as they are kept. */
  claimsTo(what: string): IntervalRecord[] {
    return [...this.#claims.values()].filter((claim) => claim.what === what)
  }

  gaps(things: Iterable<string>, window: { readonly fromNs: number; readonly toNs: number }): Gap[] {
    return findGaps(this.#claims.values(), things, window)
  }

  /** Judges, and then lets go of what ended before that instant. */
  forget(beforeNs: number): void {
    this.check()
    const anchors = new Set([...this.#latest.values()].map(keyOf))
    for (const [key, { endNs }] of this.#claims) {
      if (endNs >= beforeNs || anchors.has(key)) continue
      this.#claims.delete(key)
      this.#letGo++
    }
  }
}

const keyOf = ({ who, what, epoch, startNs }: IntervalRecord): string => `${who} ${what} ${epoch} ${startNs}`

/** One line for a reader: who and who else, over what, and for how long. */
export const describeOverlap = ({ what, earlier, later, startNs, endNs }: Overlap): string =>
  `${what}: ${earlier.who} (epoch ${earlier.epoch}) and ${later.who} (epoch ${later.epoch}) at once for ${((endNs - startNs) / 1e6).toFixed(1)} ms`

export const describeFall = ({ what, earlier, later }: Fall): string =>
  `${what}: ${later.who} at epoch ${later.epoch}, ${((later.startNs - earlier.endNs) / 1e6).toFixed(1)} ms after ${earlier.who} at epoch ${earlier.epoch}`

import type { IntervalRecord } from '../testing/intervals.ts'

interface Claim {
  readonly epoch: number
  readonly startNs: number
  endNs: number
  /** Extended since it was last written down. */
  news: boolean
}

/**
 * From when to when this process believed that it owned each partition, claimed on evidence only.
 *
 * Time is read before and after each check. A claim begins with the reading after its first true check and ends with the one before its
 * last: whatever a process that is frozen claims, it stopped claiming before it was frozen. Between two true checks under one
 * epoch it was never somebody else's, since every grant has an epoch of its own.
 */
export class Claims {
  readonly #who: string
  readonly #open = new Map<number, Claim>()

  constructor(who: string) {
    this.#who = who
  }

  get size(): number {
    return this.#open.size
  }

  /** One look at everything that is held now. Gives what must be written down at once: claims that began, and claims that ended. */
  look(held: ReadonlyMap<number, number>, beforeNs: number, afterNs: number): IntervalRecord[] {
    const records: IntervalRecord[] = []
    for (const [partition, claim] of this.#open) {
      if (held.get(partition) === claim.epoch) continue
      this.#open.delete(partition)
      records.push(this.#record(partition, claim))
    }
    for (const [partition, epoch] of held) {
      if (this.#extend(partition, epoch, beforeNs)) continue
      const claim = { epoch, startNs: afterNs, endNs: afterNs, news: false }
      this.#open.set(partition, claim)
      records.push(this.#record(partition, claim))
    }
    return records
  }

  #extend(partition: number, epoch: number, beforeNs: number): boolean {
    const claim = this.#open.get(partition)
    if (claim?.epoch !== epoch) return false
    if (beforeNs > claim.endNs) {
      claim.endNs = beforeNs
      claim.news = true
    }
    return true
  }

  /** The epoch under which a partition is claimed. */
  epochOf(partition: number): number | undefined {
    return this.#open.get(partition)?.epoch
  }

  /** Every claim that grew since it was written down last. A line of the same epoch and start replaces the one before. */
  news(): IntervalRecord[] {
    const records: IntervalRecord[] = []
    for (const [partition, claim] of this.#open) {
      if (claim.news) records.push(this.#record(partition, claim))
      claim.news = false
    }
    return records
  }

  #record(partition: number, { epoch, startNs, endNs }: Claim): IntervalRecord {
    return { who: this.#who, what: thing(partition), epoch, startNs, endNs }
  }
}

/** How a partition is called in an interval log. */
export const thing = (partition: number): string => `partition ${partition}`

/** One record for each claim: of those with the same begin, which tell how it grew, the longest. */
export const wholeClaims = (records: Iterable<IntervalRecord>): IntervalRecord[] => {
  const claims = new Map<string, IntervalRecord>()
  for (const record of records) {
    const key = `${record.who} ${record.what} ${record.epoch} ${record.startNs}`
    if ((claims.get(key)?.endNs ?? 0) <= record.endNs) claims.set(key, record)
  }
  return [...claims.values()]
}

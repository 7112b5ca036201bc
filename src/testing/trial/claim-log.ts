import { appendFileSync } from 'node:fs'
import type { IntervalRecord } from '../intervals.ts'
import { clockNs } from './things.ts'

/** Something believed to be owned, and under which epoch. */
export interface Belief {
  readonly what: string
  readonly epoch: number
}

interface Claim extends Belief {
  readonly startNs: number
  endNs: number
  /** Extended since it was last written down. */
  news: boolean
}

const WRITE_EVERY_MS = 250

/**
 * The interval log of one process: from when to when it believed in what, on evidence only.
 *
 * The clock is read before and after the checks. A claim begins with the reading after its first true check and ends with the one before
 * its last, so a process that is frozen claims nothing that it did not check. Between two true checks under one epoch nobody else can
 * have been the owner, since every grant has an epoch of its own. A line with the `startNs` of an earlier one replaces it.
 */
export class ClaimLog {
  readonly #who: string
  readonly #file: string
  readonly #writeEveryMs: number
  readonly #open = new Map<string, Claim>()
  #writtenNs = 0

  constructor(who: string, file: string, { writeEveryMs = WRITE_EVERY_MS }: { readonly writeEveryMs?: number } = {}) {
    this.#who = who
    this.#file = file
    this.#writeEveryMs = writeEveryMs
    appendFileSync(file, '')
  }

  /** Looks at everything that is believed now. `check` asks at this instant; what it does not name any more has ended. */
  look(check: () => Iterable<Belief>): void {
    const beforeNs = clockNs()
    const believed = new Map<string, Belief>()
    for (const belief of check()) believed.set(`${belief.what} ${belief.epoch}`, belief)
    const afterNs = clockNs()
    const records: IntervalRecord[] = []
    for (const [key, claim] of this.#open) {
      if (believed.has(key)) continue
      this.#open.delete(key)
      records.push(this.#record(claim))
    }
    for (const [key, { what, epoch }] of believed) {
      const claim = this.#open.get(key)
      if (claim === undefined) {
        const begun = { what, epoch, startNs: afterNs, endNs: afterNs, news: false }
        this.#open.set(key, begun)
        records.push(this.#record(begun))
      } else if (beforeNs > claim.endNs) {
        claim.endNs = beforeNs
        claim.news = true
      }
    }
    this.#write(records)
    if (afterNs - this.#writtenNs >= this.#writeEveryMs * 1e6) this.flush()
  }

  /** Writes down every claim that has grown. */
  flush(): void {
    const grown = [...this.#open.values()].filter(({ news }) => news)
    for (const claim of grown) claim.news = false
    this.#writtenNs = clockNs()
    this.#write(grown.map((claim) => this.#record(claim)))
  }

  #record({ what, epoch, startNs, endNs }: Claim): IntervalRecord {
    return { who: this.#who, what, epoch, startNs, endNs }
  }

  #write(records: readonly IntervalRecord[]): void {
    // One write, so that a process that is killed loses no more than the line it is writing.
    if (records.length > 0) appendFileSync(this.#file, records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  }
}

import type { Instant } from '../time.ts'
import type { Because } from './reasons.ts'

export interface Tombstone {
  readonly because: Because
  /** Of the last message that was processed: what is older is a straggler. */
  readonly sequence: number
  readonly until: Instant
}

/**
 * Remembers for a grant time which processes are gone, so that their stragglers do not bring them back.
 * It names the process (boot id), never the member id: a new join is not delayed by it.
 */
export class Tombstones {
  /** In order of burial; all last equally long, so the first is the first to be forgotten. */
  readonly #graves = new Map<string, Tombstone>()

  get size(): number {
    return this.#graves.size
  }

  get(bootId: string): Tombstone | undefined {
    return this.#graves.get(bootId)
  }

  add(bootId: string, tombstone: Tombstone): void {
    this.#graves.delete(bootId)
    this.#graves.set(bootId, tombstone)
  }

  addAll(others: Tombstones): void {
    for (const [bootId, tombstone] of others.#graves) this.add(bootId, tombstone)
  }

  forget(now: Instant): void {
    for (const [bootId, { until }] of this.#graves) {
      if (until > now) break
      this.#graves.delete(bootId)
    }
  }

  wakeAt(): Instant | undefined {
    const [first] = this.#graves.values()
    return first?.until
  }
}

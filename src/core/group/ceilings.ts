import type { Instant } from '../time.ts'
import { configuredLeases } from './configured-leases.ts'
import type { CoordinatorOptions } from './coordinator-io.ts'
import { type ConfiguredLeases, ceilingUntil, lowerAt, loweredFoundation, sameFoundation } from './foundation.ts'
import type { Ledger } from './ledger.ts'

/** Until when somebody may hold something from before this start. Once that is over for all, the ceilings are lowered to what is configured. */
export class Ceilings {
  readonly #options: CoordinatorOptions
  readonly #ledger: Ledger
  readonly #leases: ConfiguredLeases
  #lowerAt: Instant | undefined

  constructor(options: CoordinatorOptions, ledger: Ledger) {
    const { foundation, startedAt } = options
    this.#options = options
    this.#ledger = ledger
    this.#leases = configuredLeases(options)
    const lowered = loweredFoundation(foundation, this.#leases)
    if (!sameFoundation(lowered, foundation)) this.#lowerAt = lowerAt(foundation, startedAt)
  }

  /** In this group. */
  until(group: string): Instant {
    const { foundation, startedAt, fresh } = this.#options
    return fresh ? startedAt : ceilingUntil(foundation, group, startedAt)
  }

  /** In any. */
  areOver(now: Instant): boolean {
    const { foundation, startedAt, fresh } = this.#options
    return fresh || now >= lowerAt(foundation, startedAt)
  }

  woke(now: Instant): void {
    if (this.#lowerAt === undefined || now < this.#lowerAt) return
    this.#lowerAt = undefined
    this.#ledger.ask({
      change: (foundation) => loweredFoundation(foundation, this.#leases),
      durable: () => undefined,
      failed: (later) => {
        this.#lowerAt = later
      },
    })
  }

  get wakeAt(): Instant {
    return this.#lowerAt ?? Number.POSITIVE_INFINITY
  }
}

import type { Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { Engine, LeaseId, Revision } from './engine.ts'
import type { Keys } from './keys.ts'
import type { CoordinatorRecord } from './records.ts'

/** What whoever was elected has. */
export interface Elected {
  /** The create revision of the key `coordinator`. */
  readonly revision: Revision
  readonly lease: LeaseId
  readonly ttlMs: Millis
}

export interface CandidacyOptions {
  readonly engine: Engine
  readonly keys: Keys
  readonly process: string
  readonly ttlSeconds: number
  readonly telemetry?: Telemetry | undefined
}

/** Tries once to be elected. Resolves with `undefined` when somebody else is; rejects with what etcd says, and then leaves nothing that stays. */
export const stand = async (options: CandidacyOptions): Promise<Elected | undefined> => {
  const { engine, keys, process, ttlSeconds } = options
  const { lease, ttlMs } = await engine.grant(ttlSeconds)
  const record: CoordinatorRecord = { process }
  try {
    const { held, revision } = await engine.transact({
      when: [{ key: keys.coordinator, of: 'createRevision', is: 0 }],
      then: [{ type: 'put', key: keys.coordinator, value: JSON.stringify(record), lease }],
    })
    if (held) return { revision, lease, ttlMs }
  } catch (error) {
    // It may have happened, or happen still: not without the lease.
    await giveUp(options, lease)
    throw error
  }
  await giveUp(options, lease)
  return undefined
}

/** With the lease goes the key. Where nobody can be told, it runs out. */
export const giveUp = async (
  { engine, telemetry }: Pick<CandidacyOptions, 'engine' | 'telemetry'>,
  lease: LeaseId,
): Promise<void> => {
  try {
    await engine.revoke(lease)
  } catch (error) {
    if (!isCaucusError(error)) throw error
    telemetry?.log('info', 'a lease could not be given back to etcd; it runs out by itself', {
      event: 'lease.abandoned',
      error,
    })
  }
}

export interface LeaseKeeperOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly elected: Elected
  /** etcd does not know it any more. */
  lost(): void
  onFault(error: unknown): void
}

/** Keeps a lease alive until it is closed. Whether it still is, only etcd knows: nothing is decided by it. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#later(options.elected.ttlMs / 3)
  }

  #later(ms: Millis): void {
    if (this.#isClosed) return
    const { clock, onFault } = this.#options
    this.#timer = clock.setTimer(clock.now() + ms, () => void this.#keep().catch(onFault), { ref: false })
  }

  async #keep(): Promise<void> {
    const { engine, elected, lost } = this.#options
    try {
      const isThere = await engine.keepAlive(elected.lease)
      if (this.#isClosed) return
      if (isThere) this.#later(elected.ttlMs / 3)
      else lost()
    } catch (error) {
      if (this.#isClosed) return
      if (!isCaucusError(error)) throw error
      if (error.code === 'CAUCUS_CLOSED') return lost()
      // Somebody else is elected if this goes on, and then every write of ours fails.
      this.#later(elected.ttlMs / 10)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
  }
}

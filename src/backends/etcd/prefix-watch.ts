import { type CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { BackOff } from '../../runtime/back-off.ts'
import type { Change, Engine, Entry, Revision, Watching } from './engine.ts'

export interface PrefixWatchOptions {
  readonly engine: Pick<Engine, 'list' | 'watch'>
  readonly prefix: string
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
  /** Everything that is there, at first and whenever what happened in between is not known. */
  listed(entries: readonly Entry[], revision: Revision): void
  /** What happened since, one revision after the other. */
  changed(changes: readonly Change[], revision: Revision): void
  /** It cannot be read for the moment; told once until it can. */
  failed?(error: CaucusError): void
  /** It can be read again. */
  recovered?(): void
  onFault(error: unknown): void
}

const RETRY_MAX_MS = 1_000

/** What lies under a prefix, for as long as it is open: listed, then watched; listed anew when the watch was lost or came too late. */
export class PrefixWatch {
  readonly #options: PrefixWatchOptions
  readonly #backOff: BackOff
  #watching: Watching | undefined
  #timer: Timer | undefined
  #isFailing = false
  #isClosed = false
  #listing: Promise<void> | undefined

  constructor(options: PrefixWatchOptions) {
    this.#options = options
    this.#backOff = new BackOff(options.random, RETRY_MAX_MS)
    this.#begin()
  }

  #begin(): void {
    const listing = this.#list().catch((error: unknown) => {
      if (this.#isClosed) return
      void this.close()
      this.#options.onFault(error)
    })
    this.#listing = listing
  }

  async #list(): Promise<void> {
    const { engine, prefix, listed, failed, recovered } = this.#options
    try {
      const { entries, revision } = await engine.list(prefix)
      if (this.#isClosed) return
      const wasFailing = this.#isFailing
      this.#isFailing = false
      if (wasFailing) recovered?.()
      listed(entries, revision)
      if (!this.#isClosed) this.#watch(revision + 1)
    } catch (error) {
      if (this.#isClosed) return
      if (!isCaucusError(error)) throw error
      if (error.code === 'CAUCUS_CLOSED') return
      if (!this.#isFailing) failed?.(error)
      this.#isFailing = true
      this.#later()
    }
  }

  #watch(from: Revision): void {
    const { engine, prefix, changed } = this.#options
    this.#watching = engine.watch(prefix, from, {
      changed: (changes, revision) => {
        if (this.#isClosed) return
        this.#backOff.reset()
        changed(changes, revision)
      },
      progressed: () => this.#backOff.reset(),
      ended: () => {
        this.#watching = undefined
        if (!this.#isClosed) this.#later()
      },
    })
  }

  #later(): void {
    const { clock } = this.#options
    const again = () => {
      this.#timer = undefined
      this.#begin()
    }
    this.#timer = clock.setTimer(clock.now() + this.#backOff.nextPauseMs(), again, { ref: false })
  }

  /** Nothing is told any more. Resolves once nothing of it is left. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.clear()
    this.#watching?.close()
    await this.#listing
  }
}

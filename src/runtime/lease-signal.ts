import type { Instant } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'

export interface LeaseSignalOptions {
  /** The holder's clock. */
  readonly clock: Clock
  /** Until when the lease runs, asked at every read; it moves with each renewal. `undefined`: it is over. */
  validUntil(): Instant | undefined
  /** Why the lease is over, asked once, when it has run out. */
  reason(): unknown
}

/**
 * The `AbortSignal` of work that may go on only while a lease runs.
 *
 * Every read of `aborted`, `reason` and `throwIfAborted()` is compared with the clock, so it is right even in code that runs before our timer,
 * right after a stall. The `abort` event comes with our first timer after that; a signal combined from this one (`AbortSignal.any`)
 * knows only the event. Once seen aborted it stays aborted, whatever the lease does later.
 *
 * It is Node's own kind of signal, so fetch, timers and `addEventListener` take it.
 */
export class LeaseSignal implements Disposable {
  readonly #controller = new AbortController()
  readonly #options: LeaseSignalOptions
  #ended: { readonly reason: unknown } | undefined
  #state: 'armed' | 'announced' | 'disposed' = 'armed'
  #timer: Timer | undefined

  constructor(options: LeaseSignalOptions) {
    this.#options = options
    Object.defineProperties(this.signal, {
      aborted: { configurable: true, get: () => this.#end() !== undefined },
      reason: { configurable: true, get: () => this.#end()?.reason },
      throwIfAborted: { configurable: true, value: () => this.#throwIfAborted() },
    })
    this.check()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends it now, before the lease does. Of several reasons the first stays. */
  abort(reason: unknown): void {
    this.#ended ??= { reason }
    this.check()
  }

  /** Sends the event if the lease is over, else comes back when it will be. To be called when the lease has become *shorter*. */
  check(): void {
    if (this.#state === 'announced') return
    this.#timer?.clear()
    const ended = this.#end()
    const until = this.#options.validUntil()
    if (ended !== undefined) this.#announce(ended.reason)
    else if (this.#state === 'armed' && until !== undefined) this.#arm(until)
  }

  #arm(until: Instant): void {
    // A lease that was renewed meanwhile is found to run when the timer fires, so a renewal costs nothing here.
    this.#timer = this.#options.clock.setTimer(until, () => this.check(), { ref: false })
  }

  /** No event comes any more unless `abort` is called; what is read stays true. To dispose of it twice is to do so once. */
  [Symbol.dispose](): void {
    this.#timer?.clear()
    if (this.#state === 'armed') this.#state = 'disposed'
  }

  #end(): { readonly reason: unknown } | undefined {
    if (this.#ended === undefined) {
      const until = this.#options.validUntil()
      if (until === undefined || !(this.#options.clock.now() < until)) this.#ended = { reason: this.#options.reason() }
    }
    return this.#ended
  }

  #throwIfAborted(): void {
    const ended = this.#end()
    if (ended !== undefined) throw ended.reason
  }

  #announce(reason: unknown): void {
    this.#state = 'announced'
    // Nothing is left to compute: an ordinary aborted signal, which does not hold on to whatever the lease is computed from.
    for (const computed of ['aborted', 'reason', 'throwIfAborted']) Reflect.deleteProperty(this.signal, computed)
    this.#controller.abort(reason)
  }
}

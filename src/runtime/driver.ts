import type { Machine, Tick } from '../core/machine.ts'
import type { Instant } from '../core/time.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import { StallGuard } from './stall-guard.ts'
import { isCompletion, type Ordered, TicketGate, type Verdict } from './tickets.ts'

/** What was lost, and why: too much waiting in the inbox or behind the store, or a write that failed. */
export type Dropped<Input, Effect> =
  | { readonly cause: 'inboxFull'; readonly input: Input }
  | { readonly cause: 'storeBehind' | 'unsaved'; readonly effect: Effect }

export interface DriverOptions<Input, Effect> {
  readonly clock: Clock
  /** Does what the machine decided at `now`, without waiting for it. A `persist` comes back by posting a `Completion`. */
  perform(effect: Effect, now: Instant): void
  /** Called once nothing is queued: the place to publish the view and to flush what was written. */
  afterTurn?(): void
  /** A broken invariant, thrown by the machine or by one of these callbacks. The driver has closed itself before. */
  onFault(error: unknown): void
  /** Called for each input and effect that was dropped. */
  onDropped(dropped: Dropped<Input, Effect>): void
  /** How many inputs may wait, and how many effects may wait for the store. */
  readonly limit?: number
  /** Whether waiting for the machine's next instant keeps the process alive. Default `true`. */
  readonly ref?: boolean
  /** Default: the one that everybody on this clock shares. */
  readonly guard?: StallGuard
}

/**
 * Turns a machine into a running thing: one inbox with a bound, one timer, each step with one reading of the clock.
 *
 * It runs to completion, never re-enters and never awaits: an input posted while it is idle has been stepped and its effects performed
 * when `post` returns; one posted from inside (by an effect) waits its turn. A slow disk cannot stop the clock, since
 * the end of a write comes back as input.
 */
export class Driver<Input extends { readonly type: string }, Effect extends Ordered> implements Disposable {
  readonly #machine: Machine<Input, Effect, unknown>
  readonly #options: DriverOptions<Input, Effect>
  readonly #guard: StallGuard
  readonly #unsubscribe: () => void
  readonly #limit: number
  readonly #gate: TicketGate<Effect>
  #inbox: (Input | Tick)[] = []
  #waiting = 0
  #dropped = 0
  #running = false
  #closed = false
  #timer: Timer | undefined
  #armedAt: Instant = 0
  #turn: Timer | undefined

  constructor(machine: Machine<Input, Effect, unknown>, options: DriverOptions<Input, Effect>) {
    this.#machine = machine
    this.#options = options
    this.#limit = options.limit ?? 10_000
    this.#gate = new TicketGate(this.#limit)
    this.#guard = options.guard ?? StallGuard.of(options.clock)
    this.#arm()
    this.#unsubscribe = this.#guard.subscribe((stalled) => this.#run(stalled))
  }

  /** How many inputs and effects have been dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes an input. `false`: not taken, because the inbox is full (slow down) or the driver has closed. */
  post(input: Input): boolean {
    if (this.#closed) return false
    // The end of a write is always taken: there are no more of them than writes, and others wait for it.
    if (this.#waiting >= this.#limit && !isCompletion(input)) {
      this.#drop({ cause: 'inboxFull', input })
      return false
    }
    this.#run(input)
    return true
  }

  /** Nothing runs any more, no timer is left, and what waited is forgotten. Closing twice is closing once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.clear()
    this.#turn?.clear()
    this.#unsubscribe()
    this.#gate.clear()
    this.#inbox = []
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #run(input: Input | Tick): void {
    if (this.#running) {
      this.#inbox.push(input)
      this.#waiting++
      return
    }
    this.#running = true
    try {
      this.#step(input)
      do {
        this.#drain()
        if (!this.#closed) this.#options.afterTurn?.()
      } while (this.#inbox.length > 0)
      if (!this.#closed) this.#arm()
    } catch (error) {
      this.#fault(error)
    }
    this.#running = false
  }

  #drain(): void {
    while (this.#inbox.length > 0) {
      const batch = this.#inbox
      this.#inbox = []
      for (const input of batch) {
        if (this.#closed) return
        this.#waiting--
        this.#step(input)
      }
    }
  }

  #step(input: Input | Tick): void {
    const now = this.#options.clock.now()
    if (isCompletion(input)) {
      const verdict = input.type === 'persisted' ? 'perform' : 'unsaved'
      for (const effect of this.#gate.complete(input)) this.#carryOut(effect, verdict, now)
      if (this.#closed) return
    }
    for (const effect of this.#machine.step(input, now)) this.#carryOut(effect, this.#gate.admit(effect), now)
  }

  #carryOut(effect: Effect, verdict: Verdict, now: Instant): void {
    // Nothing follows an effect that closed the driver.
    if (this.#closed || verdict === 'held') return
    if (verdict === 'perform') this.#options.perform(effect, now)
    else this.#drop({ cause: verdict, effect })
  }

  #drop(dropped: Dropped<Input, Effect>): void {
    this.#dropped++
    this.#options.onDropped(dropped)
  }

  #arm(): void {
    const at = this.#machine.wakeAt()
    if (this.#turn !== undefined) return
    // A timer that is armed too early looks again when it fires: cheaper than a new one for each deadline that moves away.
    if (this.#timer !== undefined && at !== undefined && this.#armedAt <= at) return
    this.#timer?.clear()
    this.#timer = undefined
    if (at === undefined) return
    this.#armedAt = at
    this.#timer = this.#options.clock.setTimer(at, () => this.#fired(), { ref: this.#options.ref ?? true })
  }

  /** Packets that are queued are read, and a stall is reported, before anybody is judged. */
  #fired(): void {
    this.#timer = undefined
    if (this.#isDue()) this.#turn = this.#options.clock.turn(() => this.#wake(false))
  }

  #wake(turnedAgain: boolean): void {
    this.#turn = undefined
    // No third turn: a loop that stalls in every turn must still get to its heartbeats.
    if (this.#guard.look() && !turnedAgain) this.#turn = this.#options.clock.turn(() => this.#wake(true))
    else {
      this.#guard.report()
      if (this.#isDue()) this.#run({ type: 'woke' })
    }
  }

  /** Whether it is time to wake the machine; if not, the timer is armed for when it will be. */
  #isDue(): boolean {
    if (this.#closed) return false
    try {
      const at = this.#machine.wakeAt()
      if (at !== undefined && at <= this.#options.clock.now()) return true
      this.#arm()
    } catch (error) {
      this.#fault(error)
    }
    return false
  }

  #fault(error: unknown): void {
    this.close()
    this.#options.onFault(error)
  }
}

import { type Conclusion, type Holding, type Ran, TENURE } from '../core/group/messages.ts'
import { groupOfOnce, type Once } from '../core/group/onces.ts'
import type { Epoch } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Backend, JoinRequest, MembershipListener, MembershipPort } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import { LeaseSignal } from '../runtime/lease-signal.ts'
import { onceLost } from './once.ts'

/** How long a report is repeated that nobody answers. After that the others know for long that the run is lost. */
const REPORT_LIMIT_MS = 600_000
/** How long somebody waits for it to be heard. */
const HEARD_WAIT_MS = 1_000

/** Who calls, for what. */
export interface OnceRequest extends Pick<JoinRequest, 'member' | 'bootId' | 'heartbeatMs' | 'stopMarginMs'> {
  readonly once: Once
}

/** It is this process that runs it. */
export interface Turn {
  readonly token: Epoch
  readonly signal: AbortSignal
}

interface Waiting {
  resolve(first: Turn | Conclusion): void
  reject(error: unknown): void
}

/**
 * One call of `once()`, from its coming until everybody who has to know how it ended does. What it was given it lets go of when the work has
 * stopped, and not before: neither when its signal was aborted, nor when the connection is being closed.
 */
export class OnceCall implements MembershipListener {
  readonly #once: Once
  readonly #clock: Clock
  readonly #port: MembershipPort
  readonly #onEnded: (call: OnceCall) => void
  #admitted = false
  #waiting: Waiting | undefined
  #turn: { readonly token: Epoch; readonly lease: LeaseSignal } | undefined
  /** Nobody works on it. */
  #idle = true
  #draining: readonly Holding[] = []
  #leaving: Promise<void> | undefined
  #ended: { readonly error: CaucusError | undefined } | undefined

  constructor(backend: Backend, { once, ...request }: OnceRequest, onEnded: (call: OnceCall) => void) {
    this.#once = once
    this.#clock = backend.clocks.holder
    this.#onEnded = onEnded
    this.#port = backend.join({ ...request, group: groupOfOnce(once), share: 'once' }, this)
  }

  get over(): boolean {
    return this.#ended !== undefined
  }

  /** Resolves with the turn to run it, or with how it ended elsewhere. Rejects with the signal's reason, which ends the call. */
  async first(signal: AbortSignal | undefined): Promise<Turn | Conclusion> {
    const abort = () => this.#waiting?.reject(signal?.reason)
    try {
      return await new Promise<Turn | Conclusion>((resolve, reject) => {
        this.#waiting = { resolve, reject }
        if (signal?.aborted) return abort()
        signal?.addEventListener('abort', abort, { once: true })
        if (this.#ended === undefined) this.#serve()
        else this.#told()
      })
    } catch (error) {
      this.#port.close()
      throw error
    } finally {
      this.#waiting = undefined
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Whoever works on it is to stop, and to be waited for: that counts as a failure, which is said once the work has stopped. */
  retire(reason: unknown): void {
    const turn = this.#turn
    if (turn === undefined || this.#idle) return this.#port.close()
    turn.lease.abort(reason)
    this.#leave(HEARD_WAIT_MS, { token: turn.token, outcome: 'failed' })
  }

  /** The work has stopped. True when it ran to its end in time, and is reported so. */
  finish(outcome: Ran['outcome']): boolean {
    const turn = this.#turn
    const inTime = turn !== undefined && !turn.lease.signal.aborted
    this.#idle = true
    if (inTime) this.#leave(REPORT_LIMIT_MS, { token: turn.token, outcome })
    else this.#leave(HEARD_WAIT_MS)
    turn?.lease.abort(new CaucusError('CAUCUS_CLOSED', 'this run is over; nothing more of it is to be done'))
    this.#letGo()
    return inTime
  }

  /** Resolves once whoever has to know has heard of it, or a second after it was said first. It is said again until it is heard. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      const limit = this.#clock.setTimer(this.#clock.now() + HEARD_WAIT_MS, () => resolve())
      const left = this.#leaving ?? Promise.resolve()
      void left.then(() => {
        limit.clear()
        resolve()
      })
    })
  }

  /** Ends the call with the connection: what waits gives up, what runs is waited for as long as its lease lasts. */
  async end(): Promise<void> {
    if (this.#turn !== undefined && this.#idle) return this.heard()
    this.retire(closing())
    await this.#leaving
  }

  changed(): void {
    this.#admitted ||= this.#port.view().state === 'member'
    this.#serve()
  }

  granted(): void {
    this.#serve()
  }

  drain(items: readonly Holding[]): void {
    this.#draining = [...this.#draining, ...items]
    if (this.#idle) this.#letGo()
  }

  lost(_items: readonly Holding[], because: string): void {
    // Whoever is fenced is told why in this very turn.
    if (because !== 'fenced') this.#turn?.lease.abort(this.#isLost(LOST[because] ?? because))
  }

  /** Whoever waits for the admission is told; later it is tried again with every renewal. */
  refused(error: CaucusError): void {
    if (error.code === 'CAUCUS_OVERLOADED' && !this.#admitted) this.#waiting?.reject(error)
  }

  ended(error: CaucusError | undefined): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    if (!this.#idle) this.#turn?.lease.abort(error ?? this.#isLost('the coordinator had given up on this process'))
    this.#told()
    this.#onEnded(this)
  }

  #told(): void {
    const { conclusion } = this.#port.view()
    if (conclusion !== undefined) this.#waiting?.resolve(conclusion)
    else this.#waiting?.reject(this.#ended?.error ?? closing())
  }

  /** It may speak before its `join` has returned, when nobody waits yet. */
  #serve(): void {
    if (this.#waiting === undefined || this.#turn !== undefined || this.#leaving !== undefined) return
    const holding = this.#port.holds(TENURE)
    if (holding === undefined) return
    this.#idle = false
    this.#turn = this.#begin(holding)
    this.#waiting.resolve({ token: this.#turn.token, signal: this.#turn.lease.signal })
  }

  #begin({ epoch: token }: Holding): { token: Epoch; lease: LeaseSignal } {
    const port = this.#port
    const lease = new LeaseSignal({
      clock: this.#clock,
      validUntil: () => (port.holds(TENURE)?.epoch === token ? port.view().validUntil : undefined),
      reason: () => this.#isLost('its lease has run out', token),
    })
    return { token, lease }
  }

  #isLost(why: string, token: Epoch | undefined = this.#turn?.token): CaucusError {
    return onceLost(this.#once, why, token === undefined ? {} : { token })
  }

  #leave(limitMs: Millis, ran?: Ran): void {
    this.#leaving ??= this.#port.leave({ limitMs, ...(ran !== undefined && { ran }) })
  }

  #letGo(): void {
    const items = this.#draining
    this.#draining = []
    if (items.length > 0) this.#port.drained(items)
  }
}

const LOST: Readonly<Record<string, string>> = {
  lapsed: 'it was not renewed in time',
  expired: 'the coordinator had given up on this process',
}

const closing = (): CaucusError => new CaucusError('CAUCUS_CLOSED', 'this connection is being closed')

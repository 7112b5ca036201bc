import type { Instant, Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { systemClocks } from '../runtime/system-clock.ts'
import type { BlocWire } from './bloc-http.ts'
import { errorOf, type Reply, readIndexReply } from './bloc-reply.ts'

type Clock = typeof systemClocks.holder
type Timer = ReturnType<Clock['setTimer']>

export interface BlocPollOptions {
  readonly wire: BlocWire
  readonly intervalMs: Millis
  /** The holder's clock: a machine that slept must not find its slot still good. */
  readonly clock: Clock
  onError(error: CaucusError): void
}

/** The shutdown of a service must not wait for its coordinator, which notices the silence anyway. */
const LEAVE_LIMIT_MS: Millis = 1_000
/** A poll that goes out so late, because the process is busy, is no sign of anything. */
const BUSY_MS: Millis = 50

/**
 * One poll at a time, and the slot that the latest one told.
 *
 * A server without leases (the original) is taken at its word for two intervals after the send: until its next poll has failed, which is
 * what its own client does. That is safe only while it settles for at least as long, and nothing at this end can make it safer:
 * docs/limits.md.
 */
export class BlocPoll {
  readonly #options: BlocPollOptions
  #slot: { readonly index: number; readonly total: number; readonly until: Instant } | undefined
  #outstanding: Poll | undefined
  /** When the latest poll was sent, answered or not. */
  #sentAt: Instant = 0
  #waiting: Timer | undefined
  #state: 'new' | 'polling' | 'stopped' = 'new'

  constructor(options: BlocPollOptions) {
    this.#options = options
  }

  /** Polls now and from now on. Nothing happens after `stop`. */
  begin(): void {
    if (this.#state !== 'new') return
    this.#state = 'polling'
    this.#poll()
  }

  /** The slot, if it is good at this very instant: compared with the clock at each read, since a timer may be late where it counts. */
  read(): [index: number, total: number] | null {
    const slot = this.#slot
    if (slot === undefined) return null
    const now = this.#options.clock.now()
    return now < slot.until && !this.#isOverdue(now) ? [slot.index, slot.total] : null
  }

  /** The latest poll has waited for a whole interval, or the next one should have gone out long ago: this process stood still. */
  #isOverdue(now: Instant): boolean {
    const { intervalMs } = this.#options
    const patienceMs = this.#outstanding === undefined ? Math.max(intervalMs / 4, BUSY_MS) : 0
    return now >= this.#sentAt + intervalMs + patienceMs
  }

  /** The slot is gone when this returns. Resolves when the server was told, or after a second; tells what went wrong to `onError`. */
  async stop(): Promise<void> {
    const { clock, wire } = this.#options
    const poll = this.#outstanding
    const hadBegun = this.#state === 'polling'
    this.#state = 'stopped'
    this.#slot = undefined
    this.#outstanding = undefined
    this.#waiting?.clear()
    if (!hadBegun) return wire.close()

    const now = clock.now()
    // Half of the time for the poll under way: if it reached the server after the DELETE, it would bring the session back to life.
    if (poll !== undefined) await withLimit(clock, now + LEAVE_LIMIT_MS / 2, poll.controller, poll.ended)
    const leave = new AbortController()
    await withLimit(clock, now + LEAVE_LIMIT_MS, leave, this.#leave(leave.signal))
    wire.close()
  }

  #poll(): void {
    const { clock, wire, intervalMs } = this.#options
    const controller = new AbortController()
    // Read before the request is made: the lease counts from here, since the answer may have waited anywhere.
    const poll: Poll = { sentAt: clock.now(), controller, ended: Promise.resolve() }
    // What was not good a moment ago must not become so again because a poll is on its way.
    if (this.#isOverdue(poll.sentAt)) this.#slot = undefined
    this.#outstanding = poll
    this.#sentAt = poll.sentAt
    this.#waiting = clock.setTimer(poll.sentAt + intervalMs, () => this.#tick())
    poll.ended = wire.request('GET', '/index', controller.signal).then(
      (reply) => this.#answered(poll, reply),
      (error) => this.#failed(poll, asCaucusError(error)),
    )
  }

  #tick(): void {
    const unanswered = this.#outstanding
    this.#poll()
    if (unanswered === undefined) return
    unanswered.controller.abort()
    this.#drop(new CaucusError('CAUCUS_TIMEOUT', `no answer to GET /index within ${this.#options.intervalMs} ms`))
  }

  #answered(poll: Poll, reply: Reply): void {
    // An older poll's answer: what it says may be long over.
    if (this.#outstanding !== poll) return
    this.#outstanding = undefined
    try {
      const told = readIndexReply(reply, 2 * this.#options.intervalMs)
      this.#slot = told && { index: told.index, total: told.total, until: poll.sentAt + told.leaseMs }
    } catch (error) {
      this.#drop(asCaucusError(error))
    }
  }

  #failed(poll: Poll, error: CaucusError): void {
    if (this.#outstanding !== poll) return
    this.#outstanding = undefined
    this.#drop(error)
  }

  #drop(error: CaucusError): void {
    this.#slot = undefined
    this.#report(error)
  }

  #report(error: CaucusError): void {
    // Afterwards, so that a listener that throws is heard of as any uncaught error is and breaks nothing here.
    queueMicrotask(() => this.#options.onError(error))
  }

  async #leave(signal: AbortSignal): Promise<void> {
    try {
      const reply = await this.#options.wire.request('DELETE', '/session', signal)
      // 404 from ours and 500 from the original: it did not know us any more, which is what we are asking for.
      if (![200, 404, 500].includes(reply.status)) throw errorOf(reply, 'DELETE /session')
    } catch (error) {
      this.#report(asCaucusError(error))
    }
  }
}

interface Poll {
  readonly sentAt: Instant
  readonly controller: AbortController
  ended: Promise<void>
}

/** Waits for `work`, which ends when `controller` aborts; that is at `at` at the latest. */
const withLimit = async (clock: Clock, at: Instant, controller: AbortController, work: Promise<void>) => {
  const timer = clock.setTimer(at, () => controller.abort())
  try {
    await work
  } finally {
    timer.clear()
  }
}

const asCaucusError = (error: unknown): CaucusError =>
  error instanceof CaucusError ? error : new CaucusError('CAUCUS_BACKEND', String(error), { cause: error })

import { orderMembers } from '../assignment/modulo.ts'
import { Deadlines, type Due } from '../deadlines.ts'
import { grantMs } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { GroupState, Incarnation } from './messages.ts'
import type { Because, GroupEvent } from './reasons.ts'

/** How a group of poll clients (bloc's wire) behaves. */
export interface PollSettings {
  /** A client that was not heard for so long is gone (bloc's `-t`). */
  readonly timeoutMs: Millis
  readonly settleMs: Millis
  readonly settleCapMs: Millis
  /** The longest interval at which clients poll: an unmodified one believes for up to three of these after its last answer. */
  readonly pollIntervalMs: Millis
}

export type PollAnswer =
  | { readonly status: 'SETTLING' }
  | { readonly status: 'SETTLED'; readonly index: number; readonly total: number; readonly leaseMs: Millis }

/** What a poll group gets from its coordinator. */
export interface PollHost {
  nextEpoch(): number
  hasEpoch(): boolean
  emit(event: GroupEvent): void
}

interface PollSession extends Due {
  readonly id: string
  readonly incarnation: Incarnation
  expiresAt: Instant
  index: number
}

/** How many are looked at in one step, so that ten thousand falling silent do not stall everybody else. */
const LOOKS_PER_STEP = 500

/** A slow reply, the next poll, its time-out: for so many intervals an unmodified client may believe a SETTLED answer. */
export const POLL_LEASE_INTERVALS = 3

export const pollBarrierMs = (pollIntervalMs: Millis): Millis => grantMs(POLL_LEASE_INTERVALS * pollIntervalMs)

/**
 * A group of clients that only poll. They have no lease and cannot acknowledge: no answer, later poll or leave of theirs ends
 * their belief, so no new view is given before three poll intervals have passed since anybody last heard SETTLED.
 */
export class PollGroup {
  readonly name: string
  readonly settings: PollSettings
  readonly #host: PollHost
  readonly #sessions = new Map<string, PollSession>()
  /** Each is looked at once in a time-out, and not touched by its polls: with a hundred thousand, to keep them in order would be most of the work. */
  readonly #deadlines = new Deadlines<PollSession>()
  #view: readonly string[] = []
  #epoch = 0
  #state: GroupState = 'settling'
  #firstChangeAt: Instant | undefined
  #changedAt: Instant = 0
  /** The debounce ended; only the barrier is waited for. */
  #due = false
  /** A member of the view went: even if the same id comes back, it may be somebody else. */
  #broken = true
  #barrierUntil: Instant

  constructor(name: string, settings: PollSettings, barrierUntil: Instant, host: PollHost) {
    this.name = name
    this.settings = settings
    this.#barrierUntil = barrierUntil
    this.#host = host
  }

  /** An answer of it, or of before the start, may still be believed. */
  mayBeBelieved(now: Instant): boolean {
    return now < this.#barrierUntil
  }

  get state(): GroupState {
    return this.#state
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Members in the order of their index; those without one last. */
  get members(): { id: string; incarnation: Incarnation; index: number | undefined }[] {
    const settled = this.#state === 'settled'
    return [...this.#sessions.values()].map(({ id, incarnation, index }) => ({
      id,
      incarnation,
      index: settled ? index : undefined,
    }))
  }

  get size(): number {
    return this.#sessions.size
  }

  has(id: string): boolean {
    return this.#sessions.has(id)
  }

  /** Registers, renews and reads in one. `undefined` while a used-up generation is being replaced. */
  poll(id: string, now: Instant): PollAnswer | undefined {
    let session = this.#sessions.get(id)
    if (session === undefined) {
      if (!this.#host.hasEpoch()) return undefined
      const expiresAt = now + this.settings.timeoutMs
      session = { id, incarnation: this.#host.nextEpoch(), expiresAt, index: 0, lookAt: expiresAt, place: -1 }
      this.#sessions.set(id, session)
      this.#deadlines.add(session)
      this.#host.emit({ type: 'member.joined', member: id, incarnation: session.incarnation, because: 'joined' })
      this.#changed('joined', id, now)
    } else {
      session.expiresAt = now + this.settings.timeoutMs
    }
    if (this.#state === 'settling') return { status: 'SETTLING' }
    this.#barrierUntil = now + pollBarrierMs(this.settings.pollIntervalMs)
    return {
      status: 'SETTLED',
      index: session.index,
      total: this.#view.length,
      leaseMs: POLL_LEASE_INTERVALS * this.settings.pollIntervalMs,
    }
  }

  /** True when it was there. What it was told it may still believe: its own DELETE does not clear an original client's slot. */
  remove(id: string, because: 'left' | 'evicted', now: Instant): boolean {
    return this.#remove(id, because, now)
  }

  #remove(id: string, because: 'left' | 'evicted' | 'expired', now: Instant): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    this.#sessions.delete(id)
    this.#deadlines.remove(session)
    this.#broken ||= session.index > 0
    const { incarnation } = session
    this.#host.emit({
      type: because === 'expired' ? 'member.expired' : 'member.left',
      member: id,
      incarnation,
      because,
    })
    this.#changed(because, id, now)
    return true
  }

  #changed(because: Because, member: string, now: Instant): void {
    this.#changedAt = now
    if (this.#firstChangeAt !== undefined || this.#due) return
    this.#firstChangeAt = now
    if (this.#state === 'settled') this.#host.emit({ type: 'group.settling', because, member })
    this.#state = 'settling'
  }

  #settleAt(): Instant {
    if (this.#due && !this.#host.hasEpoch()) return Number.POSITIVE_INFINITY
    if (this.#due) return this.#broken || this.#grown() ? this.#barrierUntil : Number.NEGATIVE_INFINITY
    if (this.#firstChangeAt === undefined) return Number.POSITIVE_INFINITY
    return Math.min(this.#changedAt + this.settings.settleMs, this.#firstChangeAt + this.settings.settleCapMs)
  }

  #grown(): boolean {
    return this.#sessions.size !== this.#view.length
  }

  woke(now: Instant): void {
    this.#expire(now)
    if (this.#settleAt() > now) return
    this.#due = true
    this.#firstChangeAt = undefined
    if (this.#settleAt() > now) return
    if (this.#broken || this.#grown()) this.#newView()
    this.#due = false
    this.#state = 'settled'
    this.#host.emit({ type: 'group.settled', epoch: this.#epoch, members: this.#view.length })
  }

  #expire(now: Instant): void {
    for (let looks = 0; looks < LOOKS_PER_STEP; looks++) {
      const session = this.#deadlines.first
      if (session === undefined || session.lookAt > now) return
      if (session.expiresAt <= now) this.#remove(session.id, 'expired', now)
      else {
        session.lookAt = session.expiresAt
        this.#deadlines.moved(session)
      }
    }
  }

  #newView(): void {
    this.#view = orderMembers(this.#view, [...this.#sessions.values()])
    this.#epoch = this.#host.nextEpoch()
    this.#broken = false
    for (const [place, id] of this.#view.entries()) {
      const session = this.#sessions.get(id)
      if (session !== undefined) session.index = place + 1
    }
  }

  stalled(forMs: Millis): void {
    for (const session of this.#sessions.values()) session.expiresAt += forMs
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(this.#deadlines.first?.lookAt ?? Number.POSITIVE_INFINITY, this.#settleAt())
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }
}

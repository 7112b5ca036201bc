import type { Epoch } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { RunEnd } from './instants.ts'
import type { Vacancy } from './kept-places.ts'
import type { Holding, Ran } from './messages.ts'
import type { GroupEvent } from './reasons.ts'
import type { Session, Tenure } from './session.ts'

/** How one group behaves. */
export interface GroupSettings {
  readonly leaseMs: Millis
  readonly settleMs: Millis
  /** Bounds the debounce, never the barrier: steady churn cannot keep a group settling for ever. */
  readonly settleCapMs: Millis
  /** How long a revoked item goes on being renewed while its holder drains. */
  readonly drainLimitMs: Millis
  /** How long the place of a static member that has stopped is kept; 0: not at all. */
  readonly staticGraceMs: Millis
}

/** What operators ordered of the partitions. */
export interface PartitionOrders {
  readonly frozen: boolean
  readonly pins: ReadonlyMap<number, string>
}

/** What a book may ask of the group that it belongs to. */
export interface Desk {
  readonly settings: GroupSettings
  /** Every lease that was given before this coordinator's start has run out by then. */
  readonly ceilingUntil: Instant
  /** Somebody may hold something of whom nothing was heard yet: only what was claimed, or released by its claimant, may be given to anybody. */
  mayBeHeldUnheard(now: Instant): boolean
  /** Those who are to have a share: not whoever is on its way out. */
  readonly sessions: ReadonlyMap<string, Session>
  /** Places of those who have stopped and may come back: they are to have a share too, which nobody gets meanwhile. */
  readonly kept: ReadonlyMap<string, Vacancy>
  readonly orders: PartitionOrders
  nextEpoch(): Epoch
  /** False while a used-up generation is being replaced: nothing can be granted then. */
  hasEpoch(): boolean
  /** Until when this session may believe in what its last processed renewal kept. */
  horizon(session: Session, now: Instant): Instant
  /** Its share changed: it is told before the step ends. */
  tell(session: Session): void
  emit(event: GroupEvent): void
}

/**
 * Who holds what in one group, and what must be over before it is given to somebody else.
 * Two kinds: places of a numbered view, and partitions.
 */
export interface Book {
  /** Takes over what a member still believes under a new coordinator. It gives nothing. */
  adopt(session: Session, holding: readonly Holding[], draining: readonly Holding[], now: Instant): void
  /** The holder drains it by its own wish; a drain that hangs is bounded like any other. */
  yield(tenure: Tenure, now: Instant): void
  /** The holder let go of it: no belief is left, so it is free at once. */
  release(tenure: Tenure): void
  /** The session ended without a word: what it holds is free at `until`, when by every clock it believes nothing more. */
  orphan(session: Session, until: Instant): void
  /** It has stopped, and its place is to be kept. False when it has none. */
  keep(session: Session): boolean
  /** What is kept for somebody who has stopped. */
  keptFor(id: string): readonly number[]
  /** The debounce ended: decides who should have what, and takes back what moves. */
  replan(now: Instant): void
  /** Something outside of it has changed: everything is looked at again in the next `advance`. */
  lookAgain(): void
  /** Grants what nobody can believe in any more. */
  advance(now: Instant): void
  /** True when everybody has what the last plan meant for them. */
  complete(): boolean
  /** Of what runs only once: how that ended, once it has. Nothing is granted any more. */
  readonly end?: RunEnd | undefined
  /** The same in the words of whoever ran it, which counts only from the process that did. */
  report?(ran: Ran, bootId: string): void
  wakeAt(): Instant | undefined
  /** The epoch of the current view, 0 before the first. */
  readonly epoch: Epoch
}

/** Its holder has begun to drain it and need not be told. */
export const yieldUp = (tenure: Tenure, now: Instant): void => {
  tenure.state = 'revoked'
  tenure.revokedAt = now
  tenure.because = 'released'
}

/** Takes an item back: its holder drains and acknowledges, until then it stays renewed. */
export const revoke = (tenure: Tenure, now: Instant, desk: Desk, because: Tenure['because']): void => {
  tenure.state = 'revoked'
  tenure.revokedAt = now
  tenure.because = because
  desk.tell(tenure.session)
}

/** A drain that overran its limit is not renewed any more; what is left of its lease is waited for, never cut. */
export const stopOverrun = (tenure: Tenure, now: Instant, desk: Desk): void => {
  if (tenure.until !== undefined || tenure.revokedAt === undefined) return
  if (now < tenure.revokedAt + desk.settings.drainLimitMs) return
  tenure.until = desk.horizon(tenure.session, now)
  tenure.because = 'drain-overrun'
  desk.tell(tenure.session)
}

/** When something about a tenure changes by the clock alone. */
export const tenureWakeAt = (tenure: Tenure, desk: Desk): Instant =>
  tenure.until ??
  (tenure.revokedAt === undefined ? Number.POSITIVE_INFINITY : tenure.revokedAt + desk.settings.drainLimitMs)

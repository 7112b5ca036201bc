import type { Timing, TimingPreset } from '../config/timing.ts'
import type { Conclusion } from '../core/group/messages.ts'
import type { Once } from '../core/group/onces.ts'
import type { Epoch } from '../core/lease.ts'
import { CaucusError } from '../errors.ts'

/** Of one call of `once()`: who is said to run it, and what ends the wait. */
export interface OnceOptions {
  /** Who is said to run it. A second process with the same one fences the first. Default: a random one. */
  readonly id?: string
  /** Ends the wait, and the work by its signal. */
  readonly signal?: AbortSignal
  /** Only `heartbeatMs` and `stopMarginMs` are the caller's own; the rest is the coordinator's. */
  readonly timing?: TimingPreset | Partial<Timing>
}

/** What the one that runs it gets. */
export interface OnceRun {
  readonly name: string
  /** The scheduled instant, not the present one. */
  readonly at: Date
  /** Storage that refuses lower ones takes nothing from this run once a later instant of the same name has written. */
  readonly token: Epoch
  /** Aborted no later than the lease ends, at every read, and when the call or its connection is ended. */
  readonly signal: AbortSignal
}

/** What is done once. It is to end soon after `signal` is aborted: others are told that it was lost. */
export type OnceWork<Result> = (run: OnceRun) => Result | PromiseLike<Result>

/** What came of it: `ran` here, with what `work` gave; or elsewhere, where it is done or has failed. */
export type OnceResult<Result> =
  | { readonly ran: true; readonly value: Result }
  | { readonly ran: false; readonly because: 'done' | 'failed' }

const named = ({ name, atMs }: Once): string => `"${name}" at ${new Date(atMs).toISOString()}`

/** What everybody is told who did not run it; throws what nobody can know. */
export const resultOf = (once: Once, conclusion: Conclusion): { ran: false; because: 'done' | 'failed' } => {
  switch (conclusion) {
    case 'done':
    case 'failed':
      return { ran: false, because: conclusion }
    case 'lost':
      throw onceLost(once, 'whoever ran it was lost before it said how it ended')
    case 'unknown':
      throw new CaucusError(
        'CAUCUS_ONCE_UNKNOWN',
        `whether ${named(once)} was run is not known: the instant is older than this coordinator's start, or than what it remembers. It is not run again; look at what it was to do`,
        { details: { name: once.name, atMs: once.atMs } },
      )
  }
}

/** A run that was begun, and of which nobody knows how far it came. */
export const onceLost = (once: Once, why: string, details: { token?: Epoch } = {}, cause?: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_ONCE_LOST',
    `the run of ${named(once)} was lost: ${why}. It is not run again; look at how far it came`,
    { details: { name: once.name, atMs: once.atMs, ...details }, ...(cause !== undefined && { cause }) },
  )

import type { Caucus } from '../../client/connect.ts'
import type { RevokeHandler } from '../../client/drains.ts'
import type { Membership } from '../../client/membership.ts'
import type { Epoch } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import { refuse, shown } from './arguments.ts'
import type { ClusterInvariant } from './violation.ts'
import type { Work, WorkItem } from './work-book.ts'

/** A program's way to time: nothing in a simulated process may wait in any other way. */
export interface ProgramClock {
  /** By this process's monotonic clock; only differences mean anything. */
  nowMs(): number
  /** What the wall clock of its machine shows. */
  wallMs(): number
  /** As `setTimeout` of `node:timers/promises`, in simulated time, and `Infinity` is for ever: rejects with the signal's reason. */
  sleep(ms: Millis, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** Somewhere outside of all processes to read from and to write to. */
export interface ProgramStore {
  /** Gives what was written last under the key, or `undefined`. */
  read(key: string): unknown
  /**
   * Resolves with whether it was written. With an `epoch` (`membership.token(key)`) it is refused, and so `false`, once a newer one has been
   * here. Without one it is taken whatever comes, and an earlier owner that overwrites a later one is reported (`Effect`).
   */
  write(key: string, value: unknown, epoch?: Epoch): Promise<boolean>
}

/** What one simulated process has around it. */
export interface ProgramContext {
  readonly id: string
  /** The SDK's own, joined. */
  readonly membership: Membership
  readonly caucus: Caucus
  readonly clock: ProgramClock
  readonly store: ProgramStore
  /** Aborts when the process is told to stop. */
  readonly signal: AbortSignal
  /** In [0, 1), from the seed. */
  random(): number
  /**
   * States that this process works on something from now on, until it is ended: two processes that do so at one instant are reported
   * (`Work`). A number is a partition, a string a key or anything else.
   */
  work(item: WorkItem, epoch?: Epoch): Work
  /** A line of the trace. */
  log(message: string): void
}

/** What the user's program does with its membership. */
export interface Program {
  /** As given to `membership.onRevoke()`. */
  readonly onRevoke?: RevokeHandler | undefined
  /** Its main loop. It may end; it is not waited for when the process is killed. */
  run?(): unknown
}

/** Called once for each process that has joined, again after each of its restarts: so nothing of an earlier process is left in it. */
export type Handlers = (context: ProgramContext) => Program | undefined

/** What handlers gave, or what is wrong with it: a typo would go unnoticed, and be a program that does nothing. */
export const checkProgram = (given: unknown): Program => {
  if (given === undefined) return {}
  const takes = 'handlers give { run, onRevoke }, both functions and both optional, or nothing'
  if (given instanceof Promise) {
    // Whatever it ends with, this is what has to be repaired.
    given.catch(() => undefined)
    return refuse(`${takes}; this is a promise: wait in run() and not before`)
  }
  if (typeof given !== 'object' || given === null) return refuse(`${takes}; not ${shown(given)}`)
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'run' && name !== 'onRevoke') refuse(`${takes}; there is nothing called "${name.slice(0, 64)}"`)
    if (value !== undefined && typeof value !== 'function') refuse(`${takes}; ${name} is ${shown(value)}`)
  }
  return given
}

/** Thrown by a program that has found a promise broken. */
export class BrokenPromise extends Error {
  readonly invariant: ClusterInvariant

  constructor(invariant: ClusterInvariant, message: string) {
    super(message)
    this.invariant = invariant
  }
}

/** Thrown on purpose, by a test of what happens then. */
export class DeliberateFailure extends Error {}

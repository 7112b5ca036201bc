import type { Holding } from '../core/group/messages.ts'
import type { Instant } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { MembershipPort } from '../ports/backend.ts'
import type { Clock } from '../ports/clock.ts'
import { LeaseSignal } from '../runtime/lease-signal.ts'
import type { Moved } from './share.ts'

/**
 * Finishes what has begun. The signal is aborted no later than the lease of what moves ends, and says so at every read. Its event comes
 * whenever that happens before the drain has finished, also after one that failed. Once every handler has finished well, what
 * moved belongs to somebody else: the signal reads aborted, and no event comes any more.
 */
export type RevokeHandler = (moved: Moved, context: { readonly signal: AbortSignal }) => unknown

/**
 * What is being drained at present. Somebody else gets it once every handler has finished; after a handler that failed, or did
 * not finish in time, only once the lease has run out, because nobody can say that the work has stopped.
 */
export class Drains {
  readonly #clock: Clock
  readonly #handlers = new Set<{ readonly run: RevokeHandler }>()
  readonly #running = new Set<LeaseSignal>()
  readonly #onFailed: (moved: Moved, error: unknown) => void

  constructor(clock: Clock, onFailed: (moved: Moved, error: unknown) => void) {
    this.#clock = clock
    this.#onFailed = onFailed
  }

  /** Calls `run` for every drain that begins from now on, until the returned function is called. */
  add(run: RevokeHandler): () => void {
    const handler = { run }
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  /** `within` calls each handler. */
  begin(
    items: readonly Holding[],
    moved: Moved,
    port: Pick<MembershipPort, 'drained' | 'drainUntil'>,
    within: <Result>(run: () => Result) => Result = (run) => run(),
  ): void {
    if (this.#handlers.size === 0) return port.drained(items)
    const lease = new LeaseSignal({
      clock: this.#clock,
      validUntil: () => earliest(items, port),
      reason: () =>
        new CaucusError(
          'CAUCUS_SESSION_EXPIRED',
          'the lease of what was being drained has run out; stop the work on it',
        ),
    })
    this.#running.add(lease)
    const work = [...this.#handlers].map(async ({ run }) => {
      // Not inside the turn that revoked it: this is somebody else's code.
      await undefined
      await within(() => run(moved, { signal: lease.signal }))
    })
    void Promise.allSettled(work).then((results) => {
      // A handler that saw its end by reading the signal comes before our timer; whatever else hangs on the signal knows only the event.
      lease.check()
      const failed = results.filter((result) => result.status === 'rejected')
      if (failed.length === 0) {
        this.#running.delete(lease)
        lease[Symbol.dispose]()
        return port.drained(items)
      }
      // Part of the work may go on, so its signal does, too: until the lease has run out.
      for (const { reason } of failed) this.#onFailed(moved, reason)
    })
  }

  /** Something ended before its time: whoever works on it is told now. */
  check(): void {
    for (const lease of this.#running) {
      lease.check()
      if (lease.signal.aborted) this.#running.delete(lease)
    }
  }
}

/** What somebody else's code has thrown, which may be anything. */
export const describeError = (error: unknown): string => {
  try {
    return String(error)
  } catch {
    // It has no text, and says so by throwing.
    return 'something that cannot be turned into text'
  }
}

/** Until when all of it may be worked on; `undefined` once any of it may not. */
const earliest = (items: readonly Holding[], port: Pick<MembershipPort, 'drainUntil'>): Instant | undefined => {
  let until = Number.POSITIVE_INFINITY
  for (const holding of items) {
    const at = port.drainUntil(holding)
    if (at === undefined) return undefined
    until = Math.min(until, at)
  }
  return until
}

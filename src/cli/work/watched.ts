import type { Backend, BackendFactory } from '../../ports/backend.ts'
import type { Clock } from '../../ports/clock.ts'
import { UsageError } from '../errors.ts'
import type { Logger } from '../logging.ts'
import { reach, tellLink } from '../reach.ts'
import { onStop } from '../stopping.ts'
import { cannotRun, whyNotRunnable } from './gate.ts'
import { Guard } from './guard.ts'
import type { Report } from './orders.ts'
import type { Runner } from './worker.ts'

/** Somebody else's program under a lease, from its first start to its last end. */
export interface Wrapper {
  /** Resolves with the exit code once the program is gone and everything is let go. */
  readonly done: Promise<number>
  /** Ends the program and lets go; called again, it kills. */
  finish(code: number): void
}

/** The program to be run, as it was named after `--`. */
export const programOf = (given: readonly string[], command: string): readonly [string, ...string[]] => {
  if (process.platform === 'win32') {
    throw new UsageError(`${command} needs process groups, which Windows does not have`)
  }
  const [file, ...args] = given
  if (file === undefined || file === '') throw new UsageError('name the program after --')
  // Before anybody joins for it: a share, or the lead, would be taken from others for nothing.
  const why = whyNotRunnable(file, process.env.PATH)
  if (why !== undefined) throw cannotRun(file, why, why)
  return [file, ...args]
}

/** Reaches a server, wraps the program, and ends both in good order at a signal. Resolves with the exit code. */
export const watched = async (
  factory: BackendFactory,
  logger: Logger,
  begin: (backend: Backend, runner: (report: (report: Report) => void) => Runner) => Wrapper,
): Promise<number> => {
  const stopping = new AbortController()
  let wrapper: Wrapper | undefined
  let exitCode = 0
  const quiet = onStop(
    (stop) => {
      logger.info(
        { event: 'stop.requested', signal: stop.signal },
        `stopping on ${stop.signal}; once more kills the program`,
      )
      exitCode = stop.exitCode
      stopping.abort()
      wrapper?.finish(stop.exitCode)
    },
    (stop) => wrapper?.finish(stop.exitCode),
  )
  try {
    const backend = await reach(factory, logger, stopping.signal)
    if (backend === undefined) return exitCode
    let guard: Guard | undefined
    try {
      wrapper = begin(backend, (report) => {
        guard = guardOf(backend.clocks.holder, report, logger)
        return guard
      })
      void tellLink(backend, logger)
      return await wrapper.done
    } finally {
      guard?.close()
      await backend.close()
    }
  } finally {
    quiet()
  }
}

const guardOf = (clock: Clock, report: (report: Report) => void, logger: Logger): Guard =>
  new Guard({
    clock,
    report,
    lost: (how) =>
      logger.error(
        { event: 'watchdog.lost' },
        `the watchdog ended (${how}); whatever it watched is killed, and the next start has another one`,
      ),
  })

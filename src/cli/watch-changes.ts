import { setTimeout as sleep } from 'node:timers/promises'
import type { Millis } from '../core/time.ts'
import { isCaucusError } from '../errors.ts'
import type { Logger } from './logging.ts'
import { onStop } from './stopping.ts'

/** What was found, for programs and for people; with the same `key` nothing has changed. */
export interface Seen {
  readonly json: unknown
  readonly text: string
  readonly key: string
}

/**
 * Looks again and again until it is stopped, and tells what it sees whenever that has changed. Resolves with the exit code. That no server
 * answers is said once, and so is that one does again; what another try would not mend is thrown.
 */
export const watchChanges = async (
  look: (signal: AbortSignal) => Promise<Seen>,
  logger: Pick<Logger, 'info' | 'warn'>,
  everyMs: Millis,
  tell: (seen: Seen) => void,
): Promise<number> => {
  const stopping = new AbortController()
  const { signal } = stopping
  let exitCode = 0
  const quiet = onStop(
    (stop) => {
      exitCode = stop.exitCode
      stopping.abort()
    },
    (again) => process.exit(again.exitCode),
  )
  let known: string | undefined
  let isFailing = false
  try {
    for (;;) {
      try {
        const seen = await look(signal)
        if (isFailing) logger.info({ event: 'connection.recovered' }, 'a server answers again')
        isFailing = false
        if (seen.key !== known) tell(seen)
        known = seen.key
      } catch (error) {
        signal.throwIfAborted()
        if (!isCaucusError(error) || !error.retriable) throw error
        if (!isFailing) logger.warn({ event: 'connection.failed', code: error.code }, `${error.message}; still trying`)
        isFailing = true
      }
      await sleep(everyMs, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    quiet()
  }
  return exitCode
}

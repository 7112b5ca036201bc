import { setTimeout as sleep } from 'node:timers/promises'
import { CaucusError } from '../../errors.ts'

/** Far beyond any lease, drain or settle time of a trial: it bounds a hang, it asserts no speed. */
const PATIENCE_MS = 60_000

/** Resolves with what `look` gives, once that is neither `undefined` nor false; rejects and says `what` when it takes too long. */
export const waitFor = async <T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { withinMs = PATIENCE_MS, everyMs = 20, signal }: { withinMs?: number; everyMs?: number; signal?: AbortSignal } = {},
): Promise<T> => {
  const untilMs = performance.now() + withinMs
  for (;;) {
    signal?.throwIfAborted()
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > untilMs) {
      throw new CaucusError(
        'CAUCUS_TIMEOUT',
        `waited ${withinMs / 1_000} s for ${typeof what === 'string' ? what : what()}`,
      )
    }
    await sleep(everyMs)
  }
}

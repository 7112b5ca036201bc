import type { Millis } from '../../core/time.ts'
import { type ErrorCode, isCaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import { sleep, until } from '../../runtime/wait.ts'
import { type Door, isDoor } from './door.ts'
import type { Doorkeeper } from './door-socket.ts'

/** Another process takes over in less, as a rule. */
const PATIENCE_MS: Millis = 5_000
const PAUSE_MS: Millis = 50
/** What somebody says who is about to end, or says nothing because it has. Reading is safe to repeat. */
const ELSEWHERE: readonly ErrorCode[] = ['CAUCUS_UNAVAILABLE', 'CAUCUS_CLOSED', 'CAUCUS_NOT_LEADER']

/** Resolves with what whoever coordinates answers. While that changes it waits, and asks the next one; rejects as the last one did. */
export const askThere = async <Result>(
  keeper: Doorkeeper,
  clock: Clock,
  signal: AbortSignal | undefined,
  ask: (door: Door) => Promise<Result>,
): Promise<Result> => {
  const limit = clock.now() + PATIENCE_MS
  for (;;) {
    const timeoutMs = Math.max(0, limit - clock.now())
    const what = 'a process of this machine to coordinate'
    const view = await until(keeper.doors, (each) => each !== undefined, { clock, timeoutMs, signal, what })
    if (!isDoor(view)) throw view
    try {
      return await ask(view)
    } catch (error) {
      const isElsewhere = isCaucusError(error) && ELSEWHERE.includes(error.code)
      if (!isElsewhere || signal?.aborted || clock.now() >= limit) throw error
      keeper.doubt(view)
      await sleep(clock, PAUSE_MS, { signal })
    }
  }
}

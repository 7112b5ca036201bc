import { quoted } from '../../core/group/explain/quoted.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Logger } from '../logging.ts'
import { type Sight, verdictOn } from './verdict.ts'

const LOOK_EVERY_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** So long a server may know nothing of the member, and not be about to. Longer than a process takes to find it again. */
const UNKNOWN_FOR_MS = 60_000

/** How it is looked whether a member has nothing any more. */
export interface Vigil {
  readonly member: string
  /** Rejects with a retriable error when nobody answers just now, which ends no wait. */
  look(): Promise<Sight>
  pause(ms: number): Promise<unknown>
  nowMs(): number
  readonly logger: Pick<Logger, 'info' | 'warn'>
}

/** Resolves once the member has nothing any more, with whether its process has gone altogether. Rejects when that cannot be waited for. */
export const untilEmpty = async (vigil: Vigil): Promise<{ readonly gone: boolean }> => {
  const { member: id, logger } = vigil
  let incarnation: number | undefined
  let told = ''
  let unknownSince: number | undefined
  const looks = new Looks(vigil)
  for (;;) {
    const sight = await looks.next()
    if (sight.member?.drained === true) incarnation = sight.member.incarnation
    const verdict = verdictOn(sight, { id, incarnation })
    switch (verdict.type) {
      case 'empty':
        return { gone: false }
      case 'gone':
        return { gone: true }
      case 'order lost':
        throw takenBack(id)
      case 'waiting':
        unknownSince = undefined
        break
      case 'unknown':
        unknownSince ??= vigil.nowMs()
        if (vigil.nowMs() - unknownSince >= UNKNOWN_FOR_MS) throw neverBack(id)
        break
    }
    if (verdict.why !== told) logger.info({ event: 'drain.delayed' }, verdict.why)
    told = verdict.why
    await vigil.pause(LOOK_EVERY_MS)
  }
}

/** Looks again and again until somebody answers, less and less often, and says so once. */
class Looks {
  readonly #vigil: Vigil

  constructor(vigil: Vigil) {
    this.#vigil = vigil
  }

  async next(): Promise<Sight> {
    const { look, pause, logger } = this.#vigil
    for (let pauseMs = LOOK_EVERY_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await look()
      } catch (error) {
        if (!isCaucusError(error) || !error.retriable) throw error
        if (pauseMs === LOOK_EVERY_MS)
          logger.warn({ event: 'connection.failed', code: error.code }, `${error.message}; still trying`)
      }
      await pause(pauseMs)
    }
  }
}

const takenBack = (id: string): CaucusError =>
  new CaucusError(
    'CAUCUS_CONFLICT',
    `${quoted(id)} is not to be drained any more: somebody took the order back, or the server restarted without a --data-dir; give it again if it is still wanted`,
  )

const neverBack = (id: string): CaucusError =>
  new CaucusError(
    'CAUCUS_NOT_FOUND',
    `the server has known nothing of ${quoted(id)} for ${UNKNOWN_FOR_MS / 1_000} s, as after a restart, and nothing says that it has let go; look at the process itself, and give the order again if it is back`,
  )

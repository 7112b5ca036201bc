import type { Millis } from '../../core/time.ts'
import { CaucusError, type ErrorCode } from '../../errors.ts'
import { pick } from '../simulation/conditions.ts'
import type { Bench } from './bench.ts'

/** On it everybody answers who is there. */
export const ROLL_CALL = 'roll-call'
export const TOPICS = ['work', 'play']
/** Nobody ever answers there. */
export const DESERTED = 'deserted'

/** What may happen to whoever asks or answers while links come and go. */
export const EXPECTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CAUCUS_CONNECTION_LOST',
  'CAUCUS_UNAVAILABLE',
  'CAUCUS_OVERLOADED',
  'CAUCUS_PROTOCOL',
  'CAUCUS_TIMEOUT',
  'CAUCUS_FENCED',
])

export const CHUNK_BYTES = 24 * 1024

export interface TopicDraws {
  readonly askEveryMs: Millis
  readonly streams: boolean
  readonly endless: boolean
}

export const drawTopics = (bench: Bench): TopicDraws | undefined => {
  const { timing, linkBufferBytes } = bench.conditions
  const random = bench.random.fork('topics')
  const askEveryMs = timing.heartbeatMs * pick(random, [0.3, 1, 3])
  const draws = { askEveryMs, streams: random.next() < 0.4, endless: random.next() < 0.6 }
  // Where hardly anything may wait, links are cut for what they carry, and nobody gets to ask.
  return random.next() < 0.7 && linkBufferBytes > 2 ** 14 ? draws : undefined
}

/** Its program is over, or cannot be asked. */
export const cannotAsk = (error: unknown): boolean =>
  error instanceof CaucusError && (EXPECTED.has(error.code) || error.code === 'CAUCUS_CLOSED')

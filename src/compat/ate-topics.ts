import { groupNameFault } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import type { BackendFactory } from '../index.ts'

export type Backend = Awaited<ReturnType<BackendFactory>>
export type TopicsPort = NonNullable<Backend['topics']>
export type Clock = Backend['clocks']['grantor']

/** Tells what nobody waits for; it never throws. */
export type Report = (error: CaucusError) => void

/** Somebody's place on a topic: from the start of the dispatcher on, if it is older than that. */
export interface Registration {
  open(backend: Backend, topics: TopicsPort): void
  /** Nothing more comes to it; what has come is finished. */
  end(): void
}

/** What travels: a request of ours, by its positional and its keyword arguments. */
export interface Payload {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

export const invalid = (message: string): CaucusError => new CaucusError('CAUCUS_INVALID_ARGUMENT', message)

export const checkTopic = (topic: unknown): void => {
  const fault = groupNameFault(topic, 'topic')
  if (fault !== undefined) throw invalid(fault)
}

/** Refuses what is not an object of known options: a slip of the finger must not be read as a default. */
export const checkOptions = (options: unknown, known: readonly string[], call: string): void => {
  if (typeof options !== 'object' || options === null) throw invalid(`${call} takes an object: ${known.join(', ')}`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw invalid(`${call} knows no option "${unknown.slice(0, 64)}"; it takes ${known.join(', ')}`)
}

/** A plain `ask()` on the same topic knows nothing of arguments: what it asks is the only one. */
export const payloadOf = (request: unknown): Payload => {
  const { args, kwargs } = typeof request === 'object' && request !== null ? (request as Partial<Payload>) : {}
  return Array.isArray(args) && typeof kwargs === 'object' && kwargs !== null
    ? { args, kwargs }
    : { args: [request], kwargs: {} }
}

/** The error, with whom it is about. */
export const about = (who: string, error: CaucusError, details: Record<string, unknown>): CaucusError =>
  new CaucusError(error.code, `${who}: ${error.message}`, { cause: error, details: { ...error.details, ...details } })

/** True when `work` settled by `at`, and false when it did not. It must not reject. */
export const isDoneBy = (clock: Clock, at: number, work: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = clock.setTimer(at, () => resolve(false))
    void work.then(() => {
      timer.clear()
      resolve(true)
    })
  })

import type { Target, Until } from '../core/dispatch/messages.ts'
import { isCount, MAX_REPLIES, untilFault, withinFault } from '../core/dispatch/until.ts'
import { groupNameFault, idFault } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import { metadataFault } from '../wire/faults.ts'
import { checkOptions, checkSignal } from './options.ts'
import { isSchema, type StandardSchema } from './topic-schema.ts'

/** Of one producer: what it is called, how much it takes at a time, and who else takes requests in its place. */
export interface ProduceOptions {
  /** Names this producer on its topic. Another one with the same id takes its place (`CAUCUS_FENCED`). Default: a random one. */
  readonly id?: string
  /** How many requests it works on at a time. Default 1: in order, one after the other. */
  readonly concurrency?: number
  /** How many requests may wait for their turn; one more is refused. Default 1 000. */
  readonly queueLimit?: number
  /** JSON of up to 4 096 bytes, by which an ask can choose. */
  readonly metadata?: unknown
  /** Of all producers with the same `queue`, one gets each request: the least busy, in turn. */
  readonly queue?: string
}

/** Of one ask: when it is enough, how long it may take, and whom it is for. Unknown fields are refused with `CAUCUS_INVALID_ARGUMENT`. */
export interface AskOptions {
  /** When it has what it wants: `'all'`, `'first'`, a number of replies, or `{ quiet: ms }` without another reply. Default `'all'`. */
  readonly until?: Until
  /** The limit, above 0. Default 5 000. */
  readonly withinMs?: number
  /** Whom it is for. Default: everybody, and one of each queue. */
  readonly to?: Target
  /** Calls it off: the producers are aborted, and the loop or promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Of one listener: how much waits for it while it is slow, and what ends it. */
export interface ListenOptions {
  /** How many replies wait for a slow listener before the oldest of them are dropped. Default 1 024. */
  readonly buffer?: number
  /** Ends it: a loop is rejected with the signal's reason, a handler is called no more. */
  readonly signal?: AbortSignal
}

/** Schemas of a topic's requests and replies. What fits is handed over as the schema gives it. */
export interface TopicSchemas<Request, Reply, Received = Request, Returned = Reply> {
  readonly request?: StandardSchema<Request, Received>
  readonly reply?: StandardSchema<Returned, Reply>
}

const DEFAULT_WITHIN_MS = 5_000
const DEFAULT_QUEUE_LIMIT = 1_000
const MAX_QUEUE_LIMIT = 1_000_000
const MAX_IDS = 10_000
const ASK_OPTIONS = ['until', 'withinMs', 'to', 'signal'] as const

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

const refuseFault = (fault: string | undefined): void => {
  if (fault !== undefined) refuse(fault)
}

export const checkTopicName = (name: unknown): void => refuseFault(groupNameFault(name, 'topic name'))

export const checkSchemas = (schemas: unknown): void => {
  checkOptions(schemas, ['request', 'reply'], 'topic()')
  for (const [name, schema] of Object.entries(schemas ?? {})) {
    if (schema !== undefined && !isSchema(schema)) refuse(`topic({ ${name} }) takes a Standard Schema, version 1`)
  }
}

export const checkHandler = (handler: unknown, call: string): void => {
  if (typeof handler !== 'function')
    refuse(`${call} takes a function, or a module: new URL('./handler.js', import.meta.url)`)
}

/** What a producer asks for, with the defaults; the id stays open. */
export const checkProduce = (options: ProduceOptions) => {
  checkOptions(options, ['id', 'concurrency', 'queueLimit', 'metadata', 'queue'], 'produce()')
  const { id, concurrency = 1, queueLimit = DEFAULT_QUEUE_LIMIT, metadata, queue } = options
  if (id !== undefined) refuseFault(idFault(id, 'producer id'))
  if (queue !== undefined) refuseFault(groupNameFault(queue, 'queue'))
  if (!isCount(concurrency)) refuse(`concurrency must be a whole number from 1 to ${MAX_REPLIES}`)
  if (queueLimit !== 0 && !(isCount(queueLimit) && queueLimit <= MAX_QUEUE_LIMIT))
    refuse(`queueLimit must be a whole number from 0 to ${MAX_QUEUE_LIMIT}`)
  refuseFault(metadataFault(metadata))
  return { id, concurrency, queueLimit, metadata: metadata === undefined ? undefined : asJson(metadata), queue }
}

/** What an ask wants, with the defaults. */
export const checkAsk = (options: AskOptions, call: string) => {
  checkOptions(options, ASK_OPTIONS, call)
  const { until = 'all', withinMs = DEFAULT_WITHIN_MS, to, signal } = options
  if (until !== 'all') refuseFault(untilFault(until))
  refuseFault(withinFault(withinMs, 'withinMs'))
  checkSignal(signal, call)
  return { until, withinMs, to: to === undefined ? undefined : checkTarget(to, call), signal }
}

export const checkListen = (options: ListenOptions) => {
  checkOptions(options, ['buffer', 'signal'], 'listen()')
  const { buffer = 1_024, signal } = options
  if (!isCount(buffer)) refuse(`listen({ buffer }) takes a whole number from 1 to ${MAX_REPLIES}`)
  checkSignal(signal, 'listen()')
  return { buffer, signal }
}

/** A copy that nobody else can change. */
const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const checkTarget = (to: Target, call: string): Target => {
  checkOptions(to, ['id', 'metadata', 'pick'], `${call}: to`)
  const { id, metadata, pick } = to
  if (id !== undefined) {
    const ids: readonly unknown[] = Array.isArray(id) ? id : [id]
    if (ids.length > MAX_IDS) refuse(`${call}: to.id lists more than ${MAX_IDS} ids; choose by metadata`)
    for (const one of ids) refuseFault(idFault(one, 'to.id'))
  }
  if (metadata !== undefined) {
    if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
      refuse(`${call}: to.metadata takes an object: what the metadata of a producer must have`)
    refuseFault(metadataFault(metadata))
  }
  if (pick !== undefined && !isCount(pick)) refuse(`${call}: to.pick must be a whole number from 1 to ${MAX_REPLIES}`)
  // Copies: an asynchronous schema may take its time before it is sent.
  return {
    ...to,
    ...(Array.isArray(id) && { id: [...id] }),
    ...(metadata !== undefined && { metadata: asJson(metadata) }),
  }
}

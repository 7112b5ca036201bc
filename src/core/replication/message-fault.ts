import { MAX_TERM } from '../election/messages.ts'
import type { Charter, Entry, ReplicaMessage } from './messages.ts'

/** The longest text that names a question or a cluster. */
const MAX_TEXT = 4_096

type Check = (value: unknown) => boolean

const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most

const TERM: Check = (value) => within(value, 1, MAX_TERM)
const PROMISED: Check = (value) => within(value, 0, MAX_TERM)
const COUNT: Check = (value) => within(value, 0, Number.MAX_SAFE_INTEGER)
const VERSION: Check = (value) => within(value, 1, Number.MAX_SAFE_INTEGER)
const FLAG: Check = (value) => value === true || value === false
const TEXT: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isCharter = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const { instanceId, foundation }: Partial<Charter> = value
  return TEXT(instanceId) && isObject(foundation)
}

const ENTRY: Check = (value) => {
  if (!isObject(value)) return false
  const { term, version, charter }: Partial<Entry> = value
  return TERM(term) && VERSION(version) && isCharter(charter)
}

const OPTIONAL_ENTRY: Check = (value) => value === undefined || ENTRY(value)

/** What must hold of each field. What a foundation is made of, whoever reads the wire has looked at. */
const FIELDS: Readonly<Record<ReplicaMessage['type'], Readonly<Record<string, Check>>>> = {
  collect: { term: TERM, round: COUNT },
  collected: { term: TERM, round: COUNT, entry: OPTIONAL_ENTRY },
  store: { round: COUNT, entry: ENTRY },
  stored: { round: COUNT, term: TERM, version: VERSION },
  superseded: { term: TERM, round: COUNT, promised: TERM },
  recover: { nonce: TEXT },
  recovered: { nonce: TEXT, blank: FLAG, promised: PROMISED, entry: OPTIONAL_ENTRY },
}

/** The field that makes this no message, or `undefined`. Whatever the types say: what came over a wire may be anything. */
export const replicaMessageFault = (message: ReplicaMessage): string | undefined => {
  if (!isObject(message.sender) || !TEXT(message.sender.id) || !TEXT(message.sender.bootId)) return 'sender'
  if (!Object.hasOwn(FIELDS, message.type)) return 'type'
  const given: Readonly<Record<string, unknown>> = { ...message }
  for (const [name, holds] of Object.entries(FIELDS[message.type])) if (!holds(given[name])) return name
  return undefined
}

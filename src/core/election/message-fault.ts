import { MAX_GENERATION } from '../lease.ts'
import { type Founding, type Leader, MAX_BASE, MAX_TERM, type Pair, type PeerMessage, type Sender } from './messages.ts'

/** The longest text that says who somebody is. */
const MAX_TEXT = 4_096
/** Longer than any promise that a timing can ask for. */
const MAX_PROMISE_MS = 2 ** 31
/** More voters than there can be. */
const MAX_PAIRS = 64

const isCount = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= MAX_TEXT

const isPromise = (value: unknown): boolean => typeof value === 'number' && value > 0 && value <= MAX_PROMISE_MS

type Check = (value: unknown) => boolean

const TERM: Check = (value) => isCount(value, MAX_TERM)
const ROUND: Check = (value) => isCount(value, Number.MAX_SAFE_INTEGER)
const GENERATION: Check = (value) => isCount(value, MAX_GENERATION)
const FLAG: Check = (value) => value === true || value === false
const OPTIONAL_LEADER: Check = (value) => value === undefined || isLeader(value)
const OPTIONAL_TEXT: Check = (value) => value === undefined || isText(value)
const FOUNDING: Check = (value) => isFounding(value)

const ANSWER = { term: TERM, round: ROUND, granted: FLAG, ownTerm: TERM }

/** What must hold of each field: a term is a whole number and nothing else, a vote is `true` and nothing that only looks like it. */
const FIELDS: Readonly<Record<PeerMessage['type'], Readonly<Record<string, Check>>>> = {
  new: { base: (value) => isCount(value, MAX_BASE) },
  founding: { founding: FOUNDING, complete: FLAG },
  rejoin: { nonce: isText, commit: FLAG },
  admissible: { nonce: isText },
  rejoined: { nonce: isText, founding: FOUNDING, term: TERM, promiseMs: (value) => value === 0 || isPromise(value) },
  preVote: { term: TERM, round: ROUND },
  preVoted: ANSWER,
  vote: { term: TERM, round: ROUND, overriding: OPTIONAL_LEADER },
  voted: ANSWER,
  beat: { term: TERM, round: ROUND, promiseMs: isPromise, leads: FLAG, generation: GENERATION, tether: OPTIONAL_TEXT },
  acked: { term: TERM, round: ROUND, promiseMs: isPromise, eligible: FLAG, tether: OPTIONAL_TEXT },
  outranked: { term: TERM, round: ROUND, ownTerm: TERM },
  timeoutNow: { term: TERM },
  observe: {},
  refused: { because: isText },
}

/** The field that makes this no message, or `undefined`. Whatever the types say: what came over a wire may be anything. */
export const messageFault = (message: PeerMessage): string | undefined => {
  if (!isSender(message.sender)) return 'sender'
  if (!Object.hasOwn(FIELDS, message.type)) return 'type'
  const given: Readonly<Record<string, unknown>> = { ...message }
  for (const [name, holds] of Object.entries(FIELDS[message.type])) if (!holds(given[name])) return name
  return undefined
}

export const isSender = (sender: Sender | null | undefined): boolean =>
  sender !== undefined &&
  sender !== null &&
  isText(sender.cluster) &&
  isText(sender.voters) &&
  isText(sender.id) &&
  isText(sender.bootId) &&
  isText(sender.storeId) &&
  (sender.founding === undefined || isText(sender.founding))

const isLeader = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false
  const { id, bootId, term } = value as Partial<Leader>
  return isText(id) && isText(bootId) && TERM(term)
}

const isFounding = (value: unknown): value is Founding => {
  if (typeof value !== 'object' || value === null) return false
  const { base, original, stores, retired } = value as Partial<Founding>
  return isCount(base, MAX_BASE) && [original, stores, retired].every(isPairs)
}

const isPairs = (pairs: readonly Pair[] | undefined): boolean =>
  Array.isArray(pairs) && pairs.length <= MAX_PAIRS && pairs.every((pair) => isText(pair?.id) && isText(pair?.storeId))

import type { Millis } from '../core/time.ts'
import { CaucusError, errorFromWire } from '../errors.ts'

/** An HTTP answer, read to its end. */
export interface Reply {
  readonly status: number
  /** Names in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** What a member was told: a slot and for how long after the *send* of its poll, or nothing because the group settles. */
export interface ToldSlot {
  readonly index: number
  readonly total: number
  readonly leaseMs: Millis
}

/** For how long a slot is good; only a Caucus server says so, the original has no such header. */
const LEASE_HEADER = 'caucus-lease-ms'

/** Node's timers and this package's leases both end here. */
export const LONGEST_MS: Millis = 2 ** 31 - 1

/**
 * What a reply to `GET /index` says; `undefined` while the group settles. Throws a `CaucusError` when it says neither: the slot of a member
 * whose server talks nonsense is not one to act on. `leaseMs` is taken where the server names none.
 */
export const readIndexReply = (reply: Reply, leaseMs: Millis): ToldSlot | undefined => {
  if (reply.status !== 200) throw errorOf(reply, 'GET /index')
  // The content type is not looked at: the original calls its JSON text/html.
  const body = parseObject(reply.body)
  if (body?.status === 'SETTLING') return undefined
  if (body?.status !== 'SETTLED') throw nonsense('is neither SETTLED nor SETTLING', reply)
  const { index, total } = body
  if (!isCount(index) || !isCount(total) || index > total) throw nonsense('has no index from 1 to its total', reply)
  return { index, total, leaseMs: readLease(reply) ?? leaseMs }
}

/** The error that an HTTP reply stands for: a Caucus server's own, or one that names the status. */
export const errorOf = (reply: Reply, request: string): CaucusError => {
  const error = parseObject(reply.body)?.error
  if (typeof error === 'object' && error !== null) return errorFromWire(error)
  return new CaucusError(
    'CAUCUS_BACKEND',
    `${request} was answered with status ${reply.status}; is this a bloc server?`,
    {
      details: { status: reply.status },
    },
  )
}

const readLease = (reply: Reply): Millis | undefined => {
  const header = reply.headers[LEASE_HEADER]
  if (header === undefined) return undefined
  const leaseMs = typeof header === 'string' && /^\d{1,10}(\.\d+)?$/.test(header) ? Number(header) : Number.NaN
  if (leaseMs <= LONGEST_MS) return leaseMs
  throw nonsense(`has a ${LEASE_HEADER} of ${JSON.stringify(header)}, which is no number of milliseconds`, reply)
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1

const parseObject = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined // No JSON, such as the original's HTML page for an error; the caller says what it wanted.
  }
}

const nonsense = (what: string, { body }: Reply): CaucusError =>
  new CaucusError('CAUCUS_PROTOCOL', `the answer to GET /index ${what}; is this a bloc server?`, {
    details: { body: body.slice(0, 200) },
  })

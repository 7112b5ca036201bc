import { CaucusError, type ErrorCode, isCaucusError } from '../../../errors.ts'
import { MAX_OPERATIONS } from '../engine.ts'

/** The numbers of gRPC's status codes that mean something here. */
const STATUS = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** What etcd says by itself begins so; anything else is the way to it. */
const SAID_BY_ETCD = /^(etcdserver|mvcc|auth|lease|raft)\b/

/** Refusals to begin, by a member of etcd that cannot do it now: another one may. */
const NOT_BEGUN = /etcdserver: (no leader|not capable|rpc not supported for learner)/
/** A token that the member does not know any more, or that was given before somebody changed a user or a role. */
const STALE_TOKEN = /invalid auth token|revision of auth store is old|auth: revision in header is old/

/** What a gRPC call rejects with, as far as it is used. */
interface Status {
  readonly code: number
  readonly details: string
}

const statusOf = (error: unknown): Status => {
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: unknown }
  return {
    code: typeof code === 'number' ? code : -1,
    details: typeof details === 'string' && details !== '' ? details : String(message ?? error),
  }
}

const failed = (code: ErrorCode, message: string, details: Record<string, unknown>): CaucusError =>
  new CaucusError(code, message, { details })

/** Nobody was asked, so nothing happened. */
export const unreached = (why: string): CaucusError =>
  new CaucusError('CAUCUS_UNAVAILABLE', `etcd cannot be reached: ${why}`)

/** It was asked for, and nobody knows what came of it. */
export const unanswered = (what: string, why: string): CaucusError =>
  new CaucusError('CAUCUS_TIMEOUT', `etcd: no answer to ${what}: ${why}; it may have been carried out, or may still be`)

export const cutOff = (what: string, why: string): CaucusError =>
  new CaucusError('CAUCUS_CONNECTION_LOST', `etcd: ${what} was cut off: ${why}`)

export const closedEngine = (): CaucusError => new CaucusError('CAUCUS_CLOSED', 'the connection to etcd is closed')

/** Whether the other end has said it, not gRPC on this side. */
export const isSaidByEtcd = (error: unknown): boolean => SAID_BY_ETCD.test(statusOf(error).details)

/** Whether a newer token may help. Such a call was not begun. */
export const isStaleToken = (error: unknown): boolean => {
  const { code, details } = statusOf(error)
  // A member that asks for a token and got none: passwords were switched on since.
  return code === STATUS.unauthenticated || STALE_TOKEN.test(details) || /user name is empty/.test(details)
}

export const isAuthSwitchedOff = (error: unknown): boolean => {
  const { code, details } = statusOf(error)
  return code === STATUS.failedPrecondition && /authentication is not enabled/.test(details)
}

/** That a key, lease or user is not there, by etcd's own word. */
export const isNotFound = (error: unknown): boolean => statusOf(error).code === STATUS.notFound

export const isCompacted = (error: unknown): boolean =>
  /required revision has been compacted/.test(statusOf(error).details)

const TOO_FEW = `start each of its members with --max-txn-ops=${MAX_OPERATIONS} (its default) or more`

/** What `what` rejects with when the call of it, which was sent, ended with `error`. */
export const failureOf = (what: string, error: unknown, endpoint: string): CaucusError => {
  if (isCaucusError(error)) return error
  const { code, details } = statusOf(error)
  const said = { etcd: details, endpoint }
  const refused = `etcd refused ${what}: ${details}`
  if (NOT_BEGUN.test(details)) return failed('CAUCUS_UNAVAILABLE', refused, said)
  if (isStaleToken(error)) {
    return failed('CAUCUS_UNAUTHORIZED', `etcd asks for a user and a password, or they changed: ${details}`, said)
  }
  if (/authentication failed/.test(details)) {
    return failed('CAUCUS_UNAUTHORIZED', 'etcd does not know the user, or the password is another one', said)
  }
  switch (code) {
    case STATUS.permissionDenied:
      return failed('CAUCUS_FORBIDDEN', `${refused}; the user needs a role with readwrite for the whole prefix`, said)
    case STATUS.resourceExhausted:
      return /larger than max/.test(details)
        ? failed('CAUCUS_TOO_LARGE', refused, said)
        : failed('CAUCUS_OVERLOADED', refused, said)
    case STATUS.invalidArgument:
      if (/too many operations/.test(details)) return failed('CAUCUS_INVALID_CONFIG', `${refused}; ${TOO_FEW}`, said)
      return /too large/.test(details)
        ? failed('CAUCUS_TOO_LARGE', `${refused}; see etcd's --max-request-bytes`, said)
        : failed('CAUCUS_INVALID_ARGUMENT', refused, said)
    case STATUS.deadlineExceeded:
      return unanswered(what, details)
    case STATUS.unavailable:
      // etcd gave up waiting for its own majority; the proposal may still get through.
      if (/request timed out|leader changed/.test(details)) return unanswered(what, details)
      return cutOff(what, details)
    case STATUS.cancelled:
      return cutOff(what, details)
    default:
      return SAID_BY_ETCD.test(details)
        ? failed('CAUCUS_BACKEND', `etcd answered ${what} with: ${details}`, said)
        : cutOff(what, details)
  }
}

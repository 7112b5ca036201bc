/**
 * Every error that leaves this package is a `CaucusError` with one of these codes.
 *
 * `retriable`: trying the same thing again later can succeed.
 * `definite`: the thing certainly did not happen; `false` means that it may have happened.
 * The HTTP status of each code and what to do about it: docs/errors.md.
 */
export const ERROR_CODES = {
  CAUCUS_INVALID_ARGUMENT: { retriable: false, definite: true, status: 400 },
  CAUCUS_INVALID_CONFIG: { retriable: false, definite: true, status: 400 },
  CAUCUS_CLOSED: { retriable: false, definite: true, status: 503 },
  CAUCUS_TIMEOUT: { retriable: true, definite: false, status: 504 },
  CAUCUS_UNAVAILABLE: { retriable: true, definite: true, status: 503 },
  CAUCUS_CONNECTION_LOST: { retriable: true, definite: false, status: 502 },
  CAUCUS_NO_QUORUM: { retriable: true, definite: true, status: 503 },
  CAUCUS_NOT_LEADER: { retriable: true, definite: true, status: 503 },
  CAUCUS_LEADERSHIP_LOST: { retriable: false, definite: false, status: 409 },
  CAUCUS_ONCE_LOST: { retriable: false, definite: false, status: 409 },
  CAUCUS_ONCE_UNKNOWN: { retriable: false, definite: false, status: 409 },
  CAUCUS_FENCED: { retriable: false, definite: true, status: 409 },
  CAUCUS_SESSION_EXPIRED: { retriable: true, definite: true, status: 404 },
  CAUCUS_NOT_SETTLED: { retriable: true, definite: true, status: 409 },
  CAUCUS_NO_RESPONDERS: { retriable: true, definite: true, status: 404 },
  CAUCUS_HANDLER_FAILED: { retriable: false, definite: false, status: 500 },
  CAUCUS_NOT_FOUND: { retriable: false, definite: true, status: 404 },
  CAUCUS_METHOD_NOT_ALLOWED: { retriable: false, definite: true, status: 405 },
  CAUCUS_TOO_LARGE: { retriable: false, definite: true, status: 413 },
  CAUCUS_FORBIDDEN: { retriable: false, definite: true, status: 403 },
  CAUCUS_OVERLOADED: { retriable: true, definite: true, status: 429 },
  CAUCUS_CONFLICT: { retriable: false, definite: true, status: 409 },
  CAUCUS_UNAUTHORIZED: { retriable: false, definite: true, status: 401 },
  CAUCUS_PROTOCOL: { retriable: false, definite: true, status: 400 },
  CAUCUS_BACKEND: { retriable: true, definite: false, status: 500 },
} as const satisfies Record<string, { retriable: boolean; definite: boolean; status: number }>

/** The name of what went wrong: stable, for programs to compare (docs/errors.md says what to do about each). */
export type ErrorCode = keyof typeof ERROR_CODES

/** What crosses the wire: the `error` member of every HTTP error body. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly retriable: boolean
  readonly definite: boolean
  readonly details: Readonly<Record<string, unknown>>
}

const brand: unique symbol = Symbol.for('caucus.error')

/** An error with a stable `code`. Recognise it with `isCaucusError`, which also works across two copies of the package. */
export class CaucusError extends Error {
  readonly code: ErrorCode
  readonly retriable: boolean
  readonly definite: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly [brand] = true

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CaucusError'
    this.code = code
    this.retriable = ERROR_CODES[code].retriable
    this.definite = ERROR_CODES[code].definite
    this.details = options.details ?? {}
  }

  /** The wire form. The cause stays here: it may hold something secret. */
  toJSON(): ErrorBody {
    const { code, message, retriable, definite, details } = this
    return { code, message, retriable, definite, details }
  }
}

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)

/** True for an error of this package, also of another copy or version of it in the same process. */
export const isCaucusError = (error: unknown): error is CaucusError =>
  error instanceof Error && brand in error && error[brand] === true

/** Rebuilds an error from its wire form; an unknown code becomes `CAUCUS_BACKEND` and keeps its text. */
export const errorFromWire = (body: { code?: unknown; message?: unknown; details?: unknown }): CaucusError => {
  const details =
    typeof body.details === 'object' && body.details !== null ? (body.details as Record<string, unknown>) : {}
  const message = typeof body.message === 'string' ? body.message : 'the server gave no message'
  return isErrorCode(body.code)
    ? new CaucusError(body.code, message, { details })
    : new CaucusError('CAUCUS_BACKEND', message, { details: { ...details, code: String(body.code) } })
}

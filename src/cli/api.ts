import type { Millis } from '../core/time.ts'
import { CaucusError, errorFromWire } from '../errors.ts'
import { type ClientTls, fetchWith } from './client-tls.ts'

/** How long a server may take to answer what it has at hand. */
const ANSWER_MS = 5_000

export interface Api {
  readonly servers: readonly string[]
  readonly token: string | undefined
  readonly tls?: ClientTls | undefined
}

/** Why there was no answer, or no more of it. */
export const describeBreak = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // fetch says only "fetch failed"; what failed is in its cause.
  return error.cause instanceof Error ? error.cause.message : error.message
}

export interface RequestOptions {
  /**
   * Default: GET. What can be said twice is also said to the next server when an earlier one has perhaps heard it; a POST only when it certainly
   * has not.
   */
  readonly method?: 'GET' | 'PUT' | 'DELETE' | 'POST'
  /** How long each server may take. Default: what it may for something that it has at hand. */
  readonly withinMs?: Millis
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the request. Who reads a body for long reads it with `chunksOf`. */
  readonly signal?: AbortSignal
}

/** The first server that answers `path` with success; one that answers with an error ends the search, one that is not there does not. */
export const request = async (
  { servers, token, tls }: Api,
  path: string,
  { method = 'GET', body, headers = {}, signal, withinMs = ANSWER_MS }: RequestOptions = {},
): Promise<Response> => {
  const failures: string[] = []
  for (const server of servers) {
    const asked: Asked = {
      method,
      headers: { ...headers, ...bearer(token) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }
    const response = await tryServer(`${server}${path}`, asked, { tls, signal, withinMs })
    if ('failed' in response) {
      const failure = `${server}: ${response.failed}`
      if (method === 'POST' && response.mayHaveHeard) throw perhapsDone(failure)
      failures.push(failure)
    } else if (response.ok) return response
    else throw await failureOf(response, server)
    signal?.throwIfAborted()
  }
  throw new CaucusError('CAUCUS_UNAVAILABLE', `no server answers (${failures.join('; ')}); is one running?`)
}

const perhapsDone = (failure: string): CaucusError =>
  new CaucusError('CAUCUS_CONNECTION_LOST', `${failure}; it may have been done all the same, look before you try again`)

const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }

interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

interface Failed {
  readonly failed: string
  readonly mayHaveHeard: boolean
}

interface Attempt {
  readonly tls: ClientTls | undefined
  readonly signal: AbortSignal | undefined
  readonly withinMs: Millis
}

/** The answer, or why there is none. */
const tryServer = async (url: string, asked: Asked, { tls, signal, withinMs }: Attempt): Promise<Response | Failed> => {
  const late = new Error(`no answer within ${withinMs} ms`)
  const attempt = new AbortController()
  const timer = setTimeout(() => attempt.abort(late), withinMs)
  const giveUp = () => attempt.abort(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    if (tls !== undefined) return await fetchWith(url, { ...asked, signal: attempt.signal, tls })
    return await fetch(url, { ...asked, signal: attempt.signal, redirect: 'error' })
  } catch (error) {
    return { failed: describeBreak(error), mayHaveHeard: !UNHEARD.has(codeOf(error)) }
  } finally {
    // Both end with the head of the answer; a stream goes on for as long as its reader likes.
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** There was no connection. */
const UNHEARD: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

const codeOf = (error: unknown): unknown => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } }
  return code ?? cause?.code
}

/**
 * The chunks of a body until it ends, or until `signal` aborts: then it throws the reason at once. The reader cancels the body itself,
 * since fetch holds its own signal weakly once the head of the answer is there, and may never hear of it.
 */
export async function* chunksOf(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  // A body that broke meanwhile rejects here too; the read says so already.
  const cancel = () => void reader.cancel(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for (;;) {
      signal.throwIfAborted()
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

const failureOf = async (response: Response, server: string): Promise<CaucusError> => {
  const text = await response.text()
  const body: unknown = (() => {
    try {
      return JSON.parse(text)
    } catch {
      // Not one of ours, perhaps a proxy: its status says more than its page.
      return undefined
    }
  })()
  if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'object') {
    return errorFromWire(body.error ?? {})
  }
  return new CaucusError(
    'CAUCUS_PROTOCOL',
    `${server} answered with ${response.status} and nothing that a caucus server says`,
  )
}

/** The JSON that a server answers to `path`. */
export const requestJson = async (api: Api, path: string, options?: RequestOptions): Promise<unknown> => {
  const response = await request(api, path, options)
  try {
    return await response.json()
  } catch (cause) {
    throw new CaucusError('CAUCUS_PROTOCOL', `${response.url} did not answer with JSON; is it a caucus server?`, {
      cause,
    })
  }
}

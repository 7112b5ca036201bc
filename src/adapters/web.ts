import type { IncomingMessage, ServerResponse } from 'node:http'
import { type CaucusError, ERROR_CODES } from '../errors.ts'

/** Node's own request, that of Express, or that of Fastify, which has Node's under `raw`. */
export type WebRequest =
  | (IncomingMessage & { readonly originalUrl?: string })
  | { readonly raw: IncomingMessage; readonly originalUrl?: string }

/** Node's own response, that of Express, or the reply of Fastify. */
export type WebResponse = ServerResponse | { readonly raw: ServerResponse; hijack(): unknown }

/** Whoever passes a request on says so: two that each take the other for the right one must not pass it to and fro. */
export const FORWARDED = 'x-caucus-forwarded'

export const incomingOf = (request: WebRequest): IncomingMessage => ('raw' in request ? request.raw : request)

/** From here on the answer is ours: Fastify is told so. */
export const outgoingOf = (response: WebResponse): ServerResponse => {
  if (!('hijack' in response)) return response
  response.hijack()
  return response.raw
}

/** The path as it was asked for, whatever a router has cut off. Of a whole URL only that: whose it says to be is somebody's choice. */
export const pathOf = (request: WebRequest): string => {
  const asked = request.originalUrl ?? incomingOf(request).url ?? '/'
  const path = asked.replace(/^https?:\/\/[^/?#]*/i, '')
  if (path.startsWith('/')) return path
  return path.startsWith('?') ? `/${path}` : '/'
}

/** Where a web server says it is, if it can be called there: by a host, a port and a path, and nothing else. */
export const baseOf = (url: unknown): URL | undefined => {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  const base = new URL(url)
  const isPlain = base.username === '' && base.password === '' && base.search === '' && base.hash === ''
  return isPlain && (base.protocol === 'http:' || base.protocol === 'https:') ? base : undefined
}

/** Where a request goes, as a browser is told. */
export const locationOf = (base: URL, path: string): string =>
  `${base.origin}${base.pathname.replace(/\/+$/, '')}${path}`

/** Answers with the error, and when to come again where that can help. An answer that has begun is cut, since nothing can be said in it any more. */
export const refuse = (
  response: ServerResponse,
  error: CaucusError,
  { status = ERROR_CODES[error.code].status, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): void => {
  if (response.headersSent) return void response.destroy()
  const again = status === 503 ? { 'retry-after': '1' } : {}
  const own = { 'content-type': 'application/json', 'cache-control': 'no-store', ...again, ...headers }
  response.writeHead(status, own).end(JSON.stringify({ error }))
}

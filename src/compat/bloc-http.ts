import http from 'node:http'
import https from 'node:https'
import { CaucusError } from '../errors.ts'
import type { Reply } from './bloc-reply.ts'

/** bloc's two requests, both about one session. */
export interface BlocWire {
  /** Resolves with the whole answer, whatever its status. Rejects with a `CaucusError`; an aborted signal ends it at once. */
  request(method: 'GET' | 'DELETE', path: '/index' | '/session', signal: AbortSignal): Promise<Reply>
  /** Closes what it has open. */
  close(): void
}

/** bloc's answers take less than a hundred bytes; an error page is not worth more than this. */
const MAX_BODY_BYTES = 64 * 1024
const NO_CONNECTION = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']

/** bloc's wire over HTTP, with one connection that is kept. */
export class BlocHttp implements BlocWire {
  readonly #base: URL
  readonly #module: typeof http | typeof https
  readonly #agent: http.Agent
  readonly #headers: http.OutgoingHttpHeaders

  constructor(base: URL, sessionId: string) {
    this.#base = base
    this.#module = base.protocol === 'https:' ? https : http
    this.#agent = new this.#module.Agent({ keepAlive: true })
    // Node writes header values as Latin-1, one byte per character: this sends the UTF-8 bytes, as the original does.
    this.#headers = { 'Bloc-Session-ID': Buffer.from(sessionId).toString('latin1'), Accept: 'application/json' }
  }

  async request(method: 'GET' | 'DELETE', path: '/index' | '/session', signal: AbortSignal): Promise<Reply> {
    try {
      return await this.#send(method, path, signal)
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error
      // The server closed the kept connection as idle just as we used it. Both requests may be repeated, so ask once more on another.
      return this.#send(method, path, signal)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(method: 'GET' | 'DELETE', path: string, signal: AbortSignal): Promise<Reply> {
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + path, this.#base)
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent, headers: this.#headers, signal }
      const request = this.#module.request(url, options, (response) => {
        readBody(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          (error) => {
            request.destroy()
            reject(connectionError(error, url))
          },
        )
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') && !signal.aborted
        reject(isStale ? new StaleConnection() : connectionError(error, url))
      })
      request.end()
    })
  }
}

class StaleConnection extends Error {}

const readBody = async (response: http.IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES)
      throw new CaucusError(
        'CAUCUS_PROTOCOL',
        `the answer is longer than ${MAX_BODY_BYTES} bytes; is this a bloc server?`,
      )
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const connectionError = (error: unknown, { host }: URL): CaucusError => {
  if (error instanceof CaucusError) return error
  const { code = '', message = String(error) } = error as NodeJS.ErrnoException
  return NO_CONNECTION.includes(code)
    ? new CaucusError('CAUCUS_UNAVAILABLE', `cannot reach ${host} (${code}); is the server running there?`, {
        cause: error,
      })
    : new CaucusError('CAUCUS_CONNECTION_LOST', `lost the connection to ${host}: ${message}`, { cause: error })
}

import type { ServerResponse } from 'node:http'
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { request as requestSecurely, Agent as SecureAgent } from 'node:https'
import { CaucusError } from '../errors.ts'
import { CONNECTION_HEADERS } from '../wire/connection-headers.ts'
import { refuse } from './web.ts'

export interface Onward {
  /** Where the other web server is; only its host, its port and its path count. */
  readonly base: URL
  /** What was asked for, from its first slash on. */
  readonly path: string
  /** Over those that came. */
  readonly headers: Readonly<Record<string, string>>
  /** For people: who is asked. */
  readonly who: string
  /** How long the other side may be silent before its answer begins. */
  readonly silenceMs: number
  /** The longest body that is passed on. */
  readonly maxBodyBytes: number
  /** Whether the answer is not to be passed back, because somebody else is to be asked. */
  isRefusal?(answer: IncomingMessage): boolean
}

/** `answered`: with what came back, or with why nothing did. `refused`, `unreachable`: nothing was said yet, and nothing was done there. */
export type ForwardOutcome = 'answered' | 'refused' | 'unreachable'

const SAFE_TO_REPEAT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']

// Connections are kept: a new one for each request costs more than most answers. Those that are idle keep no process alive, and end: members
// come and go, and nobody counts where they were.
const KEPT = { keepAlive: true, maxFreeSockets: 32, timeout: 15_000 }
const plain = new Agent(KEPT)
const secure = new SecureAgent(KEPT)

/** Whether anything comes after the headers. In HTTP/2 they need not say so: there the end of the stream does. */
export const hasBody = (incoming: IncomingMessage): boolean => {
  const { headers, httpVersionMajor } = incoming
  const { stream } = incoming as { readonly stream?: { readonly endAfterHeaders?: boolean } }
  if (httpVersionMajor >= 2 && stream !== undefined) return stream.endAfterHeaders !== true
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/**
 * How the body is framed, said anew and never left out: Node frames none of a GET or DELETE by itself, and what is not framed is read as the
 * next request. What comes without a body is framed by Node.
 */
const framingOf = (incoming: IncomingMessage): IncomingHttpHeaders => {
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers
  if (!hasBody(incoming)) return {}
  return coding === undefined && length !== undefined
    ? { 'content-length': length }
    : { 'transfer-encoding': 'chunked' }
}

/** Without what is about one connection, whether we know that or the other side says so. */
export const carried = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !(CONNECTION_HEADERS.has(name) || name === 'expect' || named.includes(name) || name.startsWith(':')),
    ),
  )
}

/**
 * Passes a request on as it comes and the answer back as it comes, neither kept in memory. Resolves once the answer has begun or was given
 * here. The bodies are never read by anybody else: whatever parses them comes later.
 */
export const forward = (incoming: IncomingMessage, outgoing: ServerResponse, onward: Onward): Promise<ForwardOutcome> =>
  new Promise((resolve) => new Forwarding(incoming, outgoing, onward, resolve).begin())

class Forwarding {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #onward: Onward
  readonly #resolve: (outcome: ForwardOutcome) => void
  #request: ClientRequest | undefined
  #isConnected = false
  /** Something is known: what comes later changes nothing. */
  #isOver = false
  #bytes = 0

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    onward: Onward,
    resolve: (outcome: ForwardOutcome) => void,
  ) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#onward = onward
    this.#resolve = resolve
  }

  begin(): void {
    const { maxBodyBytes } = this.#onward
    if (Number(this.#incoming.headers['content-length'] ?? 0) > maxBodyBytes) return this.#tooLarge()
    // Whoever asked went away while it was found out whom to ask.
    if (this.#outgoing.destroyed) return this.#end('answered')
    // Nobody waits for the answer any more, and half a request must not look like a whole one there.
    this.#outgoing.once('close', () => this.#request?.destroy())
    this.#send()
    if (!hasBody(this.#incoming)) return
    this.#incoming.on('data', (part: Buffer) => {
      this.#bytes += part.length
      if (this.#bytes > maxBodyBytes) this.#tooLarge()
    })
  }

  #send(): void {
    const { base, path, silenceMs } = this.#onward
    const isSecure = base.protocol === 'https:'
    const onward = (isSecure ? requestSecurely : request)({
      agent: isSecure ? secure : plain,
      protocol: base.protocol,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? (isSecure ? 443 : 80) : Number(base.port),
      path: `${base.pathname.replace(/\/+$/, '')}${path}`,
      method: this.#incoming.method,
      headers: this.#headers(),
      // An option and no `setTimeout()`: that begins to count only once there is a connection.
      timeout: silenceMs,
    })
    this.#request = onward
    this.#isConnected = false
    onward.once('socket', (socket) => {
      // Before that nothing is said, and so nothing done.
      const ready = isSecure ? 'secureConnect' : 'connect'
      if (onward.reusedSocket) this.#isConnected = true
      else socket.once(ready, () => (this.#isConnected = true))
    })
    onward.once('timeout', () => onward.destroy(new Silence(silenceMs)))
    onward.once('response', (answer) => this.#answered(answer))
    onward.on('error', (cause) => this.#failed(cause, onward))
    // Of a change of protocols that nobody asked for, nothing else is told.
    onward.once('close', () => this.#failed(new Error('it ended without an answer'), onward))
    if (hasBody(this.#incoming)) this.#incoming.pipe(onward)
    else onward.end()
  }

  #headers(): IncomingHttpHeaders {
    const { headers, socket } = this.#incoming
    const { 'content-length': _length, ...others } = carried(headers)
    const { host } = headers
    const before = headers['x-forwarded-for']
    const from = socket.remoteAddress ?? 'unknown'
    return {
      ...others,
      ...framingOf(this.#incoming),
      'x-forwarded-for': before === undefined ? from : `${before}, ${from}`,
      'x-forwarded-proto': headers['x-forwarded-proto'] ?? ('encrypted' in socket ? 'https' : 'http'),
      ...(host !== undefined && { 'x-forwarded-host': headers['x-forwarded-host'] ?? host }),
      host: this.#onward.base.host,
      ...this.#onward.headers,
    }
  }

  #answered(answer: IncomingMessage): void {
    if (this.#isOver || this.#outgoing.destroyed) return void answer.destroy()
    // Once it has begun it may take as long as it likes: a stream of events is one.
    this.#request?.setTimeout(0)
    if (this.#onward.isRefusal?.(answer) === true) {
      answer.resume()
      return this.#end('refused')
    }
    try {
      this.#outgoing.writeHead(answer.statusCode ?? 502, carried(answer.headers))
    } catch (cause) {
      // Node's server does not say all that its client takes, as a status below 100.
      this.#failed(asError(cause), this.#request)
      return void answer.destroy()
    }
    answer.pipe(this.#outgoing)
    // Cut where the other side was cut: what is missing must not look like the end.
    answer.once('error', () => this.#outgoing.destroy())
    this.#end('answered')
  }

  #failed(cause: NodeJS.ErrnoException, from: ClientRequest | undefined): void {
    if (this.#isOver || from === undefined || from !== this.#request) return
    // Ended from here, since nobody waits: to say it again would do it twice, with nobody to end that.
    if (this.#outgoing.destroyed) return this.#end('answered')
    const isRepeatable = SAFE_TO_REPEAT.includes(this.#incoming.method ?? '') && !hasBody(this.#incoming)
    // A kept connection may end just as it is used again, and that says nothing about who is there.
    if (from.reusedSocket && cause.code === 'ECONNRESET' && isRepeatable) return this.#send()
    if (!this.#isConnected) return this.#end('unreachable')
    this.#stopReading()
    const { who } = this.#onward
    // It may have been done there: whoever asked has to know that.
    if (cause instanceof Silence) this.#refuse(new CaucusError('CAUCUS_TIMEOUT', `${who} ${cause.message}`, { cause }))
    else this.#refuse(new CaucusError('CAUCUS_CONNECTION_LOST', `${who} was lost: ${cause.message}`, { cause }))
  }

  #tooLarge(): void {
    if (this.#isOver) return
    const { maxBodyBytes } = this.#onward
    this.#stopReading()
    this.#refuse(new CaucusError('CAUCUS_TOO_LARGE', `bodies are passed on up to ${maxBodyBytes} bytes`))
    this.#request?.destroy()
  }

  /** The rest of a body is read and thrown away, so that the answer is not lost in a reset connection. */
  #stopReading(): void {
    if (this.#request !== undefined) this.#incoming.unpipe(this.#request)
    this.#incoming.resume()
  }

  #refuse(error: CaucusError): void {
    refuse(this.#outgoing, error)
    this.#end('answered')
  }

  #end(outcome: ForwardOutcome): void {
    this.#isOver = true
    this.#resolve(outcome)
  }
}

const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)))

class Silence extends Error {
  constructor(forMs: number) {
    super(`said nothing for ${forMs} ms`)
  }
}

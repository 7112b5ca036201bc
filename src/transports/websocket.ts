import type { IncomingMessage } from 'node:http'
import { type RawData, WebSocket } from 'ws'
import { CaucusError, errorFromWire } from '../errors.ts'
import type { FrameSocket, OpenSocket, SocketOptions, SocketSink } from '../ports/socket.ts'
import { MAX_FRAME_BYTES } from '../wire/limits.ts'

/** Whoever lets this much pile up unsent has nobody on the other side. A process may say a lot at once: a hundred replies of the largest kind. */
const MAX_BUFFERED_BYTES = 64 * MAX_FRAME_BYTES
/** How much of a refusal is read. */
const MAX_REFUSAL_BYTES = 16 * 1024

/** Opens a WebSocket. */
export const openWebSocket: OpenSocket = (options, sink) => new ClientSocket(options, sink)

/** One WebSocket to a server, from its handshake to its end. It never throws and leaves no `error` event unheard. */
class ClientSocket implements FrameSocket {
  readonly #socket: WebSocket
  readonly #sink: SocketSink
  readonly #url: string
  #over = false
  #failure: CaucusError | undefined
  #refusal: IncomingMessage | undefined

  constructor({ url, subprotocols, token, tls, handshakeTimeoutMs }: SocketOptions, sink: SocketSink) {
    this.#url = url
    this.#sink = sink
    this.#socket = new WebSocket(url, [...subprotocols], {
      ...tls,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      maxPayload: MAX_FRAME_BYTES,
      // Small frames, often: compressing them costs more than it saves, and holds memory per connection.
      perMessageDeflate: false,
    })
    // Of our own, because that of `ws` starts anew with every byte.
    const limit = setTimeout(() => this.#late(handshakeTimeoutMs), handshakeTimeoutMs)
    this.#socket.on('open', () => {
      clearTimeout(limit)
      if (!this.#over) sink.opened()
    })
    this.#socket.on('message', (data, isBinary) => {
      if (this.#over) return
      sink.heard()
      if (isBinary) sink.bytes(bytesOf(data))
      else sink.text(data.toString())
    })
    this.#socket.on('ping', () => this.#heard())
    this.#socket.on('pong', () => this.#heard())
    this.#socket.on('error', (cause) => {
      this.#failure ??= new CaucusError('CAUCUS_CONNECTION_LOST', `${url}: ${describe(cause)}`, { cause })
    })
    this.#socket.on('unexpected-response', (_request, response) => this.#refused(response))
    this.#socket.on('close', (code, reason) => {
      clearTimeout(limit)
      this.#closed(code, reason.toString())
    })
  }

  get open(): boolean {
    return !this.#over && this.#socket.readyState === WebSocket.OPEN
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  send(frame: string): void {
    this.#send(frame)
  }

  sendBytes(frame: Uint8Array): void {
    this.#send(frame)
  }

  #send(frame: string | Uint8Array): void {
    if (!this.open) return
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      return this.fail(new CaucusError('CAUCUS_CONNECTION_LOST', `${this.#url} does not take what is sent to it`))
    }
    this.#socket.send(frame)
  }

  ping(): void {
    if (this.open) this.#socket.ping()
  }

  fail(error: CaucusError): void {
    this.#failure ??= error
    this.#end(error)
    this.#socket.terminate()
  }

  close(gone: () => void): void {
    this.#over = true
    if (this.#socket.readyState === WebSocket.CLOSED) return gone()
    this.#socket.once('close', gone)
    this.#socket.close(1000)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #heard(): void {
    if (!this.#over) this.#sink.heard()
  }

  #closed(code: number, reason: string): void {
    const said = reason === '' ? '' : `, "${reason.slice(0, 200)}"`
    this.#end(
      this.#failure ?? new CaucusError('CAUCUS_CONNECTION_LOST', `${this.#url} closed the connection (${code}${said})`),
    )
  }

  #end(error: CaucusError): void {
    if (this.#over) return
    this.#over = true
    this.#sink.closed(error)
  }

  /** What a refusal said so far has to do. */
  #late(limitMs: number): void {
    if (this.#refusal !== undefined) this.#refusal.destroy()
    else this.fail(new CaucusError('CAUCUS_CONNECTION_LOST', `${this.#url} took longer than ${limitMs} ms to answer`))
  }

  /** The server answered in plain HTTP: its body says why, if it is one of ours. */
  #refused(response: IncomingMessage): void {
    this.#refusal = response
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      body += chunk
      if (body.length > MAX_REFUSAL_BYTES) response.destroy()
    })
    response.on('error', () => undefined)
    response.on('close', () => this.fail(refusalOf(this.#url, response.statusCode ?? 0, body)))
  }
}

/** The error that a body of ours carries, or what a status means by itself. */
export const refusalOf = (url: string, status: number, body: string): CaucusError => {
  try {
    const { error } = JSON.parse(body) as { error?: { code?: unknown; message?: unknown; details?: unknown } }
    if (typeof error === 'object' && error !== null) return errorFromWire(error)
  } catch {
    // Not of ours: the status has to do.
  }
  const code =
    status === 401
      ? 'CAUCUS_UNAUTHORIZED'
      : status === 403
        ? 'CAUCUS_FORBIDDEN'
        : status >= 500 || status === 429
          ? 'CAUCUS_UNAVAILABLE'
          : 'CAUCUS_PROTOCOL'
  return new CaucusError(code, `${url} answered ${status}; is it a caucus server?`, { details: { status } })
}

/** With the `binaryType` that is the default, it is a `Buffer` already. */
const bytesOf = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}

const describe = (error: Error & { code?: unknown }): string =>
  error.message !== '' ? error.message : String(error.code ?? error.name)

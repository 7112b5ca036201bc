import { CaucusError } from '../../errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { FrameSocket, SocketOptions, SocketSink } from '../../ports/socket.ts'
import type { EventLoop } from './event-loop.ts'
import { type ClientSocket, type Line, lend, SMALL_BYTES } from './wire.ts'

/** Whoever lets this much pile up unsent has nobody on the other side, as `transports/websocket.ts` does it. */
const MAX_UNSENT_BYTES = 8 * 2 ** 20

/** A member's end of a made-up connection: what `transports/websocket.ts` is over a real one. */
export class ClientEnd implements FrameSocket, ClientSocket {
  readonly loop: EventLoop
  readonly #line: Line
  readonly #sink: SocketSink
  readonly #url: string
  readonly #limit: Timer
  /** `silent`: its owner hears nothing more, and waits for its end. */
  #state: 'opening' | 'open' | 'silent' | 'gone' = 'opening'
  #onGone: (() => void) | undefined

  constructor(line: Line, loop: EventLoop, { url, handshakeTimeoutMs }: SocketOptions, sink: SocketSink) {
    this.loop = loop
    this.#line = line
    this.#sink = sink
    this.#url = url
    const late = `${url} took longer than ${handshakeTimeoutMs} ms to answer`
    const { grantor } = loop
    this.#limit = grantor.setTimer(grantor.now() + handshakeTimeoutMs, () => this.fail(lost(late)))
  }

  get isGone(): boolean {
    return this.#state === 'gone'
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  accepted(): void {
    if (this.#state !== 'opening') return
    this.#limit.clear()
    this.#state = 'open'
    this.#sink.opened()
  }

  heard(frame?: string | Uint8Array): void {
    if (this.#state !== 'open') return
    this.#sink.heard()
    if (typeof frame === 'string') this.#sink.text(frame)
    else if (frame !== undefined) lend(frame, (lent) => this.#sink.bytes(lent))
  }

  pinged(): void {
    this.heard()
    this.#line.toServer(SMALL_BYTES, (server) => server.ponged())
  }

  send(frame: string): void {
    this.#send(frame)
  }

  sendBytes(frame: Uint8Array): void {
    this.#send(frame)
  }

  #send(frame: string | Uint8Array): void {
    if (!this.open) return
    if (this.#line.unsentBytes('up') > MAX_UNSENT_BYTES)
      return this.fail(lost(`${this.#url} does not take what is sent to it`))
    const { options } = this.#line
    const message = options.sent('up', frame)
    this.#line.toServer(frame.length, (server) => {
      options.arrived('up', frame, message, server.open)
      server.took(frame)
    })
  }

  ping(): void {
    if (this.open) this.#line.toServer(SMALL_BYTES, (server) => server.pinged())
  }

  fail(error: CaucusError): void {
    if (this.#state === 'opening' || this.#state === 'open') this.#sink.closed(error)
    this.#end()
  }

  close(gone: () => void): void {
    if (this.#state === 'gone') return gone()
    this.#onGone = gone
    const wasOpen = this.#state === 'open'
    this.#state = 'silent'
    this.#limit.clear()
    if (wasOpen) this.#line.toServer(SMALL_BYTES, (server) => server.closedByClient())
    else this.terminate()
  }

  terminate(): void {
    this.loop.deliver(() => this.#end())
  }

  closedByServer(code: number, reason: string): void {
    this.fail(lost(`${this.#url} closed the connection (${code}, "${reason.slice(0, 200)}")`))
  }

  /** Its process has ended. */
  die(silent: boolean): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#line.clientGone(silent)
  }

  #end(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#limit.clear()
    this.#line.clientGone(false)
    this.#onGone?.()
  }
}

const lost = (message: string) => new CaucusError('CAUCUS_CONNECTION_LOST', message)

import type { Millis } from '../../core/time.ts'
import type { AcceptedSink, AcceptedSocket } from '../../ports/socket.ts'
import type { EventLoop } from './event-loop.ts'
import { type Line, lend, type ServerSocket, SMALL_BYTES } from './wire.ts'

/** How long the side that closes waits for the other one's word, as the WebSocket library does it. */
const CLOSE_LIMIT_MS: Millis = 30_000

/** A server's end of a made-up connection: what `server/web-socket.ts` is over a real one. */
export class ServerEnd implements AcceptedSocket, ServerSocket {
  readonly loop: EventLoop
  readonly #line: Line
  readonly #sink: AcceptedSink
  #state: 'open' | 'closing' | 'gone' = 'open'

  constructor(line: Line, loop: EventLoop, sink: AcceptedSink) {
    this.loop = loop
    this.#line = line
    this.#sink = sink
  }

  get isGone(): boolean {
    return this.#state === 'gone'
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  get bufferedBytes(): number {
    return this.#line.unsentBytes('down')
  }

  took(frame: string | Uint8Array): void {
    if (this.#state === 'gone') return
    if (typeof frame === 'string') this.#sink.text(frame)
    else lend(frame, (lent) => this.#sink.binary(lent))
  }

  pinged(): void {
    if (this.open) this.#line.toClient(SMALL_BYTES, (client) => client.heard())
  }

  send(frame: string): void {
    this.#send(frame)
  }

  sendBytes(frame: Uint8Array): void {
    this.#send(frame)
  }

  #send(frame: string | Uint8Array): void {
    if (!this.open) return
    const { options } = this.#line
    const message = options.sent('down', frame)
    this.#line.toClient(frame.length, (client) => {
      options.arrived('down', frame, message, client.open)
      client.heard(frame)
    })
  }

  ping(): void {
    if (this.open) this.#line.toClient(SMALL_BYTES, (client) => client.pinged())
  }

  ponged(): void {
    if (this.#state !== 'gone') this.#sink.pong()
  }

  close(code: number, reason: string): void {
    if (!this.open) return
    this.#state = 'closing'
    this.#line.toClient(SMALL_BYTES, (client) => client.closedByServer(code, reason))
    this.#line.options.timeline.after(CLOSE_LIMIT_MS, () => this.terminate())
  }

  closedByClient(): void {
    if (this.#state === 'gone') return
    this.#line.toClient(SMALL_BYTES, (client) => client.terminate())
    this.end(true)
  }

  terminate(): void {
    this.loop.deliver(() => this.end())
  }

  /** Its process has ended. */
  die(silent: boolean): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#line.serverGone(silent)
  }

  /** The socket is gone. `said`: the client has been told how this ends, and is not to be told again. */
  end(said = false): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#line.serverGone(said)
    this.#sink.closed()
  }
}

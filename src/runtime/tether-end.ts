import type { TetherSink, TetherSocket, TetherStream } from '../ports/tether.ts'

/**
 * One end of a tether on a socket of its own. Nothing ever times out on it, since a time-out would close it in order; this end stays open when
 * the other one ends; and whatever arrives on it besides an end makes it worthless.
 */
export class TetherEnd implements TetherStream {
  readonly #socket: TetherSocket
  #sink: TetherSink | undefined
  /** What happened. `closed`: by this side, so that whatever happens afterwards proves nothing. */
  #state: 'open' | 'ended' | 'lost' | 'closed' = 'open'

  /** `head`: what has been read already. There must be nothing. */
  constructor(socket: TetherSocket, head: { readonly length: number }) {
    this.#socket = socket
    socket.allowHalfOpen = true
    socket.setTimeout(0)
    // It, too, is a time-out, and it would close this end.
    socket.setKeepAlive(false)
    socket.on('end', () => this.#happens('ended'))
    socket.on('error', () => this.#happens('lost'))
    socket.on('close', () => this.#happens('lost'))
    socket.on('data', () => this.#spoils())
    socket.unref()
    if (head.length > 0) this.#spoils()
    socket.resume()
  }

  watch(sink: TetherSink): void {
    this.#sink = sink
    this.#tell()
  }

  end(): void {
    if (this.#state === 'open') this.#socket.destroySoon()
    this.#state = 'closed'
  }

  reset(): void {
    this.#state = 'closed'
    this.#socket.resetAndDestroy()
  }

  #happens(what: 'ended' | 'lost'): void {
    if (this.#state !== 'open') return
    this.#state = what
    this.#tell()
  }

  #spoils(): void {
    this.#happens('lost')
    this.#socket.resetAndDestroy()
  }

  #tell(): void {
    const sink = this.#sink
    if (sink === undefined || this.#state === 'open' || this.#state === 'closed') return
    this.#sink = undefined
    if (this.#state === 'ended') sink.ended()
    else sink.lost()
  }
}

import { CaucusError } from '../../src/errors.ts'
import type { AcceptedSink, AcceptedSocket, FrameSocket, SocketOptions, SocketSink } from '../../src/ports/socket.ts'
import type { SimulatedClock } from '../../src/testing/simulated-clock.ts'

type State = 'connecting' | 'open' | 'closing' | 'over'

/** Both ends of a connection on one simulated loop: what one end says, the other hears when the loop polls next. */
export class SocketPair {
  readonly options: SocketOptions
  readonly client: FrameSocket
  readonly server: AcceptedSocket
  /** From now on nothing arrives at either end, and neither is told. */
  halfOpen = false
  /** What waits at the server because its client does not read. */
  unread = 0
  /** The client may not send any more: too much of what it said waits already. */
  full = false
  /** What either end did, in order. */
  readonly log: string[] = []
  readonly #clock: SimulatedClock
  readonly #toClient: SocketSink
  #toServer: AcceptedSink | undefined
  #client: State = 'connecting'
  #server: State = 'connecting'
  #gone: (() => void) | undefined

  constructor(clock: SimulatedClock, options: SocketOptions, sink: SocketSink) {
    this.#clock = clock
    this.options = options
    this.#toClient = sink
    this.client = this.#clientEnd()
    this.server = this.#serverEnd()
  }

  /** The server takes it: what `accept` does with the sink is `Links.accept`'s, or the test's. */
  accepted(accept: (connect: (sink: AcceptedSink) => AcceptedSocket) => void): void {
    this.#arrives(() => {
      if (this.#client !== 'connecting') return
      this.#client = 'open'
      this.#toClient.opened()
    })
    this.#server = 'open'
    accept((sink) => {
      this.#toServer = sink
      return this.server
    })
  }

  /** The way to the server ends, or its answer never came. */
  lost(error: CaucusError): void {
    this.#arrives(() => this.#endClient(error))
    this.#endServer()
  }

  /** What the client says, whether it is a frame or not. */
  says(frame: string | Uint8Array): void {
    this.#arrives(() => (typeof frame === 'string' ? this.#toServer?.text(frame) : this.#toServer?.binary(frame)))
  }

  #clientEnd(): FrameSocket {
    const isOpen = () => this.#client === 'open'
    const send = (frame: string | Uint8Array) => {
      if (!isOpen()) return
      if (this.full) return this.client.fail(new CaucusError('CAUCUS_CONNECTION_LOST', 'does not take what is sent'))
      this.log.push(`client: ${frameText(frame)}`)
      this.says(frame)
    }
    return {
      get open() {
        return isOpen()
      },
      send,
      sendBytes: send,
      ping: () => {
        this.log.push('client: ping')
        this.#arrives(() => this.#server === 'open' && this.#arrives(() => this.#heard()))
      },
      fail: (error) => {
        this.log.push(`client: fails with ${error.code}`)
        this.#endClient(error)
        this.#arrives(() => this.#endServer())
      },
      close: (gone) => {
        this.log.push('client: closes')
        this.#client = 'over'
        this.#gone = gone
        this.#arrives(() => this.#endServer())
      },
      terminate: () => {
        this.log.push('client: terminates')
        this.#clock.deliver(() => this.#gone?.())
      },
    }
  }

  #serverEnd(): AcceptedSocket {
    const isOpen = () => this.#server === 'open'
    const unread = () => this.unread
    return {
      get open() {
        return isOpen()
      },
      get bufferedBytes() {
        return unread()
      },
      send: (frame) => {
        this.log.push(`server: ${frame}`)
        this.#arrives(() => {
          if (!this.#heard()) return
          this.#toClient.text(frame)
        })
      },
      sendBytes: (frame) => {
        this.log.push(`server: ${frameText(frame)}`)
        this.#arrives(() => {
          if (!this.#heard()) return
          this.#toClient.bytes(frame)
        })
      },
      ping: () => {
        this.log.push('server: ping')
        this.#arrives(() => this.#heard() && this.#arrives(() => this.#toServer?.pong()))
      },
      close: (code, reason) => {
        this.log.push(`server: closes with ${code} ${reason}`)
        this.#server = 'closing'
        this.#arrives(() => this.#endClient(new CaucusError('CAUCUS_CONNECTION_LOST', `closed (${code}, "${reason}")`)))
        this.#clock.deliver(() => this.#endServer())
      },
      terminate: () => {
        this.log.push('server: terminates')
        this.#server = 'closing'
        this.#arrives(() => this.#endClient(new CaucusError('CAUCUS_CONNECTION_LOST', 'closed (1006)')))
        this.#clock.deliver(() => this.#endServer())
      },
    }
  }

  #arrives(hear: () => void): void {
    this.#clock.deliver(() => {
      if (!this.halfOpen) hear()
    })
  }

  #heard(): boolean {
    if (this.#client !== 'open') return false
    this.#toClient.heard()
    return true
  }

  #endClient(error: CaucusError): void {
    if (this.#client === 'over') return
    this.#client = 'over'
    this.#toClient.closed(error)
  }

  #endServer(): void {
    if (this.#server === 'open' || this.#server === 'closing') {
      this.#server = 'over'
      this.#toServer?.closed()
    }
    this.#arrives(() => this.#gone?.())
  }
}

const frameText = (frame: string | Uint8Array): string => (typeof frame === 'string' ? frame : `${frame.length} bytes`)

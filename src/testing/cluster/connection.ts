import { CaucusError } from '../../errors.ts'
import type { EventLoop } from './event-loop.ts'
import { Pipe } from './pipe.ts'
import { ServerEnd } from './server-end.ts'
import {
  type ClientSide,
  type ClientSocket,
  type ConnectionOptions,
  type Line,
  type ServerSide,
  type ServerSocket,
  SMALL_BYTES,
  type Travel,
} from './wire.ts'

/**
 * One connection that is made up: a client's end in one process, a server's end in another, and a pipe each way between them.
 * What each end is to its process: `client-end.ts` and `server-end.ts`.
 */
export class Connection<Client extends ClientSocket = ClientSocket> implements Line {
  readonly client: Client
  readonly options: ConnectionOptions
  server: ServerSocket | undefined
  readonly #up: Pipe
  readonly #down: Pipe
  /** The process that was knocked at. */
  #serverLoop: EventLoop | undefined
  /** What one end has sent and the other has not read yet is lost: the connection was reset. */
  readonly #lost = { up: false, down: false }

  constructor(knock: Knock, makeClient: (line: Line) => Client, options: ConnectionOptions) {
    this.options = options
    const { timeline, windowBytes } = options
    this.#up = new Pipe({ timeline, direction: options.up, windowBytes })
    this.#down = new Pipe({ timeline, direction: options.down, windowBytes })
    this.client = makeClient(this)
    this.#up.write(SMALL_BYTES, () => this.#knocked(knock))
  }

  unsentBytes(travel: Travel): number {
    return (travel === 'up' ? this.#up : this.#down).bufferedBytes
  }

  /** The kernel answers by itself when nobody listens; a process that listens has to get to it. */
  #knocked({ url, subprotocols, forwarded = false }: Knock): void {
    this.#up.read(SMALL_BYTES)
    const { far, isOn } = this.options
    const process = far()
    if (process === undefined) {
      if (isOn.coordinator()) this.refuse(new CaucusError('CAUCUS_CONNECTION_LOST', `${url}: connection refused`))
      return
    }
    const { loop } = process
    this.#serverLoop = loop
    loop.deliver(() => {
      process.knocked({
        path: new URL(url).pathname,
        subprotocols,
        forwarded,
        refuse: (error) => this.refuse(error),
        accept: (take) => {
          this.admit()
          take((sink) => {
            const server = new ServerEnd(this, loop, sink)
            this.server = server
            return server
          })
        },
        keep: (make) => {
          this.server = make(this)
        },
      })
    })
  }

  admit(): void {
    this.toClient(SMALL_BYTES, () => this.client.accepted())
  }

  refuse(error: CaucusError): void {
    this.toClient(SMALL_BYTES, () => this.client.fail(error))
  }

  toClient(bytes: number, take: (client: ClientSide) => void): void {
    this.#down.write(bytes, () => {
      if (this.client.isGone) return this.#tellServer()
      this.client.loop.deliver(() => {
        this.#down.read(bytes)
        if (!this.#lost.down) take(this.client)
      })
    })
  }

  toServer(bytes: number, take: (server: ServerSide) => void): void {
    this.#up.write(bytes, () => {
      const loop = this.#serverLoop
      if (loop === undefined || loop.state === 'over' || this.server?.isGone) return this.#tellClient()
      loop.deliver(() => {
        this.#up.read(bytes)
        if (this.server !== undefined && !this.#lost.up) take(this.server)
      })
    })
  }

  #tellClient(): void {
    if (!this.options.isOn.coordinator()) return
    this.#down.write(SMALL_BYTES, () => this.client.loop.deliver(() => this.client.fail(wasReset())))
  }

  #tellServer(): void {
    const { server } = this
    if (server === undefined || !this.options.isOn.member()) return
    this.#up.write(SMALL_BYTES, () => server.loop.deliver(() => server.end()))
  }

  clientGone(silent: boolean): void {
    this.#down.discard()
    if (!silent) {
      if (!this.options.outlives()) this.#lose('up')
      this.#up.write(SMALL_BYTES, () => this.#serverLoop?.deliver(() => this.server?.end()))
    }
    this.#ended()
  }

  serverGone(silent: boolean): void {
    this.#up.discard()
    if (!silent) {
      if (!this.options.outlives()) this.#lose('down')
      this.#tellClient()
    }
    this.#ended()
  }

  #lose(travel: Travel): void {
    this.#lost[travel] = true
    if (travel === 'up') this.#up.discard()
    else this.#down.discard()
  }

  /** Some box between them forgot it. Who learns of that is told; whoever is not goes on talking to nobody. */
  forget(told: 'both' | 'member' | 'coordinator' | 'nobody'): void {
    this.#up.cut()
    this.#down.cut()
    const { client, server } = this
    if (told === 'both' || told === 'member') client.loop.deliver(() => client.fail(wasReset()))
    if (server !== undefined && (told === 'both' || told === 'coordinator')) server.loop.deliver(() => server.end())
  }

  #ended(): void {
    if (this.client.isGone && this.server?.isGone !== false) this.options.over()
  }
}

/** What whoever connects says first. */
export interface Knock {
  readonly url: string
  readonly subprotocols: readonly string[]
  readonly forwarded?: boolean
}

const wasReset = () => new CaucusError('CAUCUS_CONNECTION_LOST', 'the connection was reset')

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type LineFault, Pump } from './pump.ts'

/** `up`: what the client says. `down`: what the server answers. */
export type Direction = 'up' | 'down'

/** What becomes of new connections. `mute`: they are accepted, and never answered. `refuse`: nobody listens. */
export type Welcome = 'open' | 'mute' | 'refuse'

interface Line {
  readonly near: Socket
  readonly far: Socket | undefined
  readonly pumps: Readonly<Record<Direction, Pump>> | undefined
}

/** Stands between a client and a server on loopback, and does to their connections what networks do. */
export class FaultProxy {
  readonly port: number
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #lines = new Set<Line>()
  readonly #faults: Record<Direction, LineFault> = { up: {}, down: {} }
  readonly #waiting: Record<Direction, (() => void)[]> = { up: [], down: [] }
  #welcome: Welcome = 'open'

  /** Listens on a free port of loopback. `target`: `host:port` or a URL. */
  static async start(target: string): Promise<FaultProxy> {
    const { hostname: host, port } = new URL(target.includes('//') ? target : `http://${target}`)
    const server = createServer({ allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy({ host, port: Number(port) }, server)
  }

  private constructor(target: { readonly host: string; readonly port: number }, server: Server) {
    this.#target = target
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near: Socket) => this.#connect(near))
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get url(): string {
    return `http://${this.address}`
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#lines.size
  }

  /** From now on, for connections that are there and new ones, until it is set otherwise. */
  set(direction: Direction, fault: LineFault): void {
    this.#faults[direction] = fault
    for (const { pumps } of this.#lines) if (pumps !== undefined) pumps[direction].fault = fault
  }

  /** What becomes of connections made from now on. */
  async welcome(welcome: Welcome): Promise<void> {
    const before = this.#welcome
    this.#welcome = welcome
    if (welcome === 'refuse') this.#server.close()
    else if (before === 'refuse') {
      this.#server.listen(this.port, '127.0.0.1')
      await once(this.#server, 'listening')
    }
  }

  /** Ends every connection: `fin` in good order, `rst` by a reset. */
  cut(how: 'fin' | 'rst' = 'rst'): void {
    for (const { near, far } of this.#lines) {
      for (const end of [near, far]) {
        if (how === 'fin') end?.end()
        else end?.resetAndDestroy()
      }
    }
  }

  /** Nothing goes through the connections that are there, and nobody is told; new ones are as they should be. */
  abandon(): void {
    for (const { pumps } of this.#lines) {
      if (pumps !== undefined) pumps.up.fault = pumps.down.fault = { unread: true, hold: true }
    }
  }

  /** Everything as it should be. */
  async heal(): Promise<void> {
    this.set('up', {})
    this.set('down', {})
    await this.welcome('open')
    // Whoever was never answered is not to wait for an answer for ever.
    for (const { near, far } of this.#lines) if (far === undefined) near.destroy()
  }

  /** Resolves when the next bytes of that direction have been passed on. */
  nextPassed(direction: Direction): Promise<void> {
    return new Promise((resolve) => void this.#waiting[direction].push(resolve))
  }

  async close(): Promise<void> {
    for (const { near, far } of this.#lines) {
      near.destroy()
      far?.destroy()
    }
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #connect(near: Socket): void {
    if (this.#welcome === 'mute') {
      const line = { near, far: undefined, pumps: undefined }
      this.#lines.add(line)
      near.on('error', () => undefined) // Its `close` follows.
      near.once('close', () => this.#lines.delete(line))
      near.resume()
      return
    }
    const far = connect({ ...this.#target, allowHalfOpen: true })
    const passed = (direction: Direction) => () => {
      for (const resolve of this.#waiting[direction].splice(0)) resolve()
    }
    const pumps = { up: new Pump(near, far, passed('up')), down: new Pump(far, near, passed('down')) }
    const line = { near, far, pumps }
    this.#lines.add(line)
    for (const direction of ['up', 'down'] as const) pumps[direction].fault = this.#faults[direction]
    const gone = () => {
      near.destroy()
      far.destroy()
      pumps.up.close()
      pumps.down.close()
      this.#lines.delete(line)
    }
    for (const end of [near, far]) {
      end.on('error', () => undefined) // Its `close` follows, and takes the other end along.
      end.once('close', gone)
    }
  }
}

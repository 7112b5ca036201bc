import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** `up`: what the client says. `down`: what the server answers. */
export type Direction = 'up' | 'down'

/** What happens to the bytes of one direction. */
export interface LineFault {
  /** They are read and thrown away. */
  readonly lose?: boolean
  readonly delayMs?: number
  readonly bytesPerSecond?: number
  /** They are read and kept until this is over. */
  readonly hold?: boolean
  /** They are not even read, so that buffers fill on the side that sends. */
  readonly unread?: boolean
}

/** What becomes of new connections. `mute`: they are accepted, and never answered. `refuse`: nobody listens. */
export type Welcome = 'open' | 'mute' | 'refuse'

/** What is read and not passed on is bounded; then it is not read any more. */
const MAX_HELD_BYTES = 8 << 20

/** One direction of one connection. */
class Pump {
  readonly #from: Socket
  readonly #to: Socket
  readonly #forwarded: () => void
  #fault: LineFault = {}
  #queue: { readonly bytes: Buffer; readonly dueMs: number }[] = []
  #held = 0
  #lastDueMs = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, forwarded: () => void) {
    this.#from = from
    this.#to = to
    this.#forwarded = forwarded
    from.on('data', (bytes: Buffer) => this.#take(bytes))
    from.once('end', () => {
      this.#ended = true
      this.#pass()
    })
    to.on('drain', () => this.#pass())
  }

  set fault(fault: LineFault) {
    this.#fault = fault
    if (fault.unread) this.#from.pause()
    else this.#from.resume()
    this.#pass()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #take(bytes: Buffer): void {
    const { lose, delayMs = 0, bytesPerSecond } = this.#fault
    if (lose) return
    const nowMs = performance.now()
    const sendMs = bytesPerSecond === undefined ? 0 : (bytes.length * 1_000) / bytesPerSecond
    // Never before what came before: bytes of one connection do not overtake each other.
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + delayMs) + sendMs
    this.#queue.push({ bytes, dueMs: this.#lastDueMs })
    this.#held += bytes.length
    if (this.#held > MAX_HELD_BYTES) this.#from.pause()
    this.#pass()
  }

  #pass(): void {
    clearTimeout(this.#timer)
    if (this.#fault.hold) return
    for (;;) {
      const [next] = this.#queue
      if (next === undefined) break
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), Math.ceil(waitMs))
        return
      }
      if (this.#to.destroyed || this.#to.writableNeedDrain) return
      this.#queue.shift()
      this.#held -= next.bytes.length
      this.#to.write(next.bytes)
      this.#forwarded()
    }
    if (!this.#fault.unread && this.#from.isPaused()) this.#from.resume()
    if (this.#ended && this.#to.writable) this.#to.end()
  }
}

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

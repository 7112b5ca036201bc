import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { Target } from './messages.ts'

const HOST = '127.0.0.1'

/** The ways of one worker to each of its servers. Cut, nothing goes through any of them, and nobody is told. */
export class Lines {
  readonly #servers: readonly Server[]
  readonly #lines = new Set<Line>()
  #isCut = false

  /** Resolves once there is a port for each target. */
  static async open(targets: readonly Target[]): Promise<Lines> {
    const lines = new Lines(targets)
    await Promise.all(lines.#servers.map((server) => once(server.listen(0, HOST), 'listening')))
    return lines
  }

  private constructor(targets: readonly Target[]) {
    this.#servers = targets.map((target) => createServer((near) => this.#add(new Line(near, target))))
  }

  get ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port)
  }

  cut(): void {
    this.#isCut = true
    for (const line of this.#lines) line.cut()
  }

  /** What was said meanwhile arrives now, late: as after a partition of a real network. */
  heal(): void {
    this.#isCut = false
    for (const line of this.#lines) line.heal()
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const line of this.#lines) line.destroy()
  }

  #add(line: Line): void {
    this.#lines.add(line)
    line.whenOver(() => this.#lines.delete(line))
    if (!this.#isCut) line.heal()
  }
}

/** One connection. It begins cut. */
class Line {
  readonly #near: Socket
  readonly #target: Target
  #far: Socket | undefined
  #isCut = true
  #isEnding = false
  #over = () => {}

  constructor(near: Socket, target: Target) {
    this.#near = near
    this.#target = target
    this.#mind(near)
    near.pause()
  }

  whenOver(over: () => void): void {
    this.#over = over
  }

  cut(): void {
    this.#isCut = true
    this.#near.pause()
    this.#far?.pause()
  }

  heal(): void {
    this.#isCut = false
    if (this.#isEnding) return this.destroy()
    if (this.#far === undefined) this.#connect()
    this.#near.resume()
    this.#far?.resume()
  }

  destroy(): void {
    this.#near.destroy()
    this.#far?.destroy()
    this.#over()
  }

  #connect(): void {
    const far = connect(this.#target)
    this.#far = far
    this.#mind(far)
    this.#pass(this.#near, far)
    this.#pass(far, this.#near)
  }

  #pass(from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (!to.write(bytes)) from.pause()
    })
    to.on('drain', () => {
      if (!this.#isCut) from.resume()
    })
    // It is told even while it is paused.
    from.on('end', () => {
      if (this.#isCut) this.#isEnding = true
      else to.end()
    })
  }

  /** Whoever hangs up behind a cut is not heard of at the other end before it is healed. */
  #mind(end: Socket): void {
    end.setNoDelay(true)
    end.on('error', () => undefined) // Its `close` follows.
    end.on('close', (failed: boolean) => {
      if (this.#isCut) this.#isEnding = true
      else if (failed) this.destroy()
      else this.#finish()
    })
  }

  /** What has been said by one end is still delivered to the other. */
  #finish(): void {
    for (const end of [this.#near, this.#far]) if (end?.destroyed === false) end.end()
    if (this.#near.destroyed && this.#far?.destroyed !== false) this.#over()
  }
}

import type { CaucusError } from '../../errors.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import { type ClientSocket, type Line, type ServerSocket, SMALL_BYTES } from '../cluster/wire.ts'

export interface RelayOwner {
  /** Whoever knocked is in. */
  opened(): void
  /** The further leg could not be made. True when another one is tried. */
  unreached(): boolean
  /** Called once, when nothing of it is left. */
  over(): void
}

/**
 * What a process does with a connection that it passes on: it opens another one, and what comes in on either goes out on the other, as
 * bytes that it does not read. Until the further end has taken it, whoever knocked waits.
 */
export class Relay {
  readonly near: NearEnd
  #far: FarSide | undefined
  #state: 'waits' | 'open' | 'over' = 'waits'
  readonly #owner: RelayOwner

  constructor(near: Line, loop: EventLoop, owner: RelayOwner) {
    this.near = new NearEnd(near, loop, this)
    this.#owner = owner
  }

  get far(): FarSide | undefined {
    return this.#far
  }

  get waits(): boolean {
    return this.#state === 'waits'
  }

  /** The leg to whoever takes it. */
  reach(line: Line, loop: EventLoop): FarSide {
    this.#far = new FarSide(line, loop, this)
    return this.#far
  }

  opened(): void {
    if (this.#state !== 'waits') return
    this.#state = 'open'
    this.#owner.opened()
    this.near.line.admit()
  }

  /** Gives up the further leg; whoever knocked goes on waiting. */
  withdraw(): void {
    const far = this.#far
    this.#far = undefined
    far?.gone(false)
  }

  /** What became of the further leg. */
  lost(far: FarSide, error: CaucusError): void {
    if (far !== this.#far) return
    if (this.waits && error.code === 'CAUCUS_CONNECTION_LOST' && this.#owner.unreached()) return this.withdraw()
    this.fail(error)
  }

  /** Whoever knocked is refused, or, if it is in, cut off. */
  fail(error: CaucusError): void {
    const { waits } = this
    if (waits) this.near.line.refuse(error)
    this.#end(waits, false)
  }

  /** Both legs are cut. `silent`: nobody is told. */
  cut(silent = false): void {
    this.#end(silent, silent)
  }

  /** Who is told how it ends need not be told again. */
  #end(nearIsTold: boolean, farIsTold: boolean): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.near.gone(nearIsTold)
    this.#far?.gone(farIsTold)
    this.#owner.over()
  }
}

/** The end of the leg to whoever knocked. */
class NearEnd implements ServerSocket {
  readonly loop: EventLoop
  readonly line: Line
  readonly #relay: Relay
  isGone = false

  constructor(line: Line, loop: EventLoop, relay: Relay) {
    this.line = line
    this.loop = loop
    this.#relay = relay
  }

  get open(): boolean {
    return !this.isGone
  }

  get bufferedBytes(): number {
    return 0
  }

  took(frame: string | Uint8Array): void {
    this.#relay.far?.line.toServer(frame.length, (server) => server.took(frame))
  }

  pinged(): void {
    this.#relay.far?.line.toServer(SMALL_BYTES, (server) => server.pinged())
  }

  ponged(): void {
    this.#relay.far?.line.toServer(SMALL_BYTES, (server) => server.ponged())
  }

  closedByClient(): void {
    this.#relay.far?.line.toServer(SMALL_BYTES, (server) => server.closedByClient())
  }

  end(): void {
    this.#relay.cut()
  }

  die(silent: boolean): void {
    this.#relay.cut(silent)
  }

  gone(silent: boolean): void {
    if (this.isGone) return
    this.isGone = true
    this.line.serverGone(silent)
  }
}

/** The end of the leg to whoever took it. */
class FarSide implements ClientSocket {
  readonly loop: EventLoop
  readonly line: Line
  readonly #relay: Relay
  isGone = false

  constructor(line: Line, loop: EventLoop, relay: Relay) {
    this.line = line
    this.loop = loop
    this.#relay = relay
  }

  get open(): boolean {
    return !this.isGone
  }

  accepted(): void {
    if (!this.isGone) this.#relay.opened()
  }

  heard(frame?: string | Uint8Array): void {
    this.#relay.near.line.toClient(frame?.length ?? SMALL_BYTES, (client) => client.heard(frame))
  }

  pinged(): void {
    this.#relay.near.line.toClient(SMALL_BYTES, (client) => client.pinged())
  }

  closedByServer(code: number, reason: string): void {
    this.#relay.near.line.toClient(SMALL_BYTES, (client) => client.closedByServer(code, reason))
  }

  terminate(): void {
    this.#relay.near.line.toClient(SMALL_BYTES, (client) => client.terminate())
  }

  fail(error: CaucusError): void {
    this.#relay.lost(this, error)
  }

  die(silent: boolean): void {
    this.#relay.cut(silent)
  }

  gone(silent: boolean): void {
    if (this.isGone) return
    this.isGone = true
    this.line.clientGone(silent)
  }
}

import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { AcceptedPeer, ObserverGate, PeersHosting } from '../ports/peers.ts'
import type { AcceptedSink, AcceptedSocket } from '../ports/socket.ts'

/** The connections that other voters have made to the one on this server. */
export class PeerEnds {
  readonly #peers: PeersHosting
  readonly #clock: Clock
  readonly #pingMs: Millis
  readonly #ends = new Set<AcceptedPeer>()
  #timer: Timer | undefined

  /** `clock` is the grantor's. */
  constructor(peers: PeersHosting, clock: Clock, pingMs: Millis) {
    this.#peers = peers
    this.#clock = clock
    this.#pingMs = pingMs
    this.#lookLater()
  }

  /** A new one over the socket that `connect` gives. `mayBe` is asked when its other end says which voter it is. */
  accept(
    connect: (sink: AcceptedSink) => AcceptedSocket,
    mayBe: (voter: string) => CaucusError | undefined,
    observer?: ObserverGate,
  ): void {
    const end: AcceptedPeer = this.#peers.accept({ connect, mayBe, observer, gone: () => void this.#ends.delete(end) })
    this.#ends.add(end)
  }

  /** Whose they are. */
  get hosting(): PeersHosting {
    return this.#peers
  }

  #lookLater(): void {
    const look = () => {
      for (const end of this.#ends) end.look()
      this.#lookLater()
    }
    this.#timer = this.#clock.setTimer(this.#clock.now() + this.#pingMs, look, { ref: false })
  }

  /** Closes those that may not be there any more. Gives how many these are. */
  review(): number {
    return [...this.#ends].filter((end) => end.review()).length
  }

  /** Tells every other end to go away; whoever does not answer is cut by `terminate`. */
  close(): void {
    this.#timer?.clear()
    for (const end of this.#ends) end.close()
  }

  terminate(): void {
    this.#timer?.clear()
    for (const end of this.#ends) end.terminate()
  }
}

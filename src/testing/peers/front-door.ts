import type { Instant } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { PeersHosting } from '../../ports/peers.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { Door } from '../cluster/wire.ts'
import { type PeersNetwork, urlOf } from './network.ts'
import { Relay } from './relay.ts'

export interface FrontDoorOptions {
  /** Whose door it is. */
  readonly peer: string
  readonly loop: EventLoop
  readonly peers: PeersHosting
  readonly network: PeersNetwork
  /** Where a connection goes while this peer leads. */
  admit(door: Door): void
}

/** Somebody who is not in yet, or who is in at another peer. */
interface Guest {
  readonly door: Door
  readonly relay: Relay
  /** Until then somebody has to be found who serves. */
  readonly until: Instant
  timer: Timer | undefined
  /** Whom it was passed on to. */
  leader: string | undefined
}

/** How soon somebody who could not be reached is tried again. */
const AGAIN_MS = 100

/**
 * Where members come in, at any peer: taken where it leads, passed on to whoever leads elsewhere, and kept waiting for a while where
 * nobody does. As `src/server` does it with requests and sockets, here with made-up connections.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions
  readonly #guests = new Set<Guest>()
  readonly #unsubscribe: () => void

  constructor(options: FrontDoorOptions) {
    this.#options = options
    this.#unsubscribe = options.peers.onSeat(() => this.#seatMoved())
  }

  knocked(door: Door): void {
    const { loop, peers, admit } = this.#options
    if (peers.seat().type === 'here') return admit(door)
    door.keep((line) => {
      const relay = new Relay(line, loop, {
        opened: () => guest.timer?.clear(),
        over: () => this.#forget(guest),
        unreached: () => this.#unreached(guest),
      })
      const until = loop.grantor.now() + peers.patienceMs
      const guest: Guest = { door, relay, until, timer: undefined, leader: undefined }
      this.#guests.add(guest)
      this.#look(guest)
      return relay.near
    })
  }

  #look(guest: Guest): void {
    const { peer, loop, peers, admit } = this.#options
    const { door, relay, until } = guest
    guest.timer?.clear()
    const seat = peers.seat()
    if (seat.type === 'here') {
      this.#forget(guest)
      return admit(door)
    }
    // Never passed on again: two peers may each take the other one for the leader.
    if (seat.type === 'there' && door.forwarded)
      return relay.fail(new CaucusError('CAUCUS_NOT_LEADER', `${peer} does not lead`))
    const late = () =>
      relay.fail(new CaucusError('CAUCUS_NO_QUORUM', `${peer}: nobody who leads was found for as long as one waits`))
    guest.timer = loop.grantor.setTimer(until, late)
    if (seat.type === 'there') this.#pass(guest, seat.peer.identifier)
  }

  #pass(guest: Guest, leader: string): void {
    const { peer, loop, network } = this.#options
    const { path, subprotocols } = guest.door
    guest.leader = leader
    const knock = { url: `${urlOf(leader)}${path}`, subprotocols, forwarded: true }
    network.connect({ from: peer, to: leader }, knock, (line) => guest.relay.reach(line, loop))
  }

  /** Whoever leads could not be reached. True when that may still change. */
  #unreached(guest: Guest): boolean {
    const { grantor } = this.#options.loop
    const again = grantor.now() + AGAIN_MS
    if (again >= guest.until || !this.#guests.has(guest)) return false
    guest.leader = undefined
    guest.timer?.clear()
    guest.timer = grantor.setTimer(again, () => this.#look(guest))
    return true
  }

  #forget(guest: Guest): void {
    guest.timer?.clear()
    this.#guests.delete(guest)
  }

  /** Whoever waits goes where it is by now, and what leads elsewhere is cut. */
  #seatMoved(): void {
    const seat = this.#options.peers.seat()
    const leader = seat.type === 'there' ? seat.peer.identifier : undefined
    for (const guest of [...this.#guests]) {
      if (guest.leader !== undefined && guest.leader === leader) continue
      if (!guest.relay.waits) guest.relay.cut()
      else {
        guest.relay.withdraw()
        guest.leader = undefined
        this.#look(guest)
      }
    }
  }

  close(): void {
    this.#unsubscribe()
    for (const { relay } of [...this.#guests])
      if (relay.waits) relay.fail(new CaucusError('CAUCUS_UNAVAILABLE', 'this peer is stopping'))
      else relay.cut()
  }
}

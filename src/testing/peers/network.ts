import type { Millis } from '../../core/time.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import { LINK_PATH } from '../../wire/frames.ts'
import { PROTOCOLS, type Protocol, subprotocolOf } from '../../wire/versions.ts'
import { ClientEnd } from '../cluster/client-end.ts'
import { Connection, type Knock } from '../cluster/connection.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import { messagesOf } from '../cluster/frame-text.ts'
import type { MembersNetwork, Route, Ways } from '../cluster/network.ts'
import { Direction } from '../cluster/pipe.ts'
import type { NetworkParts } from '../cluster/setup.ts'
import type { ClientSocket, ConnectionOptions, FarEnd, Line, Travel } from '../cluster/wire.ts'
import { peerMessagesOf } from './peer-text.ts'

/** One machine on the network. */
export interface Host {
  readonly name: string
  /** Whoever listens there. */
  listener: FarEnd | undefined
  on: boolean
}

export interface PeersNetworkOptions extends Omit<NetworkParts, 'findings'> {
  /** The machines on which peers run. */
  readonly peers: readonly string[]
  /** How long a packet takes one way: from half of it to one and a half times. */
  readonly delayMs: Millis
  readonly windowBytes: number
  /** How often what was under way on a connection that was cut off still arrives, from 0 to 1. */
  readonly afterlife: number
  /** A frame that a peer says to a member. */
  onSaid(peer: string, frame: string): void
}

/** Between two machines, told apart by where connections come from. */
interface Way {
  readonly from: string
  readonly to: string
}

export const urlOf = (peer: string): string => `http://${peer}:${PORT}`
export const PORT = 7000

/** Peers, members, the ways between any two machines, and all connections. */
export class PeersNetwork implements MembersNetwork {
  readonly urls: readonly string[]
  readonly #options: PeersNetworkOptions
  readonly #hosts = new Map<string, Host>()
  readonly #directions = new Map<string, Direction>()
  readonly #connections = new Map<Connection, Way>()
  #messages = 0

  constructor(options: PeersNetworkOptions) {
    this.#options = options
    this.urls = options.peers.map(urlOf)
  }

  host(name: string): Host {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const host: Host = { name, listener: undefined, on: true }
    this.#hosts.set(name, host)
    return host
  }

  direction(from: string, to: string): Direction {
    const name = `${from} to ${to}`
    const known = this.#directions.get(name)
    if (known !== undefined) return known
    const { timeline, random, delayMs } = this.#options
    const own = random.fork(`way from ${name}`)
    const direction = new Direction(timeline, () => delayMs * (0.5 + own.next()))
    this.#directions.set(name, direction)
    return direction
  }

  /** All ways between a member and peers: as from anywhere to one server. */
  route(member: string): Route {
    const { peers } = this.#options
    const host = this.host(member)
    return {
      member,
      up: together(peers.map((peer) => this.direction(member, peer))),
      down: together(peers.map((peer) => this.direction(peer, member))),
      get on() {
        return host.on
      },
      set on(on) {
        host.on = on
      },
    }
  }

  wayTo(member: string, url: string): Route<Direction> {
    const peer = new URL(url).hostname
    const host = this.host(member)
    return { member, up: this.direction(member, peer), down: this.direction(peer, member), on: host.on }
  }

  opener(from: string, who: string, loop: EventLoop, protocol: Protocol = PROTOCOLS[0]): OpenSocket {
    const spoken = PROTOCOLS.filter((version) => version <= protocol).map(subprotocolOf)
    return (given, sink) => {
      const { hostname: to, pathname } = new URL(given.url)
      const isLink = pathname === LINK_PATH
      const subprotocols = given.subprotocols.filter((each) => !isLink || spoken.includes(each))
      const client = (line: Line) => new ClientEnd(line, loop, given, sink)
      return this.connect({ from, to, who }, { ...given, subprotocols }, client)
    }
  }

  /** A connection whose nearer end is whatever `makeClient` gives. */
  connect<Client extends ClientSocket>(
    { from, to, who = from }: Way & { readonly who?: string },
    knock: Knock,
    makeClient: (line: Line) => Client,
  ): Client {
    const { timeline, windowBytes, random, afterlife } = this.#options
    const isMember = new URL(knock.url).pathname === LINK_PATH
    const end = (travel: Travel) => (travel === 'up' ? who : to)
    const options: ConnectionOptions = {
      timeline,
      windowBytes,
      up: this.direction(from, to),
      down: this.direction(to, from),
      far: () => this.host(to).listener,
      isOn: { member: () => this.host(from).on, coordinator: () => this.host(to).on },
      outlives: () => random.next() < afterlife,
      sent: (travel, frame) => this.#sent(end(travel), travel, frame, isMember),
      arrived: (travel, frame, message, taken) =>
        this.#arrived(end(travel === 'up' ? 'down' : 'up'), travel, frame, message, taken, isMember),
      over: () => void this.#connections.delete(connection),
    }
    const connection: Connection<Client> = new Connection(knock, makeClient, options)
    this.#connections.set(connection, { from, to })
    return connection.client
  }

  #sent(who: string, travel: Travel, frame: string | Uint8Array, isMember: boolean): number {
    const { chronicle, timeline, onSaid } = this.#options
    const message = ++this.#messages
    chronicle.mixText(typeof frame === 'string' ? frame : Buffer.from(frame).toString('latin1'))
    chronicle.note({ at: timeline.nowMs, who, what: textOf(frame, travel, isMember), kind: 'send', message })
    if (isMember && travel === 'down' && typeof frame === 'string') onSaid(who, frame)
    return message
  }

  #arrived(
    who: string,
    travel: Travel,
    frame: string | Uint8Array,
    message: number,
    taken: boolean,
    isMember: boolean,
  ): void {
    const { chronicle, timeline } = this.#options
    const kind = taken ? 'receive' : 'lost'
    chronicle.note({ at: timeline.nowMs, who, what: textOf(frame, travel, isMember), kind, message })
  }

  socketsOf(loop: EventLoop): number {
    let count = 0
    for (const { client, server } of this.#connections.keys()) {
      if (client.loop === loop && !client.isGone) count++
      if (server?.loop === loop && !server.isGone) count++
    }
    return count
  }

  unsentBytesOf(loop: EventLoop): number {
    let most = 0
    for (const { server } of this.#connections.keys()) {
      if (server?.loop === loop && !server.isGone) most = Math.max(most, server.bufferedBytes)
    }
    return most
  }

  processGone(loop: EventLoop, silent: boolean): void {
    for (const { client, server } of [...this.#connections.keys()]) {
      if (client.loop === loop) client.die(silent)
      if (server?.loop === loop) server.die(silent)
    }
  }

  /** Of a member's connections or of a peer's: those that it made, and those that were made to it. */
  forget(host: string, told: 'both' | 'member' | 'coordinator' | 'nobody'): void {
    for (const [connection, { from, to }] of [...this.#connections])
      if (from === host || to === host) connection.forget(told)
  }
}

const textOf = (frame: string | Uint8Array, travel: Travel, isMember: boolean) => () =>
  isMember || typeof frame !== 'string' ? messagesOf(frame, travel) : peerMessagesOf(frame)

const together = (directions: readonly Direction[]): Ways => ({
  block: () => {
    const lifts = directions.map((direction) => direction.block())
    return () => {
      for (const lift of lifts) lift()
    }
  },
  get extraDelayMs() {
    return directions[0]?.extraDelayMs ?? 0
  },
  set extraDelayMs(ms) {
    for (const direction of directions) direction.extraDelayMs = ms
  },
})

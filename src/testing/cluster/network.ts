import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import { PROTOCOLS, type Protocol, subprotocolOf } from '../../wire/versions.ts'
import type { Chronicle } from './chronicle.ts'
import { ClientEnd } from './client-end.ts'
import { Connection } from './connection.ts'
import type { EventLoop } from './event-loop.ts'
import { messagesOf } from './frame-text.ts'
import { Direction } from './pipe.ts'
import type { Timeline } from './timeline.ts'
import type { FarEnd, Line, Travel } from './wire.ts'

export interface NetworkOptions {
  readonly timeline: Timeline
  readonly chronicle: Chronicle
  readonly random: Random
  /** How long a packet takes one way: from half of it to one and a half times. */
  readonly delayMs: Millis
  readonly windowBytes: number
  /** How often what was under way on a connection that was cut off still arrives, from 0 to 1. */
  readonly afterlife: number
  onSent(travel: Travel, frame: string): void
}

/** One direction of the ways that a member's packets take. */
export interface Ways {
  /** A black hole, until the returned function is called. */
  block(): () => void
  extraDelayMs: Millis
}

/** The way between one member's machine and whoever coordinates. */
export interface Route<Way extends Ways = Ways> {
  readonly member: string
  readonly up: Way
  readonly down: Way
  /** Whether the member's machine is on. */
  on: boolean
}

/** What members have around them of a network. */
export interface MembersNetwork {
  /** Where members find whoever coordinates. */
  readonly urls: readonly string[]
  route(member: string): Route
  /** The way of a request to this URL. */
  wayTo(member: string, url: string): Route<Direction>
  /** What a process of `member` connects with; of an older build (`protocol`) it offers what that speaks. */
  opener(member: string, who: string, loop: EventLoop, protocol?: Protocol): OpenSocket
  /** How many sockets this process has that are not gone. */
  socketsOf(loop: EventLoop): number
  /** The most that waits in one socket of this process to be sent. */
  unsentBytesOf(loop: EventLoop): number
  /** The process has ended. `silent`: and its machine with it, so that nobody is told. */
  processGone(loop: EventLoop, silent: boolean): void
  /** Every connection of this member is forgotten somewhere on its way. */
  forget(member: string, told: 'both' | 'member' | 'coordinator' | 'nobody'): void
}

/** All connections between members and the coordinator, and the ways that they take. */
export class Network implements MembersNetwork {
  readonly urls = [URL_OF_ALL]
  readonly #options: NetworkOptions
  readonly #routes = new Map<string, Route<Direction>>()
  readonly #connections = new Set<Connection>()
  #messages = 0
  /** Who listens at the coordinator's address. */
  far: FarEnd | undefined
  /** Whether the coordinator's machine is on. */
  coordinatorOn = true

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  route(member: string): Route<Direction> {
    let route = this.#routes.get(member)
    if (route === undefined) {
      const { timeline, random, delayMs } = this.#options
      const own = random.fork(`route of ${member}`)
      const draw = () => delayMs * (0.5 + own.next())
      route = { member, up: new Direction(timeline, draw), down: new Direction(timeline, draw), on: true }
      this.#routes.set(member, route)
    }
    return route
  }

  wayTo(member: string): Route<Direction> {
    return this.route(member)
  }

  opener(member: string, who: string, loop: EventLoop, protocol: Protocol = PROTOCOLS[0]): OpenSocket {
    const { timeline, windowBytes, random, afterlife } = this.#options
    const route = this.route(member)
    const isOn = { member: () => route.on, coordinator: () => this.coordinatorOn }
    const spoken = PROTOCOLS.filter((version) => version <= protocol).map(subprotocolOf)
    return (given, sink) => {
      const subprotocols = given.subprotocols.filter((each) => spoken.includes(each))
      const client = (line: Line) => new ClientEnd(line, loop, given, sink)
      const connection: Connection<ClientEnd> = new Connection({ ...given, subprotocols }, client, {
        timeline,
        windowBytes,
        up: route.up,
        down: route.down,
        far: () => this.far,
        isOn,
        outlives: () => random.next() < afterlife,
        sent: (travel, frame) => this.#sent(who, travel, frame),
        arrived: (travel, frame, message, taken) => this.#arrived(who, travel, frame, message, taken),
        over: () => void this.#connections.delete(connection),
      })
      this.#connections.add(connection)
      return connection.client
    }
  }

  #sent(who: string, travel: Travel, frame: string | Uint8Array): number {
    const { chronicle, timeline, onSent } = this.#options
    const message = ++this.#messages
    chronicle.mixText(typeof frame === 'string' ? frame : Buffer.from(frame).toString('latin1'))
    const sender = travel === 'up' ? who : COORDINATOR
    chronicle.note({ at: timeline.nowMs, who: sender, what: () => messagesOf(frame, travel), kind: 'send', message })
    if (typeof frame === 'string') onSent(travel, frame)
    return message
  }

  #arrived(who: string, travel: Travel, frame: string | Uint8Array, message: number, taken: boolean): void {
    const { chronicle, timeline } = this.#options
    const receiver = travel === 'up' ? COORDINATOR : who
    const kind = taken ? 'receive' : 'lost'
    chronicle.note({ at: timeline.nowMs, who: receiver, what: () => messagesOf(frame, travel), kind, message })
  }

  socketsOf(loop: EventLoop): number {
    let count = 0
    for (const { client, server } of this.#connections) {
      if (client.loop === loop && !client.isGone) count++
      if (server?.loop === loop && !server.isGone) count++
    }
    return count
  }

  unsentBytesOf(loop: EventLoop): number {
    let most = 0
    for (const { server } of this.#connections) {
      if (server?.loop === loop && !server.isGone) most = Math.max(most, server.bufferedBytes)
    }
    return most
  }

  processGone(loop: EventLoop, silent: boolean): void {
    for (const { client, server } of [...this.#connections]) {
      if (client.loop === loop) client.die(silent)
      if (server?.loop === loop) server.die(silent)
    }
  }

  forget(member: string, told: 'both' | 'member' | 'coordinator' | 'nobody'): void {
    const { up } = this.route(member)
    for (const connection of [...this.#connections]) if (connection.options.up === up) connection.forget(told)
  }
}

export const COORDINATOR = 'coordinator'
export const URL_OF_ALL = 'http://coordinator:8989'

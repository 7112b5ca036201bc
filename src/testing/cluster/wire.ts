import type { CaucusError } from '../../errors.ts'
import type { AcceptedSink, AcceptedSocket } from '../../ports/socket.ts'
import type { EventLoop } from './event-loop.ts'
import type { Direction } from './pipe.ts'
import type { Timeline } from './timeline.ts'

/** Of one packet without a frame in it: a handshake, a ping, an end. */
export const SMALL_BYTES = 60

/** A process that listens. */
export interface FarEnd {
  readonly loop: EventLoop
  /** Somebody wants to come in. */
  knocked(door: Door): void
}

/** Where somebody waits to be taken. One call of the last three, now or later. */
export interface Door {
  readonly path: string
  readonly subprotocols: readonly string[]
  /** Another process has passed it on. */
  readonly forwarded: boolean
  refuse(error: CaucusError): void
  accept(take: (connect: (sink: AcceptedSink) => AcceptedSocket) => void): void
  /** Whoever waits hears nothing yet, and `make` gives what stands there for the process meanwhile. */
  keep(make: (line: Line) => ServerSocket): void
}

/** `up`: from a member to the coordinator. */
export type Travel = 'up' | 'down'

export interface ConnectionOptions {
  readonly timeline: Timeline
  readonly up: Direction
  readonly down: Direction
  readonly windowBytes: number
  /** The process at the far end, if one listens. */
  far(): FarEnd | undefined
  /** Whether each machine is on: its kernel answers for processes that are gone. */
  readonly isOn: { member(): boolean; coordinator(): boolean }
  /** Whether what was under way when one end was cut off still arrives. */
  outlives(): boolean
  /** Gives the number of the message. */
  sent(travel: Travel, frame: string | Uint8Array): number
  /** `taken`: whether anybody was there for it. */
  arrived(travel: Travel, frame: string | Uint8Array, message: number, taken: boolean): void
  /** Both ends are gone. */
  over(): void
}

/** What each end of a connection may ask of the other one. */
export interface ClientSide {
  readonly open: boolean
  heard(frame?: string | Uint8Array): void
  pinged(): void
  closedByServer(code: number, reason: string): void
  terminate(): void
}

/** The end at which a connection was opened. */
export interface ClientSocket extends ClientSide {
  readonly loop: EventLoop
  readonly isGone: boolean
  accepted(): void
  fail(error: CaucusError): void
  /** Its process has ended; `silent`: and nobody is told. */
  die(silent: boolean): void
}

export interface ServerSide {
  readonly open: boolean
  took(frame: string | Uint8Array): void
  pinged(): void
  ponged(): void
  closedByClient(): void
}

/** The end at which a connection was taken. */
export interface ServerSocket extends ServerSide {
  readonly loop: EventLoop
  readonly isGone: boolean
  readonly bufferedBytes: number
  /** The socket is gone. */
  end(): void
  /** Its process has ended; `silent`: and nobody is told. */
  die(silent: boolean): void
}

/** What an end of a connection has between it and the other one. */
export interface Line {
  readonly options: ConnectionOptions
  /** What had to be kept by whoever sent it. */
  unsentBytes(travel: Travel): number
  /** `take` runs in the member's process, once it reads. Where that is gone, its kernel says so. */
  toClient(bytes: number, take: (client: ClientSide) => void): void
  /** `take` runs in the server's process, once it reads. Where that is gone, its kernel says so. */
  toServer(bytes: number, take: (server: ServerSide) => void): void
  /** The client has given the socket up, or its process has ended; `silent`: the other side does not hear of it. */
  clientGone(silent: boolean): void
  serverGone(silent: boolean): void
  /** Whoever waits at the other end is told that it is in. */
  admit(): void
  refuse(error: CaucusError): void
}

/** A frame of bytes as a socket hands it over: in memory that is somebody else's again afterwards. Whoever kept a part of it is found out. */
export const lend = (frame: Uint8Array, take: (lent: Uint8Array) => void): void => {
  const lent = Uint8Array.from(frame)
  take(lent)
  lent.fill(0xee)
}

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
  /** Why it does not take whoever offers these subprotocols now, if so. */
  refusal(subprotocols: readonly string[]): CaucusError | undefined
  accept(connect: (sink: AcceptedSink) => AcceptedSocket, subprotocols: readonly string[]): void
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
  closedByServer(code: number, reason: string): void
  terminate(): void
}

export interface ServerSide {
  readonly open: boolean
  took(frame: string | Uint8Array): void
  pinged(): void
  ponged(): void
  closedByClient(): void
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
}

/** A frame of bytes as a socket hands it over: in memory that is somebody else's again afterwards. Whoever kept a part of it is found out. */
export const lend = (frame: Uint8Array, take: (lent: Uint8Array) => void): void => {
  const lent = Uint8Array.from(frame)
  take(lent)
  lent.fill(0xee)
}

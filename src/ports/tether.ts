import type { TetherAddresses } from '../core/election/tethers.ts'
import type { Millis } from '../core/time.ts'
import type { CaucusError } from '../errors.ts'

/** How a tether ends, as it is seen from one end of it: once. */
export interface TetherSink {
  /** The other side has ended it in order, and this side had neither closed it nor failed. */
  ended(): void
  /** Any other end that is not this side's own doing. */
  lost(): void
}

/** What a tether needs of a TCP socket. */
export interface TetherSocket {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  allowHalfOpen: boolean
  on(event: 'data' | 'end' | 'error' | 'close', listener: () => void): unknown
  setTimeout(ms: number): unknown
  setKeepAlive(enable: boolean): unknown
  resume(): unknown
  unref(): unknown
  destroySoon(): void
  resetAndDestroy(): unknown
}

/** One end of a connection between two processes that carries nothing: how it ends is all that it says. */
export interface TetherStream {
  /** Tells from now on. What has happened already is told at once, in this turn. */
  watch(sink: TetherSink): void
  /** In order, so that the other side may conclude that this process leads no more: only once that is so. */
  end(): void
  /** In such a way that nobody concludes anything. */
  reset(): void
}

export interface OpenTetherOptions {
  readonly host: string
  readonly port: number
  readonly token: string | undefined
  readonly timeoutMs: Millis
  /** What to say first, once the addresses are known. */
  hello(own: TetherAddresses): string
}

/** Connects to another peer for a tether. Calls back later, and once. */
export type DialTether = (
  options: OpenTetherOptions,
  sink: {
    /** It has been taken. `head`: what was read behind the other side's `hello`. */
    opened(socket: TetherSocket, head: { readonly length: number }, hello: string, own: TetherAddresses): void
    failed(reason: string): void
  },
) => void

/** The same, with one end of a tether made of the socket. */
export type OpenTether = (
  options: OpenTetherOptions,
  sink: {
    /** It has been taken. `hello`: what the other side said. */
    opened(stream: TetherStream, hello: string, own: TetherAddresses): void
    failed(reason: string): void
  },
) => void

/** Somebody wants to hold a tether with this peer, for the server that carries it. */
export interface OfferedTether {
  readonly hello: string
  /** As this side sees them. */
  readonly own: TetherAddresses
  /** Why whoever asks may not be this voter; `undefined`: it may. */
  mayBe(identifier: string): CaucusError | undefined
  /** Says hello in turn, and makes a tether of the connection. */
  take(hello: string): TetherStream
}

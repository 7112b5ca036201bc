import type { CaucusError } from '../errors.ts'

/** Certificates of a client. What is not given is as Node has it. */
export interface TlsOptions {
  /** PEM. Who may have signed the server's certificate; default: whom Node trusts. */
  readonly ca?: string | Buffer
  /** PEM. This client's own certificate and its key, for servers that ask for one. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

export interface SocketOptions {
  readonly url: string
  /** What is offered, the one that is liked best first. */
  readonly subprotocols: readonly string[]
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
  /** How long it may take until the server has taken us, or has said all of why it does not. */
  readonly handshakeTimeoutMs: number
}

/** What a socket tells. After `closed` it tells nothing more; `opened` may never come. */
export interface SocketSink {
  opened(): void
  /** One frame of text. */
  text(frame: string): void
  /** One frame of bytes. They may be part of a larger piece of memory: copy what is kept. */
  bytes(frame: Uint8Array): void
  /** Any sign of life, frames included. */
  heard(): void
  closed(error: CaucusError): void
}

/** A client's end of a connection that carries frames of text and of bytes, in order, each whole or not at all. No call throws. */
export interface FrameSocket {
  readonly open: boolean
  /** What was sent and has not gone out, where that is known. */
  readonly bufferedBytes?: number
  /** Dropped unless it is open. When too much is waiting already it ends as by `fail`. */
  send(frame: string): void
  /** As `send`. The frame is the socket's from then on: nobody may write into it. */
  sendBytes(frame: Uint8Array): void
  /** Makes the other side give a sign of life. */
  ping(): void
  /** Ends it now, with this reason; the sink is told in this call. */
  fail(error: CaucusError): void
  /** What was sent still goes out, and the sink hears nothing more. `gone` is called once no socket is left. */
  close(gone: () => void): void
  /** For whoever has waited long enough for the other side to close. */
  terminate(): void
}

/** Connects. Tells the sink later, never before it returns. */
export type OpenSocket = (options: SocketOptions, sink: SocketSink) => FrameSocket

/** A server's end of one. No call throws, or tells the sink before it returns. */
export interface AcceptedSocket {
  readonly open: boolean
  /** What was sent and has not gone out. */
  readonly bufferedBytes: number
  send(frame: string): void
  /** For frames that hold all that a turn of the loop has to say. The frame is the socket's from then on: nobody may write into it. */
  sendBytes(frame: Uint8Array): void
  ping(): void
  /** What was sent still goes out. */
  close(code: number, reason: string): void
  terminate(): void
}

/** What a server's end tells. After `closed`, which always comes, it tells nothing more. */
export interface AcceptedSink {
  /** One frame of text. */
  text(frame: string): void
  /** One frame of bytes. They may be part of a larger piece of memory: copy what is kept. */
  binary(frame: Uint8Array): void
  /** The answer to a ping. */
  pong(): void
  /** What came was no frame, or too long for one; the socket closes by itself. */
  faulty(): void
  closed(): void
}

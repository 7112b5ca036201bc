import type { CoordinatorMessage, Hello, MemberMessage } from '../core/group/messages.ts'

/** What a member process hears from its coordinator. Opened and closed may come many times: links are made again. */
export interface LinkSink {
  opened(hello: Hello): void
  /** What came in one frame, in order. */
  received(messages: readonly CoordinatorMessage[]): void
  closed(reason: string): void
}

/** A way to a coordinator that keeps itself alive. Nothing is buffered while it is down: what matters is said again. */
export interface CoordinatorLink {
  /** All of them in one frame, in order; what is sent in one turn of the loop may share a frame. Dropped while the link is down. */
  send(messages: readonly MemberMessage[]): void
  /** Leaves the server on the other side for another one, or for later: it is not the one we hold something from. */
  reject(): void
  /** What was sent still goes out. Resolves once no socket and no timer is left. */
  close(): Promise<void>
}

/** Calls the sink later, never before it returns. */
export type OpenLink = (sink: LinkSink) => CoordinatorLink

/** The way of frames about topics to one server, while its link lasts. */
export interface TopicsWire {
  readonly url: string
  /** Whether the server has topics: older versions have not, and take no frame about them. */
  readonly hasTopics: boolean
  /** What was sent and has not gone out. */
  readonly bufferedBytes: number
  /** The frame is the socket's from then on. Dropped once the link is down. */
  sendBytes(frame: Uint8Array): void
}

/** What is told of a link to whoever uses topics over it. Opened and lost may come many times, one after the other. */
export interface TopicsSink {
  opened(wire: TopicsWire): void
  /** Takes one frame. Says what is wrong with it, which ends the link, or `undefined`. */
  taken(frame: Uint8Array): string | undefined
  lost(reason: string): void
}

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

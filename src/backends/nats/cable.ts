import type { CaucusError } from '../../errors.ts'

/** What came on a subject. */
export interface Came {
  readonly bytes: Uint8Array
  /** The server itself, saying that nobody was there for what we published. */
  readonly isNobody: boolean
  readonly subject: string
}

export interface Subscription {
  /** Nothing is heard any more. */
  end(): void
}

/** A way to NATS that keeps itself alive. What is published while it is down is dropped; subscriptions end with each loss. No call throws. */
export interface Cable {
  /** The longest message that the server takes. */
  readonly maxPayload: number
  /** Far more was published than the server has taken. */
  readonly isFull: boolean
  /** `replyTo`: where the server says that nobody is there. */
  publish(subject: string, bytes: Uint8Array, replyTo?: string): void
  subscribe(subject: string, heard: (came: Came) => void): Subscription
  /** Resolves with true once the server has taken, and passed on, all that was published before; with false when it is lost before that. */
  confirmed(): Promise<boolean>
  /** What was published still goes out. Resolves once no socket and no timer is left. */
  close(): Promise<void>
}

/** What is told of a cable. Opened and lost may come many times, one after the other; nothing follows `failed`. */
export interface CableSink {
  opened(): void
  lost(reason: string): void
  /** The server does not allow a subject, or said something else that concerns one of ours. */
  refused(error: CaucusError): void
}

/** Resolves once a server was reached; `opened` is told after that. Rejects with why none was, or with the signal's reason. */
export type OpenCable = (sink: CableSink, options: { signal?: AbortSignal | undefined }) => Promise<Cable>

import type { TopicsPort } from './topics.ts'

/** Topics of one connection, and their end. */
export interface TopicsConnection {
  readonly topics: TopicsPort
  /** Ends everything that was begun there. Resolves once no socket and no timer is left. */
  close(): Promise<void>
}

/** What `connect(backend, { topics })` takes: `nats([...])`. Rejects with the signal's reason when that comes first. */
export type TopicsFactory = (options: { signal?: AbortSignal | undefined }) => Promise<TopicsConnection>

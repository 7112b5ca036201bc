// What a reader of the documents has around the examples: a connection, and functions of their own.
import type { ReadStream } from 'node:fs'
import type { Caucus, Cluster, LeadWork, PeerOptions, StandardSchema, ReplyStream as Stream, Tenure } from 'caucus'

declare global {
  const caucus: Caucus
  const cluster: Cluster
  /** Of two backends, while somebody moves from one to the other. */
  const before: Caucus
  const after: Caucus
  const connect: typeof import('caucus').connect
  const embedded: typeof import('caucus').embedded
  const remote: typeof import('caucus').remote
  const partitionOf: typeof import('caucus').partitionOf
  type ReplyStream = Stream
  const simulate: typeof import('caucus/testing').simulate
  const handlers: NonNullable<Parameters<typeof import('caucus/testing').simulate>[0]>['handlers']
  const createReadStream: (file: string) => ReadStream
  const readFileSync: (file: string, encoding: 'utf8') => string

  const { identifier, listen_host, listen_port, peers, dataDir }: Required<PeerOptions>
  const signal: AbortSignal
  const [id, url, file, userId, token]: [string, string, string, string, string]
  const app: {
    use(handler: ReturnType<typeof import('caucus').leaderOnly>): void
    addHook(name: 'onRequest', handler: ReturnType<typeof import('caucus').leaderOnly>): void
  }

  const jobs: AsyncIterable<{ readonly key: string }>
  type Token = { readonly token: number; readonly signal?: AbortSignal }
  const finishWhatHasBegun: (moved: unknown, signal: AbortSignal) => Promise<void>
  const handle: (job: { readonly key: string }) => Promise<void>
  const runJobs: LeadWork<void>
  const startWork: (options: Token) => void
  const due: (options: { signal: AbortSignal }) => AsyncIterable<unknown>
  const run: (job: unknown, options: Token) => Promise<void>
  const migrate: (options: Token) => Promise<void>
  const settle: (id: string, tenure: Tenure) => Promise<void>
  const lookUp: (sku: string, options?: { signal: AbortSignal }) => Promise<{ cents: number }>
  const at: Date
  /** As a library for cron expressions gives them. */
  const nextRuns: (pattern: string) => { next(after?: Date): Date }
  /** Has a client of Kafka read these partitions. */
  const assign: (partitions: readonly number[]) => void
  const send: (what: unknown, options: Token) => Promise<void>
  const report: (at: Date, options: { signal: AbortSignal }) => Promise<unknown>
  const show: (...what: unknown[]) => void
  const test: typeof import('vitest').test
  const expect: typeof import('vitest').expect
  /** As far as the examples go. */
  const z: {
    string(): StandardSchema<string>
    number(): StandardSchema<number>
    object<Shape>(shape: { readonly [Key in keyof Shape]: StandardSchema<Shape[Key]> }): StandardSchema<Shape>
  }
  /** As of `pg`, and as of `postgres`. */
  type Rows = { readonly rows: readonly Record<string, number>[]; readonly rowCount: number | null }
  type Database = { query(text: string, values?: unknown[]): Promise<Rows> }
  const pool: Database & { connect(): Promise<Database & { release(error?: Error): void }> }
  const sql: {
    reserve(): Promise<{
      unsafe(text: string, values: unknown[]): Promise<readonly unknown[] & { count: number; command: string }>
    }>
  }
  const tenure: Tenure

  const scheduleAnotherTry: () => void
  const write: (chunk: Uint8Array) => Promise<void>
  const work: (request: unknown) => Promise<unknown>
}

import type { Millis } from '../../core/time.ts'

/** A lease of etcd, in its own decimal digits: 64 bits do not fit in a number. */
export type LeaseId = string

/** A revision of etcd's store, or of a key. 0: the key is not there. */
export type Revision = number

export interface Entry {
  readonly key: string
  readonly value: string
  /** Of the put since which the key has been there without a break. */
  readonly createRevision: Revision
  /** Of the last put. */
  readonly modRevision: Revision
}

export interface Comparison {
  readonly key: string
  readonly of: 'createRevision' | 'modRevision'
  readonly is: Revision
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'get'; readonly key: string }

export interface Transaction {
  /** All must hold. */
  readonly when?: readonly Comparison[]
  readonly then: readonly Operation[]
  readonly otherwise?: readonly Operation[]
}

export interface Outcome {
  /** Whether `then` was carried out. */
  readonly held: boolean
  /** Of the store after it. */
  readonly revision: Revision
  /** One for each operation that was carried out, in order: what a get found. */
  readonly found: readonly (Entry | undefined)[]
}

export type Change =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: Revision }

/** What a watch tells, in the order of revisions; nothing is left out and nothing comes twice. None of them throws. */
export interface WatchSink {
  /** All changes of these revisions are told together, never a part of one. */
  changed(changes: readonly Change[], revision: Revision): void
  /**
   * Everything until this revision has been told. It comes at least every `progressMs`, or the watch breaks. Where nothing happens the
   * revision may stay the same: what older versions of etcd say of it cannot be believed (etcd-io/etcd#15220).
   */
  progressed(revision: Revision): void
  /** The last word: what lies between was thrown away (`compacted`), or the way is lost. Nothing more is told. */
  ended(why: { readonly compacted: true } | { readonly compacted: false; readonly reason: string }): void
}

export interface Watching {
  close(): void
}

/**
 * etcd as this backend needs it: linearizable reads and transactions, leases, watches. Every call is answered or rejects within
 * `requestMs`, with a `CaucusError` whose `definite` says whether it can have happened (docs/errors.md has it per code):
 *
 * - `CAUCUS_UNAVAILABLE`: it certainly did not; nobody was reached who would do it.
 * - `CAUCUS_TIMEOUT`, `CAUCUS_CONNECTION_LOST`: it may have, and may even happen later.
 * - `CAUCUS_OVERLOADED` (too many requests, no space), `CAUCUS_TOO_LARGE`, `CAUCUS_INVALID_ARGUMENT` (say, one key put twice in a
 *   transaction), `CAUCUS_UNAUTHORIZED` (user or password), `CAUCUS_INVALID_CONFIG` (fewer operations in a
 *   transaction than `MAX_OPERATIONS`), `CAUCUS_FORBIDDEN` (what that user may not do): it did not, etcd refused.
 * - `CAUCUS_BACKEND`: anything else that etcd said, in `details.etcd`. It may have happened.
 *
 * Which member of etcd answers is the engine's own business.
 */
export interface Engine {
  /** The ttl is in whole seconds, at least 2; etcd may give a longer one. */
  grant(ttlSeconds: number): Promise<{ readonly lease: LeaseId; readonly ttlMs: Millis }>
  /** Resolves with whether etcd knows the lease. It proves nothing about when: an etcd leader that was replaced may say so too. */
  keepAlive(lease: LeaseId): Promise<boolean>
  /** Takes its keys with it. A lease that is gone already is no error. */
  revoke(lease: LeaseId): Promise<void>
  /** Linearizable. At most `MAX_OPERATIONS` comparisons, and as many operations on each side. Rejects with `CAUCUS_CONFLICT` when a put names a lease that is gone; nothing was done then. */
  transact(transaction: Transaction): Promise<Outcome>
  /** Linearizable: all keys that begin with it, in order, as they were at one revision, however many pages it takes. */
  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }>
  /**
   * Tells what happens to keys that begin with it, from that revision on; from 0 on: whatever happens after it has arrived, and `progressed`
   * comes first with the revision that this is. Calls the sink later, never before it returns.
   */
  watch(prefix: string, from: Revision, sink: WatchSink): Watching
  /** Resolves once no socket and no timer is left. Calls that wait reject with `CAUCUS_CLOSED`. */
  close(): Promise<void>
}

/** etcd's own default limit is 128. */
export const MAX_OPERATIONS = 128

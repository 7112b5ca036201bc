import {
  type Change,
  type Comparison,
  type Entry,
  type LeaseId,
  MAX_OPERATIONS,
  type Operation,
  type Outcome,
  type Revision,
  type Transaction,
} from '../../backends/etcd/engine.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'

interface Kept {
  readonly entry: Entry
  readonly lease: LeaseId | undefined
}

interface Lease {
  readonly ttlMs: Millis
  endsAt: Instant
  readonly keys: Set<string>
}

/** All that one revision changed. */
export interface Commit {
  readonly revision: Revision
  readonly changes: readonly Change[]
}

/** As etcd: shorter ones are made that long. */
const MIN_TTL_SECONDS = 2

/** What etcd keeps: keys with their revisions, leases, and what happened since the last compaction. Time is an argument. */
export class EtcdStore {
  readonly #keys = new Map<string, Kept>()
  readonly #leases = new Map<LeaseId, Lease>()
  readonly #onCommit: (commit: Commit) => void
  #log: Commit[] = []
  #revision: Revision = 1
  #compacted: Revision = 0
  #lastLease = 7587869112345600n

  constructor(onCommit: (commit: Commit) => void) {
    this.#onCommit = onCommit
  }

  get revision(): Revision {
    return this.#revision
  }

  /** What was before it is forgotten. */
  get compacted(): Revision {
    return this.#compacted
  }

  get leases(): readonly LeaseId[] {
    return [...this.#leases.keys()]
  }

  leaseOf(key: string): LeaseId | undefined {
    return this.#keys.get(key)?.lease
  }

  list(prefix: string): Entry[] {
    const found = [...this.#keys.values()].flatMap(({ entry }) => (entry.key.startsWith(prefix) ? [entry] : []))
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  transact({ when = [], then, otherwise = [] }: Transaction): Outcome {
    for (const part of [when, then, otherwise]) {
      if (part.length > MAX_OPERATIONS) throw refused('etcdserver: too many operations in txn request')
    }
    for (const part of [then, otherwise]) checkWrittenOnce(part)
    const held = when.every((comparison) => this.#holds(comparison))
    const operations = held ? then : otherwise
    for (const operation of operations) {
      if (operation.type === 'put' && operation.lease !== undefined && !this.#leases.has(operation.lease))
        throw new CaucusError('CAUCUS_CONFLICT', `etcdserver: requested lease not found (${operation.lease})`)
    }
    const revision = this.#revision + 1
    const changes: Change[] = []
    const found: (Entry | undefined)[] = []
    for (const operation of operations) {
      found.push(operation.type === 'get' ? this.#keys.get(operation.key)?.entry : undefined)
      if (operation.type === 'put') changes.push(this.#put(operation, revision))
      else if (operation.type === 'delete') changes.push(...this.#delete(operation.key, revision))
    }
    this.#commit(revision, changes)
    return { held, revision: this.#revision, found }
  }

  #holds({ key, of, is }: Comparison): boolean {
    return (this.#keys.get(key)?.entry[of] ?? 0) === is
  }

  #put({ key, value, lease }: Operation & { type: 'put' }, revision: Revision): Change {
    const before = this.#keys.get(key)
    const createRevision = before?.entry.createRevision ?? revision
    const entry: Entry = { key, value, createRevision, modRevision: revision }
    if (before?.lease !== undefined) this.#leases.get(before.lease)?.keys.delete(key)
    if (lease !== undefined) this.#leases.get(lease)?.keys.add(key)
    this.#keys.set(key, { entry, lease })
    return { type: 'put', entry }
  }

  #delete(key: string, revision: Revision): Change[] {
    const before = this.#keys.get(key)
    if (before === undefined) return []
    if (before.lease !== undefined) this.#leases.get(before.lease)?.keys.delete(key)
    this.#keys.delete(key)
    return [{ type: 'delete', key, modRevision: revision }]
  }

  #commit(revision: Revision, changes: readonly Change[]): void {
    if (changes.length === 0) return
    this.#revision = revision
    const commit = { revision, changes }
    this.#log.push(commit)
    this.#onCommit(commit)
  }

  grant(ttlSeconds: number, now: Instant): { lease: LeaseId; ttlMs: Millis; endsAt: Instant } {
    const ttlMs = Math.max(MIN_TTL_SECONDS, Math.ceil(ttlSeconds)) * 1_000
    this.#lastLease += 17n
    const lease = String(this.#lastLease)
    this.#leases.set(lease, { ttlMs, endsAt: now + ttlMs, keys: new Set() })
    return { lease, ttlMs, endsAt: now + ttlMs }
  }

  /** One that is over and has not been taken away yet is not kept alive any more. */
  keepAlive(lease: LeaseId, now: Instant): boolean {
    const kept = this.#leases.get(lease)
    if (kept === undefined || kept.endsAt <= now) return false
    kept.endsAt = now + kept.ttlMs
    return true
  }

  /** When a lease ends, as things are. */
  endOf(lease: LeaseId): Instant | undefined {
    return this.#leases.get(lease)?.endsAt
  }

  revoke(lease: LeaseId): void {
    const kept = this.#leases.get(lease)
    if (kept === undefined) return
    const revision = this.#revision + 1
    const changes = [...kept.keys].sort().flatMap((key) => this.#delete(key, revision))
    this.#leases.delete(lease)
    this.#commit(revision, changes)
  }

  /** As a new leader of etcd does: it cannot know what was kept alive before. */
  extendAll(now: Instant): void {
    for (const kept of this.#leases.values()) kept.endsAt = now + kept.ttlMs
  }

  /** What happened from that revision on; `undefined` when that is forgotten. */
  since(from: Revision): readonly Commit[] | undefined {
    if (from < this.#compacted) return undefined
    return this.#log.filter(({ revision }) => revision >= from)
  }

  compact(revision: Revision): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision))
    this.#log = this.#log.filter((commit) => commit.revision >= this.#compacted)
  }
}

const checkWrittenOnce = (operations: readonly Operation[]): void => {
  const written = new Set<string>()
  for (const { type, key } of operations) {
    if (type === 'get') continue
    if (written.has(key)) throw refused(`etcdserver: duplicate key given in txn request (${key})`)
    written.add(key)
  }
}

const refused = (message: string): CaucusError => new CaucusError('CAUCUS_INVALID_ARGUMENT', message)

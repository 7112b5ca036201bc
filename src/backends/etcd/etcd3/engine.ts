import type { IRangeResponse, ITxnResponse } from 'etcd3'
import { CaucusError } from '../../../errors.ts'
import type { Engine, Entry, LeaseId, Outcome, Revision, Transaction, Watching, WatchSink } from '../engine.ts'
import { Caller } from './caller.ts'
import type { Asking, Connection } from './connection.ts'
import { closedEngine, isCompacted, isNotFound } from './failure.ts'
import { KeepAlives } from './keep-alives.ts'
import { type CheckedEngine, checkedEngine, type EngineOptions } from './options.ts'
import { entryOf, isReading, keyAfter, outcomeOf, pageOf, requestOf } from './values.ts'
import { Watch } from './watch.ts'

/** So many entries are read at once: each of ours is small, and an answer should not hold up others for long. */
const PAGE_ENTRIES = 1_000
const LEAST_TTL_SECONDS = 2

/** etcd by the bare gRPC clients of npm etcd3. It connects when it is first asked for something. Throws for wrong options. */
export const openEngine = (options: EngineOptions): Engine => new Etcd3Engine(checkedEngine(options))

class Etcd3Engine implements Engine {
  readonly #options: CheckedEngine
  readonly #caller: Caller
  readonly #keepAlives: KeepAlives
  readonly #watches = new Set<Watch>()

  constructor(options: CheckedEngine) {
    this.#options = options
    this.#caller = new Caller(options)
    this.#keepAlives = new KeepAlives(options.clock)
  }

  async grant(ttlSeconds: number): Promise<{ readonly lease: LeaseId; readonly ttlMs: number }> {
    if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < LEAST_TTL_SECONDS) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `a lease of etcd is for ${LEAST_TTL_SECONDS} whole seconds at least, not ${ttlSeconds}`,
      )
    }
    const manner = { what: 'granting a lease', repeatable: true }
    // One that was granted without our knowing it holds no keys, and expires.
    const request = { TTL: String(ttlSeconds), ID: '0' }
    const { ID, TTL } = await this.#caller.call<{ ID: string; TTL: string }>('Lease', 'leaseGrant', request, manner)
    return { lease: ID, ttlMs: Number(TTL) * 1_000 }
  }

  keepAlive(lease: LeaseId): Promise<boolean> {
    return this.#caller.run({ what: 'keeping a lease', repeatable: true }, (connection, asking) =>
      this.#keepAlives.ask(lease, connection, asking),
    )
  }

  async revoke(lease: LeaseId): Promise<void> {
    await this.#caller.run({ what: 'revoking a lease', repeatable: true }, async (connection, asking) => {
      try {
        await connection.ask('Lease', 'leaseRevoke', { ID: lease }, asking)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    })
  }

  async transact(transaction: Transaction): Promise<Outcome> {
    const request = requestOf(transaction)
    const manner = { what: 'a transaction', repeatable: isReading(transaction) }
    const answer = await this.#caller.run(manner, async (connection, asking) => {
      try {
        return await connection.ask<ITxnResponse>('KV', 'txn', request, asking)
      } catch (error) {
        if (!isNotFound(error)) throw error
        throw new CaucusError('CAUCUS_CONFLICT', 'etcd refused a transaction: a lease that it names is gone')
      }
    })
    return outcomeOf(transaction, answer)
  }

  list(prefix: string): Promise<{ readonly entries: readonly Entry[]; readonly revision: Revision }> {
    return this.#caller.run({ what: 'a list', repeatable: true }, async (connection, asking) => {
      for (;;) {
        try {
          return await this.#pages(prefix, connection, asking)
        } catch (error) {
          // Somebody compacted between two pages: read what is there now.
          if (!isCompacted(error)) throw error
        }
      }
    })
  }

  watch(prefix: string, from: Revision, sink: WatchSink): Watching {
    if (this.#caller.isClosed) throw closedEngine()
    const { clock, progressMs } = this.#options
    const onOver = () => void this.#watches.delete(watch)
    const watch = new Watch({ caller: this.#caller, clock, progressMs, prefix, from, sink, onOver })
    this.#watches.add(watch)
    return watch
  }

  async close(): Promise<void> {
    for (const watch of [...this.#watches]) watch.close()
    await this.#caller.close()
  }

  async #pages(prefix: string, connection: Connection, asking: Asking) {
    const entries: Entry[] = []
    let revision: Revision | undefined
    let first: Buffer | undefined
    for (;;) {
      const page = pageOf(prefix, PAGE_ENTRIES, first, revision)
      const { header, kvs, more } = await connection.ask<IRangeResponse>('KV', 'range', page, asking)
      revision ??= Number(header.revision)
      for (const each of kvs) entries.push(entryOf(each))
      const last = kvs.at(-1)
      if (!more || last === undefined) return { entries, revision }
      first = keyAfter(last.key)
    }
  }
}

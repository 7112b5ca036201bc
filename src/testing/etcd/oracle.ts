import type { Entry } from '../../backends/etcd/engine.ts'
import type { Keys } from '../../backends/etcd/keys.ts'
import type { CoordinatorRecord, SessionRecord, ShareRecord } from '../../backends/etcd/records.ts'
import type { Foundation } from '../../core/group/foundation.ts'
import type { Generation } from '../../core/lease.ts'
import type { Findings } from '../cluster/violation.ts'
import type { SimulatedEngine, SimulatedEtcd } from './engine.ts'
import type { Commit } from './store.ts'

/** What a key said last, by the session that it belongs to. */
interface Before<Record> {
  readonly createRevision: number
  readonly record: Record
}

/** A generation, and who began it. */
export interface Reign {
  readonly who: string
  /** The revision at which the key of whoever coordinates was made. */
  readonly elected: number
  readonly generation: Generation
}

export interface OracleOptions {
  readonly keys: Keys
  readonly findings: Findings
  etcd(): SimulatedEtcd
}

/**
 * Looks at each revision of etcd in the step in which it is made, and knows nothing of how it came about: only whoever coordinates writes what
 * a coordinator writes (`Lead`), under generations that rise (G3) and are found again (E8), and nothing that somebody said comes back after
 * something newer (`Order`).
 */
export class EtcdOracle {
  readonly #options: OracleOptions
  readonly #sessions = new Map<string, Before<SessionRecord>>()
  readonly #shares = new Map<string, Before<ShareRecord>>()
  /** Each generation once, with who began it. */
  readonly reigns: Reign[] = []

  constructor(options: OracleOptions) {
    this.#options = options
  }

  committed({ changes }: Commit, by: SimulatedEngine | undefined): void {
    const { keys } = this.#options
    for (const change of changes) {
      const key = change.type === 'put' ? change.entry.key : change.key
      if (change.type === 'delete') this.#sessions.delete(key)
      // Whoever has left takes its share with it.
      const takesBack = change.type === 'delete' && key.startsWith(keys.shares)
      if (by !== undefined && isOfCoordinator(keys, key) && !takesBack) this.#checkSeat(key, by)
      if (change.type === 'put') this.#put(change.entry, by)
    }
  }

  #checkSeat(key: string, by: SimulatedEngine): void {
    const { findings, keys, etcd } = this.#options
    const seated = etcd().granteeOf(keys.coordinator)
    if (seated !== by) findings.add('Lead', by.name, `${by.name} writes ${key}, and ${nameOf(seated)} coordinates`)
  }

  #put({ key, value, createRevision }: Entry, by: SimulatedEngine | undefined): void {
    const { keys } = this.#options
    if (key === keys.coordinator) this.#coordinates(createRevision, JSON.parse(value) as CoordinatorRecord, by)
    if (key.startsWith(keys.sessions)) this.#said(key, createRevision, JSON.parse(value) as SessionRecord)
    if (key.startsWith(keys.shares)) this.#answered(key, JSON.parse(value) as ShareRecord)
  }

  #coordinates(elected: number, { generation }: CoordinatorRecord, by: SimulatedEngine | undefined): void {
    if (generation === undefined) return
    const { findings } = this.#options
    const who = `${nameOf(by)} (elected at ${elected})`
    const last = this.reigns.at(-1)
    // What was written already is written again by whoever did not hear of it.
    if (last?.elected === elected && last.generation === generation) return
    if (last !== undefined && generation <= last.generation)
      findings.add('G3', by?.name, `${who} begins generation ${generation}, after ${last.who} had ${last.generation}`)
    this.reigns.push({ who, elected, generation })
  }

  #said(key: string, createRevision: number, record: SessionRecord): void {
    const before = this.#sessions.get(key)
    if (before?.createRevision === createRevision && record.message.sequence < before.record.message.sequence) {
      const { sequence } = before.record.message
      this.#options.findings.add(
        'Order',
        undefined,
        `${key} says message ${record.message.sequence}, and said ${sequence} before`,
      )
    }
    this.#sessions.set(key, { createRevision, record })
  }

  #answered(key: string, record: ShareRecord): void {
    const { findings, keys, etcd } = this.#options
    const { message, session, heard } = record
    if (message.type === 'share') {
      const foundation = etcd().store.list(keys.foundation)[0]
      const kept = foundation === undefined ? 0 : (JSON.parse(foundation.value) as Foundation).generation
      if (message.generation > kept)
        findings.add(
          'E8',
          undefined,
          `${key} is of generation ${message.generation}, and ${kept} is what is found again`,
        )
    }
    const before = this.#shares.get(key)?.record
    if (before !== undefined && (session < before.session || (session === before.session && heard < before.heard)))
      findings.add(
        'Order',
        undefined,
        `${key} answers revision ${heard} of session ${session}, and answered ${before.heard} of ${before.session} before`,
      )
    this.#shares.set(key, { createRevision: session, record })
  }
}

const isOfCoordinator = (keys: Keys, key: string): boolean =>
  key === keys.foundation || key === keys.turn || key.startsWith(keys.shares) || key.startsWith(keys.groups)

const nameOf = (engine: SimulatedEngine | undefined): string => engine?.name ?? 'nobody'

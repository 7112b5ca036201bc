import type { Generation } from '../../core/lease.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HostedLink } from '../../ports/hosting.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { Change, Engine, Entry, Revision } from './engine.ts'
import type { Keys, Seat } from './keys.ts'
import { PrefixWatch } from './prefix-watch.ts'
import type { SessionRecord } from './records.ts'
import { decodeSession, seatAt } from './session-record.ts'

export interface SessionsMirrorOptions {
  readonly engine: Engine
  readonly keys: Keys
  readonly clock: Clock
  random(): number
  /** To the coordinator. */
  readonly link: HostedLink
  readonly generation: Generation
  /** How many answers wait to be written. */
  backlog(): number
  /** All sessions were read for the first time. */
  complete(): void
  /** A session ended, and the coordinator has been told. */
  gone(seat: Seat): void
  readonly telemetry?: Telemetry | undefined
  onFault(error: unknown): void
}

/** Who is meant by an answer, and how much of what it said is answered. */
export interface Addressee {
  readonly session: Revision
  readonly heard: Revision
}

interface Known {
  readonly seat: Seat
  readonly createRevision: Revision
  modRevision: Revision
  /** What it said last, until the coordinator has been told. */
  record: SessionRecord | undefined
  /** The mod revision of what the coordinator was told last. 0: nothing yet, and it does not know that this session is there. */
  heard: Revision
}

/** So many answers may wait before no more questions are put: what is decided must be known in time. */
const MAX_BACKLOG = 1_024
/** So many are told in one go. */
const FRAME = 256

/**
 * The members' sessions as they lie in etcd, told to the coordinator as if they had come over a link: what each says, once, and only what was
 * said to this coordinator; and when it goes. Behind etcd by as much as the watch is, which only makes the coordinator more patient.
 */
export class SessionsMirror {
  readonly #options: SessionsMirrorOptions
  readonly #known = new Map<string, Known>()
  /** How many of them there are in each group. */
  readonly #groups = new Map<string, number>()
  /** With something that the coordinator is to be told. */
  readonly #untold = new Set<Known>()
  #generation: Generation
  #isComplete = false
  #isTelling = false
  readonly #watch: PrefixWatch

  constructor(options: SessionsMirrorOptions) {
    const { engine, keys, clock, random, telemetry, onFault } = options
    this.#options = options
    this.#generation = options.generation
    this.#watch = new PrefixWatch({
      engine,
      prefix: keys.sessions,
      clock,
      random,
      listed: (entries) => this.#listed(entries),
      changed: (changes) => this.#changed(changes),
      failed: (error) => telemetry?.log('warn', 'the sessions of the members cannot be read from etcd', { error }),
      onFault,
    })
  }

  /** Whom an answer is for; `undefined` when the coordinator has not been told that the session which is there now is there. */
  addressee(seat: Seat): Addressee | undefined {
    const known = this.#known.get(this.#options.keys.session(seat))
    if (known === undefined || known.heard === 0) return undefined
    return { session: known.createRevision, heard: known.heard }
  }

  isInhabited(group: string): boolean {
    return this.#groups.has(group)
  }

  /** Whether the session of this seat is there. */
  has(seat: Seat): boolean {
    return this.#known.has(this.#options.keys.session(seat))
  }

  /** The coordinator goes on under another generation: what was said to that one, perhaps before it knew, counts from now on. */
  set generation(generation: Generation) {
    if (generation === this.#generation) return
    this.#generation = generation
    for (const known of this.#known.values()) if (known.record?.generation === generation) this.#untold.add(known)
    this.tell()
  }

  /** Tells the coordinator what there is to tell, as far as its answers keep up. */
  tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    try {
      while (this.#untold.size > 0 && this.#options.backlog() < MAX_BACKLOG) this.#tellSome()
    } finally {
      this.#isTelling = false
    }
  }

  #tellSome(): void {
    const messages = []
    for (const known of this.#untold) {
      this.#untold.delete(known)
      const { record } = known
      if (record === undefined) continue
      known.record = undefined
      // Before it is told: the answer comes from inside of that.
      known.heard = known.modRevision
      messages.push(record.message)
      if (messages.length === FRAME) break
    }
    this.#options.link.receive(messages, { present: true })
  }

  #listed(entries: readonly Entry[]): void {
    const there = new Set(entries.map(({ key }) => key))
    for (const key of [...this.#known.keys()]) if (!there.has(key)) this.#lost(key)
    for (const entry of entries) this.#put(entry)
    if (!this.#isComplete) this.#options.complete()
    this.#isComplete = true
    this.tell()
  }

  #changed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'put') this.#put(change.entry)
      else this.#lost(change.key)
    }
    this.tell()
  }

  #put(entry: Entry): void {
    const { key, createRevision, modRevision } = entry
    const before = this.#known.get(key)
    if (before?.modRevision === modRevision) return
    // It went and came back while nobody looked: another session, by what etcd says.
    if (before !== undefined && before.createRevision !== createRevision) this.#lost(key)
    const decoded = decodeSession(this.#options.keys, entry)
    if (typeof decoded === 'string') {
      const details = { key, fault: decoded }
      this.#options.telemetry?.log(
        'warn',
        'what lies in etcd as the session of a member is none, and is ignored',
        details,
      )
    }
    const seat = typeof decoded === 'string' ? seatAt(this.#options.keys, key) : decoded.seat
    if (seat === undefined) return
    const record = typeof decoded === 'string' ? undefined : decoded.record
    let known = this.#known.get(key)
    if (known === undefined) {
      known = { seat, createRevision, modRevision, record, heard: 0 }
      this.#known.set(key, known)
      this.#groups.set(seat.group, (this.#groups.get(seat.group) ?? 0) + 1)
    } else {
      known.modRevision = modRevision
      known.record = record
    }
    if (record?.generation === this.#generation) this.#untold.add(known)
    else this.#untold.delete(known)
  }

  #lost(key: string): void {
    const known = this.#known.get(key)
    if (known === undefined) return
    const { group } = known.seat
    this.#known.delete(key)
    this.#untold.delete(known)
    const left = (this.#groups.get(group) ?? 0) - 1
    if (left > 0) this.#groups.set(group, left)
    else this.#groups.delete(group)
    this.#options.link.gone(known.seat)
    this.#options.gone(known.seat)
  }

  close(): Promise<void> {
    this.#untold.clear()
    return this.#watch.close()
  }
}

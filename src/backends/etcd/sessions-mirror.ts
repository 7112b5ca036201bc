import type { Generation } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
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
  /** How many more answers can be written in time: what is decided must be known. */
  room(): number
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

/** So many are told in one go. */
const FRAME = 256
/** Whoever has too much to do is told again so much later. */
const AGAIN_MS: Millis = 50

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
  /** Sessions that are gone, of which the coordinator, overloaded, would not hear. */
  readonly #unheardGone = new Map<string, Seat>()
  #again: Timer | undefined
  #generation: Generation
  #isComplete = false
  #isTelling = false
  #isClosed = false
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
      failed: (error) =>
        telemetry?.log('warn', 'the sessions of the members cannot be read from etcd', {
          event: 'etcd.failed',
          what: 'sessions',
          error,
        }),
      recovered: () =>
        telemetry?.log('info', 'the sessions of the members can be read from etcd again', {
          event: 'etcd.recovered',
          what: 'sessions',
        }),
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
    if (this.#isTelling || this.#isClosed) return
    this.#isTelling = true
    try {
      for (const [key, seat] of this.#unheardGone) if (!this.#tellGone(key, seat)) return
      while (this.#untold.size > 0 && this.#options.room() > 0) if (!this.#tellSome()) return
    } finally {
      this.#isTelling = false
    }
  }

  #tellSome(): boolean {
    const most = Math.min(FRAME, this.#options.room())
    const told: { readonly known: Known; readonly record: SessionRecord; readonly heard: Revision }[] = []
    for (const known of this.#untold) {
      this.#untold.delete(known)
      const { record, heard } = known
      if (record === undefined) continue
      told.push({ known, record, heard })
      known.record = undefined
      // Before it is told: the answer comes from inside of that.
      known.heard = known.modRevision
      if (told.length >= most) break
    }
    const messages = told.map(({ record }) => record.message)
    if (this.#options.link.receive(messages, { present: true })) return true
    // Which of them were taken is not known: who heard a message knows its number when it comes again.
    for (const { known, record, heard } of told) {
      known.heard = heard
      known.record = record
      this.#untold.add(known)
    }
    this.#tellLater()
    return false
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
      const details = { event: 'session.ignored', key, fault: decoded } as const
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
    this.#tellGone(key, known.seat)
    this.#options.gone(known.seat)
  }

  /** Unsaid, it would be there for ever, with all that it holds. */
  #tellGone(key: string, seat: Seat): boolean {
    const isHeard = this.#options.link.gone(seat)
    if (isHeard) this.#unheardGone.delete(key)
    else {
      this.#unheardGone.set(key, seat)
      this.#tellLater()
    }
    return isHeard
  }

  #tellLater(): void {
    const { clock } = this.#options
    const again = () => {
      this.#again = undefined
      this.tell()
    }
    this.#again ??= clock.setTimer(clock.now() + AGAIN_MS, again, { ref: false })
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#again?.clear()
    this.#unheardGone.clear()
    this.#untold.clear()
    return this.#watch.close()
  }
}

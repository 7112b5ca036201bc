import { Coordinating, type CoordinatingOptions } from '../../../src/backends/etcd/coordinating.ts'
import type { LeaseId, Revision } from '../../../src/backends/etcd/engine.ts'
import { Keys, type Seat } from '../../../src/backends/etcd/keys.ts'
import type { CoordinatorRecord, EventsRecord, HeadRecord, ShareRecord } from '../../../src/backends/etcd/records.ts'
import type { GroupSettings } from '../../../src/core/group/book.ts'
import type { Foundation } from '../../../src/core/group/foundation.ts'
import type { Leave, Renew, ShareKind, ShareMessage } from '../../../src/core/group/messages.ts'
import { grantMs } from '../../../src/core/lease.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { Telemetry } from '../../../src/ports/telemetry.ts'
import { type SimulatedEngine, SimulatedEtcd } from '../../../src/testing/etcd/engine.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

export const SETTINGS: GroupSettings = {
  leaseMs: 4_000,
  settleMs: 100,
  settleCapMs: 1_000,
  drainLimitMs: 2_000,
  staticGraceMs: 3_000,
}
export const WRITE_MS = 1_000
/** Nobody else has it before, from the step that takes it. */
export const REGRANT_MS = grantMs(SETTINGS.leaseMs + WRITE_MS)
export const ELECTION = 'election/e'
const PREFIX = 'test/'

export interface Candidate {
  readonly name: string
  readonly engine: SimulatedEngine
  readonly coordinating: Coordinating
  readonly logs: string[]
  readonly faults: unknown[]
  isDead: boolean
}

/** Candidates and members around one etcd and one clock. */
export class Room {
  readonly clock = new SimulatedClock(1_000)
  readonly etcd: SimulatedEtcd
  readonly keys = new Keys(PREFIX)
  readonly candidates: Candidate[] = []

  /** `delayMs`: of everything on its way to etcd, and back. */
  constructor(delayMs = 1) {
    this.etcd = new SimulatedEtcd({ clock: this.clock, delayMs })
  }

  enter(name: string, options: Partial<CoordinatingOptions> = {}): Candidate {
    const engine = this.etcd.engine(name)
    const logs: string[] = []
    const faults: unknown[] = []
    const random = seededRandom(this.candidates.length + 1)
    const coordinating = new Coordinating({
      engine,
      keys: this.keys,
      clock: this.clock,
      wallMs: () => 1_700_000_000_000 + this.clock.now(),
      random: () => random.next(),
      process: name,
      settings: { defaults: SETTINGS },
      writeMs: WRITE_MS,
      telemetry: loudly(logs),
      onFault: (error) => faults.push(error),
      ...options,
    })
    const candidate = { name, engine, coordinating, logs, faults, isDead: false }
    this.candidates.push(candidate)
    coordinating.begin()
    return candidate
  }

  /** With one that coordinates, and need not wait for anything from before. */
  static async withOne(options: Partial<CoordinatingOptions> = {}): Promise<{ room: Room; one: Candidate }> {
    const room = new Room()
    const one = room.enter('one', { fresh: true, ...options })
    await room.clock.play(200)
    return { room, one }
  }

  get alive(): readonly Candidate[] {
    return this.candidates.filter(({ isDead }) => !isDead)
  }

  get coordinators(): readonly string[] {
    return this.alive.filter(({ coordinating }) => coordinating.coordinates).map(({ name }) => name)
  }

  /** The process is gone, and etcd takes its leases away. */
  kill(candidate: Candidate): void {
    const { engine } = candidate
    candidate.isDead = true
    engine.die()
    const lease = this.etcd.store.leaseOf(this.keys.coordinator)
    if (lease !== undefined && this.etcd.granteeOf(this.keys.coordinator) === engine) this.etcd.expire(lease)
  }

  /** Everybody stops in good order. */
  async close(): Promise<void> {
    const closing = Promise.all(this.alive.map(({ coordinating }) => coordinating.close()))
    await this.clock.play(10_000)
    await closing
  }

  read<Value>(key: string): Value | undefined {
    const text = this.text(key)
    return text === undefined ? undefined : (JSON.parse(text) as Value)
  }

  text(key: string): string | undefined {
    return this.etcd.store.list(key).find((entry) => entry.key === key)?.value
  }

  get coordinator(): CoordinatorRecord | undefined {
    return this.read(this.keys.coordinator)
  }

  get generation(): number {
    return this.coordinator?.generation ?? 0
  }

  get foundation(): Foundation | undefined {
    return this.read(this.keys.foundation)
  }

  head(group = 'g'): HeadRecord | undefined {
    return this.read(this.keys.head(group))
  }

  events(group = 'g'): EventsRecord['events'] {
    return this.read<EventsRecord>(this.keys.events(group))?.events ?? []
  }

  member(name: string, share: ShareKind = { partitions: 2 }, group = share === 'tenure' ? ELECTION : 'g'): Sitting {
    return new Sitting(this, { group, member: name, bootId: `boot-${name}` }, share)
  }

  write(key: string, value: string, lease?: LeaseId): Revision {
    const put = { type: 'put', key, value, ...(lease !== undefined && { lease }) } as const
    return this.etcd.store.transact({ then: [put] }).revision
  }
}

/** A member as it lies in etcd: what it says is there at once, and it believes what it reads as long as `ADR 26` lets it. */
export class Sitting {
  readonly seat: Seat
  readonly #room: Room
  readonly #share: ShareKind
  #lease: LeaseId
  #sequence = 0
  /** What it read last and took. */
  taken: ShareMessage | undefined
  createRevision: Revision = 0
  modRevision: Revision = 0

  constructor(room: Room, seat: Seat, share: ShareKind) {
    this.#room = room
    this.seat = seat
    this.#share = share
    this.#lease = room.etcd.store.grant(60, room.clock.now()).lease
  }

  get answer(): ShareRecord | undefined {
    return this.#room.read(this.#room.keys.share(this.seat))
  }

  get share(): ShareMessage | undefined {
    const message = this.answer?.message
    return message?.type === 'share' ? message : undefined
  }

  get items(): readonly number[] {
    return (this.share?.holding ?? []).map(({ item }) => item).sort((a, b) => a - b)
  }

  /** Takes what lies there and says so: it holds what it was given, and has let go of what it was asked for. */
  says(more: Partial<Renew> = {}, generation = this.#room.generation): void {
    const share = this.share
    const before = this.taken
    this.taken = share ?? before
    const known = this.taken
    const acknowledged = share?.revoked ?? []
    const message: Renew = {
      type: 'renew',
      ...this.seat,
      sequence: ++this.#sequence,
      order: known?.generation === generation ? known.order : 0,
      share: this.#share,
      ...(known !== undefined && { incarnation: known.incarnation, generation }),
      holding: known?.holding ?? [],
      draining: [],
      acknowledged,
      ...more,
    }
    this.put(message, generation)
  }

  /** Sends exactly this again, as a session that was lost is put there again. */
  put(message: Renew | Leave, generation = this.#room.generation): void {
    const revision = this.#room.write(
      this.#room.keys.session(this.seat),
      JSON.stringify({ generation, message }),
      this.#lease,
    )
    if (this.modRevision === 0) this.createRevision = revision
    this.modRevision = revision
  }

  leaves(): void {
    this.put({ type: 'leave', ...this.seat, incarnation: this.share?.incarnation ?? 0, sequence: ++this.#sequence })
  }

  /** Its process is gone, and etcd has noticed. */
  dies(): void {
    this.#room.etcd.expire(this.#lease)
    this.modRevision = 0
    this.#lease = this.#room.etcd.store.grant(60, this.#room.clock.now()).lease
  }
}

const loudly = (logs: string[]): Telemetry => ({
  event: () => undefined,
  count: () => undefined,
  gauge: () => undefined,
  duration: () => undefined,
  log: (level, message, details) => void logs.push(`${level} ${message} ${JSON.stringify(details ?? {})}`),
})

import type { GroupSettings } from '../../core/group/book.ts'
import type { Foundation } from '../../core/group/foundation.ts'
import type { CoordinatorMessage } from '../../core/group/messages.ts'
import type { Generation } from '../../core/lease.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Timer } from '../../ports/clock.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import { hostCoordinator } from '../../runtime/coordinator-host.ts'
import { type Elected, giveUp, LeaseKeeper } from './candidacy.ts'
import type { CoordinatingOptions } from './coordinating-options.ts'
import type { Revision } from './engine.ts'
import { EtcdStore, foundationIn } from './etcd-store.ts'
import { GuardedWriter } from './guarded-writer.ts'
import type { Seat } from './keys.ts'
import { Publisher } from './publisher.ts'
import type { ShareRecord } from './records.ts'
import { SessionsMirror } from './sessions-mirror.ts'

export interface ReignOptions extends CoordinatingOptions {
  readonly writeMs: Millis
  readonly elected: Elected
}

/** How long a hand-over may take. */
const HAND_OVER_MS: Millis = 3_000
const LIMITS = { groups: 4_096, membersPerGroup: 10_000 }

/**
 * The coordination of one that was elected, from the election until it is over, which it is for good: somebody else was elected, a write took
 * too long, or this process has had enough.
 */
export class Reign {
  readonly #options: ReignOptions
  readonly #over: Promise<CaucusError | 'handOver'>
  #end: (why: CaucusError | 'handOver') => void = () => undefined
  #isOver = false
  /** Nothing may be decided here any more. */
  #isDeposed = false
  #keeper: LeaseKeeper | undefined
  #writer: GuardedWriter | undefined
  #hosting: CoordinatorHosting | undefined
  #publisher: Publisher | undefined
  #mirror: SessionsMirror | undefined
  #generation: Generation = 0

  constructor(options: ReignOptions) {
    this.#options = options
    this.#over = new Promise((resolve) => {
      this.#end = (why) => {
        this.#isOver = true
        resolve(why)
      }
    })
  }

  /** The create revision of its key. */
  get revision(): Revision {
    return this.#options.elected.revision
  }

  /** The coordinator, while it runs. */
  get hosting(): CoordinatorHosting | undefined {
    return this.#isOver ? undefined : this.#hosting
  }

  /** Resolves once it is over and nothing of it is left, with why; `undefined` after a hand-over. */
  async run(): Promise<CaucusError | undefined> {
    try {
      await this.#begin()
    } catch (error) {
      if (isCaucusError(error)) this.over(error)
      else this.#fault(error)
    }
    const why = await this.#over
    if (why === 'handOver') await this.#handOver()
    await this.#close(why === 'handOver' ? notCoordinating() : why)
    return why === 'handOver' ? undefined : why
  }

  /** Nothing is granted or written any more. */
  over(reason: CaucusError): void {
    this.#isDeposed = true
    this.#writer?.close(reason)
    this.#end(reason)
  }

  /** The same in good order: whoever is next is told who holds something. */
  handOver(): void {
    if (this.#mirror === undefined) return this.over(notCoordinating())
    this.#end('handOver')
  }

  #fault(error: unknown): void {
    this.over(
      new CaucusError('CAUCUS_BACKEND', 'the coordinator of groups failed within this process', { cause: error }),
    )
    this.#options.onFault(error)
  }

  async #begin(): Promise<void> {
    const { engine, keys, clock, elected, telemetry } = this.#options
    this.#keeper = new LeaseKeeper({
      engine,
      clock,
      elected,
      lost: () => this.over(notCoordinating()),
      onFault: (error) => this.#fault(error),
    })
    const { held, found } = await engine.transact({
      when: [{ key: keys.coordinator, of: 'createRevision', is: elected.revision }],
      then: [keys.foundation, keys.instance, keys.turn].map((key) => ({ type: 'get', key })),
    })
    if (!held || this.#isOver) throw notCoordinating()
    const [foundation, instance, turn] = found
    const writer = this.#write(turn?.modRevision ?? 0)
    this.#writer = writer
    const hosting = await this.#host(
      writer,
      foundation === undefined ? undefined : foundationIn(foundation),
      instance?.value,
    )
    const groups = await engine.list(keys.groups)
    const shares = await engine.list(keys.shares)
    if (this.#isOver) return
    this.#publisher?.inherit(groups.entries)
    this.#listen(
      hosting,
      shares.entries.map(({ key }) => key),
    )
    telemetry?.log('info', 'this process coordinates the groups on etcd', {
      event: 'reign.started',
      generation: this.#generation,
    })
  }

  #write(turn: Revision): GuardedWriter {
    const { engine, keys, clock, elected, writeMs, process, telemetry } = this.#options
    return new GuardedWriter({
      engine,
      keys,
      clock,
      random: () => this.#options.random(),
      elected: elected.revision,
      turn,
      name: `${process}-${elected.revision}`,
      writeMs,
      telemetry,
      wrote: () => this.#mirror?.tell(),
      ended: (reason) => this.over(reason),
      onFault: (error) => this.#fault(error),
    })
  }

  async #host(
    writer: GuardedWriter,
    found: Foundation | undefined,
    instance: string | undefined,
  ): Promise<CoordinatorHosting> {
    const { keys, clock, elected, process, settings, leastGeneration, fresh, telemetry } = this.#options
    const wallMs = () => this.#options.wallMs()
    const seconds = Math.floor(wallMs() / 1_000)
    const groups = [...(settings.groups ?? [])].map(([name, group]) => [name, this.#reckonedWith(group)] as const)
    const hosting = await hostCoordinator({
      clock,
      wallMs,
      store: new EtcdStore({
        keys,
        writer,
        found,
        instanceId: instance ?? this.#newId(),
        isNew: instance === undefined,
        process,
        lease: elected.lease,
      }),
      defaults: this.#reckonedWith(settings.defaults),
      groups: new Map(groups),
      limits: settings.limits ?? LIMITS,
      leastGeneration: Math.max(leastGeneration ?? 0, seconds),
      // The word was given before anybody had coordinated: an earlier coordinator may have granted something since.
      fresh: fresh === true && found === undefined,
      guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: true },
      telemetry,
      authority: () => !this.#isDeposed && writer.isInTime,
      onAuthorityLost: () => this.over(notCoordinating()),
      onRecorded: (recorded) => this.#publisher?.recorded(recorded),
      onFault: (error) => this.#fault(error),
    })
    this.#hosting = hosting
    this.#generation = hosting.view().generation
    this.#publisher = new Publisher({
      keys,
      clock,
      writer,
      headOf: (group) => hosting.headOf(group),
      generation: () => this.#generation,
      isInhabited: (group) => this.#mirror?.isInhabited(group) ?? true,
    })
    return hosting
  }

  /** Between a step and its commit a member may still read what it was told before: its lease counts from later than the step. */
  #reckonedWith<Settings extends GroupSettings>(settings: Settings): Settings {
    return { ...settings, leaseMs: settings.leaseMs + this.#options.writeMs }
  }

  #newId(): string {
    const part = () => Math.floor(this.#options.random() * 2 ** 48).toString(36)
    return `${part()}${part()}${this.#options.elected.revision.toString(36)}`
  }

  /** `shares`: keys that earlier coordinators wrote. */
  #listen(hosting: CoordinatorHosting, shares: readonly string[]): void {
    const { engine, keys, clock, telemetry } = this.#options
    const link = hosting.attach((messages, since) => this.#deliver(messages, since))
    const mirror = new SessionsMirror({
      engine,
      keys,
      clock,
      random: () => this.#options.random(),
      link,
      generation: this.#generation,
      room: () => this.#writer?.room ?? 0,
      complete: () => {
        for (const key of shares) {
          const seat = keys.seatOf(key)
          if (seat === undefined || !mirror.has(seat)) this.#writer?.delete(key)
        }
      },
      gone: (seat) => this.#gone(seat),
      telemetry,
      onFault: (error) => this.#fault(error),
    })
    this.#mirror = mirror
  }

  #deliver(messages: readonly CoordinatorMessage[], since: Instant): void {
    for (const message of messages) {
      if (message.type === 'hello') this.#hears(message.generation)
      else this.#answer(message, since)
    }
  }

  #hears(generation: Generation): void {
    this.#generation = generation
    if (this.#mirror !== undefined) this.#mirror.generation = generation
  }

  #answer(message: ShareRecord['message'], since: Instant): void {
    const { keys, writeMs } = this.#options
    const to = this.#mirror?.addressee(message)
    // Nobody is there who could read it. Whoever comes says something first, and is answered.
    if (to === undefined) return
    const told = message.type === 'share' ? { ...message, leaseMs: message.leaseMs - writeMs } : message
    const text = () => JSON.stringify({ ...to, message: this.#asItIs(told) } satisfies ShareRecord)
    this.#writer?.tell(keys.share(message), text, since)
    if (message.type === 'share') this.#publisher?.touched(message.group)
  }

  /** With the state of its group when it goes out: whoever reads it takes what has the later revision, a share or a head, for the later word. */
  #asItIs(message: ShareRecord['message']): ShareRecord['message'] {
    const head = message.type === 'share' ? this.#hosting?.headOf(message.group) : undefined
    if (message.type !== 'share' || head === undefined) return message
    const { state, epoch, members } = head
    return { ...message, state, epoch, members }
  }

  #gone(seat: Seat): void {
    const { keys } = this.#options
    this.#writer?.delete(keys.share(seat))
    if (this.#mirror?.isInhabited(seat.group) !== true) this.#publisher?.vacated(seat.group)
  }

  async #handOver(): Promise<void> {
    const { clock } = this.#options
    const writer = this.#writer
    if (writer === undefined || this.#hosting === undefined) return
    const limit: Timer = clock.setTimer(clock.now() + HAND_OVER_MS, () => writer.close(notCoordinating()), {
      ref: false,
    })
    await this.#mirror?.close()
    await this.#hosting.close()
    this.#publisher?.flush()
    await writer.flushed()
    limit.clear()
  }

  async #close(reason: CaucusError): Promise<void> {
    const { engine, elected, telemetry } = this.#options
    this.#writer?.close(reason)
    this.#publisher?.close()
    this.#keeper?.close()
    await this.#mirror?.close()
    await this.#hosting?.close()
    await giveUp({ engine, telemetry }, elected.lease)
  }
}

const notCoordinating = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_LEADER', 'this process does not coordinate the groups on etcd any more')

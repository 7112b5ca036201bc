import { Member, type MemberEffect, type MemberInput, type MemberOptions } from '../../core/group/member.ts'
import type { Holding, MemberMessage } from '../../core/group/messages.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import { HolderClock, type Instant } from '../../core/time.ts'
import type { Agenda } from './agenda.ts'
import type { Belief } from './beliefs.ts'
import type { Link } from './link.ts'
import type { MachineClock } from './machine-clock.ts'
import { type Habits, Process } from './process.ts'
import { checkTold, sharesOf } from './told.ts'

/** What the world does for a member. */
export interface MemberHost {
  /** It was sent something, by its machine. */
  send(member: MemberProcess, message: MemberMessage): void
  /** It may act on something else than before, or until another instant. */
  believes(member: MemberProcess): void
  /** How long the drain of these items takes; `undefined` when it never ends. */
  drainMs(member: MemberProcess, items: readonly Holding[]): number | undefined
  /** It writes to what it believes to own. */
  write(member: MemberProcess, holding: Holding): void
  stoodStill(member: MemberProcess, still: boolean): void
  rejects(member: MemberProcess): void
  happened(member: MemberProcess, effect: MemberEffect): void
  stepped(member: MemberProcess, input: MemberInput | Tick): void
}

/** One process with one membership, and what it does with its share: it writes, and it drains. */
export class MemberProcess extends Process<MemberInput> {
  readonly id: string
  readonly bootId: string
  readonly group: string
  /** Its place is kept when it stops. */
  readonly isStatic: boolean
  readonly machine: Member
  readonly #host: MemberHost
  /** For what it does with its share. */
  readonly work: Random
  /** For how it finds its way to the coordinator. */
  readonly ways: Random
  /** It talks by single calls, without a link: what is pushed to it goes nowhere. */
  readonly calls: boolean
  readonly #holderClock = new HolderClock()
  link: Link | undefined
  /** Real time of the last word from a coordinator. */
  heardAt: number
  /** How many links it has had. */
  links = 0

  constructor(
    options: MemberOptions,
    around: { agenda: Agenda; clock: MachineClock; habits: Habits; random: Random; host: MemberHost; calls: boolean },
  ) {
    super(around.agenda, around.clock, around.habits)
    this.id = options.member
    this.bootId = options.bootId
    this.group = options.group
    this.isStatic = options.static === true
    this.machine = new Member(options)
    this.#host = around.host
    this.work = around.random.fork('work')
    this.ways = around.random.fork('ways')
    this.calls = around.calls
    this.heardAt = around.agenda.now
  }

  read(): Instant {
    return this.#holderClock.read(this.clock.reading(this.agenda.now))
  }

  get final(): boolean {
    const { state } = this.machine.view()
    return state === 'left' || state === 'fenced' || state === 'refused' || state === 'concluded'
  }

  protected wakeAt(): Instant | undefined {
    return this.machine.wakeAt()
  }

  protected stillness(still: boolean): void {
    this.#host.stoodStill(this, still)
  }

  protected step(input: MemberInput | Tick): void {
    const now = this.read()
    this.#host.stepped(this, input)
    const before = sharesOf(this.machine)
    const effects = this.machine.step(input, now)
    checkTold(this.bootId, before, sharesOf(this.machine), input, effects)
    // Beliefs first: what is sent here is true at this instant.
    if (input.type !== 'woke' || effects.some(({ type }) => type !== 'send')) this.#host.believes(this)
    for (const effect of effects) this.#perform(effect)
    if (this.work.next() < 0.2) this.#write(now)
  }

  #perform(effect: MemberEffect): void {
    if (effect.type === 'send') return this.#host.send(this, effect.message)
    this.#host.happened(this, effect)
    if (effect.type === 'rejectLink') return this.#host.rejects(this)
    if (effect.type !== 'drain') return
    const forMs = this.#host.drainMs(this, effect.items)
    if (forMs !== undefined) this.agenda.after(forMs, () => this.post({ type: 'drained', items: effect.items }))
  }

  /** With the check at use, as users are told to: what it holds, and what it still drains. */
  #write(now: Instant): void {
    const { held } = this.machine.view()
    const mine = [...held.keys()].filter((item) => this.machine.holds(item, now) !== undefined)
    const draining = this.machine.draining.filter(
      (holding) => now < (this.machine.drainUntil(holding) ?? Number.NEGATIVE_INFINITY),
    )
    const all = [...mine.map((item) => held.get(item) as Holding), ...draining]
    const holding = all[this.work.below(all.length)]
    if (holding !== undefined) this.#host.write(this, holding)
  }

  /** As intervals of real time, if from now on nothing happens to it or to its clocks. */
  belief(): Belief | undefined {
    if (!this.alive) return undefined
    const now = this.read()
    const { held, share, validUntil } = this.machine.view()
    const { draining } = this.machine
    if (share === undefined || held.size + draining.length === 0) return undefined
    const end = (until: Instant): number => this.agenda.now + (until - now) / this.clock.rate
    // The check at use, asked for the instant at which the lease is over: a flag that a timer must clear would say yes.
    const heldEnd = (item: number): number =>
      this.machine.holds(item, validUntil) === undefined ? end(validUntil) : Number.POSITIVE_INFINITY
    return {
      share,
      items: [
        ...[...held.values()].map((holding) => ({ holding, end: heldEnd(holding.item) })),
        ...draining.map((holding) => ({
          holding,
          end: end(this.machine.drainUntil(holding) ?? Number.NEGATIVE_INFINITY),
        })),
      ],
    }
  }
}

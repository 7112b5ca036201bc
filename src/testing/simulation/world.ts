import type { CoordinatorEffect, CoordinatorInput } from '../../core/group/coordinator.ts'
import type { MemberEffect, MemberInput } from '../../core/group/member.ts'
import { type Holding, type MemberMessage, sameShare } from '../../core/group/messages.ts'
import { isOnceName } from '../../core/group/onces.ts'
import type { Order } from '../../core/group/orders.ts'
import type { PollAnswer } from '../../core/group/poll-group.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import { Beliefs } from './beliefs.ts'
import type { Bench } from './bench.ts'
import { exponential, pick, type SimulatedGroup } from './conditions.ts'
import type { CoordinatorHost, CoordinatorProcess } from './coordinator-process.ts'
import { Ledger } from './ledger.ts'
import { MachineClock } from './machine-clock.ts'
import { type MemberHost, MemberProcess } from './member-process.ts'
import { Onces } from './onces.ts'
import { PollBeliefs, PollClient } from './poll-client.ts'
import type { Habits } from './process.ts'
import { ServerRoom } from './server-room.ts'
import { Switchboard } from './switchboard.ts'
import { drawTraits, type Traits } from './traits.ts'
import { Watchers } from './watchers.ts'

/** 2023, so that generations by the wall clock look as they do. */
const WALL_AT_ZERO_MS = 1_700_000_000_000

/** Members, the coordinator, the wires between them, and everybody who watches that the rules hold. */
export class World implements MemberHost, CoordinatorHost {
  readonly bench: Bench
  readonly room: ServerRoom
  readonly wires: Switchboard
  readonly watchers: Watchers
  readonly onces: Onces
  readonly members: MemberProcess[] = []
  readonly pollers: PollClient[] = []
  readonly #clocks: Random
  readonly #lives: Random
  readonly #beliefs = new Map<string, Beliefs>()
  readonly #ledgers = new Map<string, Ledger>()
  readonly #pollBeliefs = new PollBeliefs()
  readonly #answers = new Map<string, (answer: PollAnswer, answeredAt: number) => void>()
  readonly #boots = new Map<string, number>()
  #polls = 0

  constructor(bench: Bench) {
    this.bench = bench
    this.#clocks = bench.random.fork('clocks')
    this.#lives = bench.random.fork('lives')
    for (const { name, unconfigured } of bench.conditions.groups) {
      if (unconfigured === true) bench.count('unconfigured')
      this.#beliefs.set(name, new Beliefs(name))
      this.#ledgers.set(name, new Ledger(name))
    }
    this.room = new ServerRoom(bench, this.#drawClock('server'), this.#habits('server'), this)
    this.room.onAnew = () => {
      for (const ledger of this.#ledgers.values()) ledger.forget()
    }
    this.wires = new Switchboard(bench, this.room)
    this.onces = new Onces(bench, this.room, (id, group) => this.join(id, group))
    this.watchers = new Watchers(bench, this.room, this.onces)
    this.room.onFounded = (stored, foundation) => this.watchers.orders.founded(stored, foundation)
  }

  #habits(who: string): Habits {
    const { bench } = this
    const random = this.#lives.fork(`habits of ${who}`)
    return {
      lateness: () => {
        if (!bench.has('lateWake') || random.next() > 0.1) return 0
        bench.count('lateWake')
        return exponential(random, bench.conditions.timing.heartbeatMs)
      },
      wakesHarshly: () => {
        if (!bench.has('harshWake') || random.next() < 0.5) return false
        bench.count('harshWake')
        return true
      },
    }
  }

  #drawClock(of: string): MachineClock {
    const { drift } = this.bench.conditions
    const random = this.#clocks.fork(of)
    const rate = 1 + drift * pick(random, [-1, 1, 0, random.next() * 2 - 1])
    return new MachineClock(rate, random.below(1e6), WALL_AT_ZERO_MS + random.below(1e4))
  }

  /** Starts a process. With an id that is in use, there are two of them. */
  join(id: string, group: SimulatedGroup, given?: Traits): MemberProcess {
    const { heartbeatMs, stopMarginMs } = this.bench.conditions.timing
    const boot = (this.#boots.get(id) ?? 0) + 1
    this.#boots.set(id, boot)
    const bootId = `${id}#${boot}`
    const random = this.#lives.fork(bootId)
    const traits = given ?? drawTraits(this.bench.conditions, group, id, random)
    if (traits.weight !== undefined) this.bench.count('weights')
    const options = {
      ...traits,
      group: group.name,
      member: id,
      bootId,
      heartbeatMs,
      stopMarginMs,
      ...(group.explicit && !this.#careless(group, random.fork('careless')) && { share: group.share }),
    }
    const clock = this.#drawClock(bootId)
    const around = {
      agenda: this.bench.agenda,
      clock,
      habits: this.#habits(bootId),
      random,
      host: this,
      calls: this.bench.conditions.faults.has('calls') && random.fork('calls').next() < 0.4,
    }
    const member = new MemberProcess(options, around)
    this.members.push(member)
    this.watchers.started(member)
    this.bench.note(bootId, 'starts', group.name)
    this.bench.tell({ who: bootId, what: 'starts', state: 'up' })
    this.wires.connect(member)
    return member
  }

  /** Where members come and go without end, those who were there first stay, and wait for their share. */
  isResident(member: MemberProcess): boolean {
    const { profile, membersPerGroup } = this.bench.conditions
    return profile === 'churn' && Number(member.id.split('-m')[1]) < membersPerGroup
  }

  /** Whoever comes later to a group that nobody has configured may take it as it is. */
  #careless(group: SimulatedGroup, random: Random): boolean {
    if (group.unconfigured !== true || random.next() < 0.5) return false
    const share = this.room.current?.machine.viewOf(group.name)?.share
    return share !== undefined && sameShare(share, group.share)
  }

  crash(member: MemberProcess): void {
    this.bench.note(member.bootId, 'crashes')
    this.bench.tell({ who: member.bootId, what: 'crashes', state: 'down' })
    this.#bury(member)
  }

  /** Its membership is over, and its process lives on: whatever it still believed would be seen. What it sent last goes out. */
  #retire(member: MemberProcess): void {
    this.#strikeOff(member)
    this.bench.agenda.after(2 * this.room.longestGroupLeaseMs, () => member.alive && this.#bury(member))
  }

  #bury(member: MemberProcess): void {
    member.kill()
    this.believes(member)
    if (member.link !== undefined) member.link.open = false
    this.#strikeOff(member)
  }

  #strikeOff(member: MemberProcess): void {
    const place = this.members.indexOf(member)
    if (place >= 0) this.members.splice(place, 1)
  }

  /** False when nobody is there to take it. */
  order(group: string, order: Order): boolean {
    const { current } = this.room
    if (current === undefined) return false
    const from = this.watchers.orders.give(current, group, order)
    this.bench.note('operator', 'orders', { group, order })
    this.bench.tell({ who: 'server', what: 'is ordered', detail: `${Object.values(order).join(' ')} in ${group}` })
    current.post({ type: 'ordered', from, group, order })
    return true
  }

  /** False when there is nobody who could be told to stop. */
  stopCoordinator(): boolean {
    if (!this.room.stop()) return false
    this.wires.breakAll()
    return true
  }

  crashCoordinator(): void {
    this.room.crash()
    this.wires.breakAll()
  }

  /** A client of the other wire, which only polls. */
  startPoller(id: string): void {
    const { conditions, agenda } = this.bench
    if (conditions.poll === undefined) return
    const process = `${id}#${this.pollers.length}`
    const random = this.#clocks.fork(process)
    const rate = 1 + conditions.drift * (random.next() * 2 - 1)
    const lane = { node: id, arrivedAt: 0, random }
    this.pollers.push(
      new PollClient(id, {
        agenda,
        process,
        intervalMs: conditions.poll.intervalMs / rate,
        beliefs: this.#pollBeliefs,
        poll: (answered) => {
          this.wires.network.carry({ ...lane, direction: 'up' }, () => {
            const from = `poll-${++this.#polls}`
            this.#answers.set(from, (answer, answeredAt) => {
              this.wires.network.carry({ ...lane, direction: 'down' }, () => answered(answer, answeredAt))
            })
            this.room.current?.post({ type: 'polled', from, member: id })
          })
        },
      }),
    )
  }

  send(member: MemberProcess, message: MemberMessage): void {
    this.bench.note(member.bootId, 'sends', message, message.sequence)
    this.wires.up(member, message)
  }

  believes(member: MemberProcess): void {
    if (this.bench.conditions.profile === 'beyond') return
    if (isOnceName(member.group)) return this.onces.believes(member)
    this.#beliefs.get(member.group)?.update(member.bootId, member.belief(), this.bench.now)
  }

  beliefOf(member: MemberProcess) {
    return member.belief()
  }

  pollBeliefOf(client: PollClient) {
    return this.#pollBeliefs.of(client.process)
  }

  drainMs(member: MemberProcess, _items: readonly Holding[]): number | undefined {
    if (isOnceName(member.group)) return this.onces.drainMs(member)
    const { work } = member
    const { bench } = this
    const { drainLimitMs, heartbeatMs } = bench.conditions.timing
    if (bench.has('drainOverrun') && work.next() < 0.1) {
      bench.count('drainOverrun')
      return work.next() < 0.5 ? undefined : drainLimitMs * (1 + work.next())
    }
    if (bench.has('slowDrain') && work.next() < 0.3) {
      bench.count('slowDrain')
      return drainLimitMs * work.next()
    }
    return work.next() < 0.5 ? 0 : exponential(work, heartbeatMs / 4)
  }

  write(member: MemberProcess, holding: Holding): void {
    const { share } = member.machine.view()
    if (share === undefined) return
    const { leaseMs } = this.bench.conditions.timing
    const { work } = member
    const delayMs = work.next() < 0.2 ? leaseMs * 3 * work.next() : this.bench.conditions.delayMs
    const { item, of = 1 } = holding
    // A key that is this index's: hash(key) mod total + 1 === index.
    const key = item - 1 + of * work.below(2)
    this.bench.agenda.after(delayMs, () => this.#ledgers.get(member.group)?.write(share, holding, key))
  }

  rejects(member: MemberProcess): void {
    this.wires.hangUp(member, this.bench.conditions.timing.heartbeatMs)
  }

  happened(member: MemberProcess, effect: MemberEffect): void {
    if (this.bench.story !== undefined) this.#tellOf(member, effect)
    if (effect.type !== 'changed') this.bench.note(member.bootId, effect.type, 'items' in effect ? effect : undefined)
    this.watchers.memberDid(member, effect)
    if (member.final && this.members.includes(member)) this.bench.agenda.after(0, () => this.#retire(member))
  }

  #tellOf(member: MemberProcess, effect: MemberEffect): void {
    const { held } = member.machine.view()
    const state = held.size + member.machine.draining.length > 0 ? 'holds' : 'up'
    const items = 'items' in effect ? this.bench.teller.items(effect.items) : ''
    const because = 'because' in effect ? `, ${effect.because}` : ''
    const { story } = this.bench
    const last = story?.at(-1)
    // A change without words only changes how its line is drawn from here on.
    if (effect.type !== 'changed')
      this.bench.tell({ who: member.bootId, what: effect.type, detail: items + because, state })
    else if (story !== undefined && last?.who === member.bootId) story[story.length - 1] = { ...last, state }
  }

  stoodStill(member: MemberProcess, still: boolean): void {
    const { held } = member.machine.view()
    const what = still ? 'stands still' : 'goes on'
    this.bench.tell({ who: member.bootId, what, state: still ? 'still' : held.size > 0 ? 'holds' : 'up' })
  }

  coordinatorStill(still: boolean): void {
    this.bench.tell({ who: 'server', what: still ? 'stands still' : 'goes on', state: still ? 'still' : 'up' })
  }

  stepped(member: MemberProcess, input: MemberInput | Tick): void {
    this.bench.steps++
    if (input.type === 'woke') return
    const detail = input.type === 'received' ? input.message : input
    this.bench.note(member.bootId, input.type, detail, input.type === 'received' ? keyOf(input.message) : 0)
  }

  coordinatorStepped(coordinator: CoordinatorProcess, input: CoordinatorInput | Tick): void {
    this.bench.steps++
    this.watchers.coordinatorSteps(coordinator, input)
    if (input.type === 'woke') return
    const detail = input.type === 'received' ? input.message : input
    this.bench.note('server', input.type, detail, input.type === 'received' ? keyOf(input.message) : 0)
  }

  perform(coordinator: CoordinatorProcess, effect: CoordinatorEffect): void {
    switch (effect.type) {
      case 'persist':
        this.bench.note('server', 'persists', effect, effect.ticket)
        this.watchers.orders.persists(coordinator, effect.ticket, effect.foundation)
        return this.room.persist(coordinator, effect.ticket, effect.foundation)
      case 'emit':
        this.bench.note('server', 'emits', effect, 0)
        if (this.bench.story !== undefined) this.#tellEvent(effect.group, effect.event)
        return this.watchers.coordinatorSaid(coordinator, effect.group, effect.event)
      case 'send':
        return this.#coordinatorSends(coordinator, effect)
    }
  }

  #tellEvent(group: string, event: GroupEvent): void {
    const whom = 'member' in event ? event.member : group
    const what = 'index' in event ? `${event.index}/${event.total}` : 'partition' in event ? `${event.partition}` : ''
    const because = 'because' in event ? `, ${event.because}` : ''
    this.bench.tell({ who: 'server', what: event.type, detail: `${what} ${whom}${because}`.trim() })
  }

  #coordinatorSends(from: CoordinatorProcess, { to, message }: Extract<CoordinatorEffect, { type: 'send' }>): void {
    if (message.type === 'share' || message.type === 'concluded') this.onces.coordinatorSends(from, message)
    switch (message.type) {
      case 'polled': {
        const answer = this.#answers.get(String(to))
        this.#answers.delete(String(to))
        return answer?.(message, this.bench.now)
      }
      case 'removed':
        return
      case 'ordered':
      case 'failed':
        this.bench.note('server', 'replies', message)
        return this.watchers.coordinatorReplies(from, to, message)
      case 'share':
        this.bench.note('server', 'answers', message, message.order)
        this.#ledgers.get(message.group)?.said(message)
        this.watchers.coordinatorAnswers(from, message)
        return this.wires.down(to, message)
      default:
        return this.wires.down(to, message)
    }
  }
}

const keyOf = (message: { readonly type: string; readonly sequence?: number; readonly order?: number }): number =>
  (message.sequence ?? 0) * 31 + (message.order ?? 0)

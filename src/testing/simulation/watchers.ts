import type { CallerMessage, CoordinatorInput } from '../../core/group/coordinator.ts'
import { electionOf } from '../../core/group/elections.ts'
import type { MemberEffect } from '../../core/group/member.ts'
import type { ShareMessage } from '../../core/group/messages.ts'
import { isOnceName } from '../../core/group/onces.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Address } from '../../core/group/session.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import type { Instant } from '../../core/time.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import { Identities } from './identities.ts'
import type { MemberProcess } from './member-process.ts'
import type { Onces } from './onces.ts'
import { OrderBook } from './order-book.ts'
import { checkPlaces, Places } from './places.ts'
import { Promises } from './promises.ts'
import { POLL_GROUP, type ServerRoom } from './server-room.ts'
import { checkPlans, checkSettled, keyed, orderOf } from './settlement.ts'
import { Tenures } from './tenures.ts'
import { must, Violation } from './violation.ts'

/** Invariants about what the coordinator and the members say of themselves, one event at a time. */
export class Watchers {
  readonly #bench: Bench
  readonly #room: ServerRoom
  /** Has rules of its own for what runs only once. */
  readonly #onces: Onces
  readonly #random: Random
  /** What was said in the present step, which is judged once it is over. */
  #step: { coordinator: CoordinatorProcess; at: Instant; events: Map<string, GroupEvent[]> } | undefined
  #orders = new Map<string, readonly string[]>()
  #run = 0
  #promises: { run: number; groups: Map<string, Promises> } = { run: 0, groups: new Map() }
  /** Who said to be on its way out, and whoever says so in the present step. */
  readonly #leaving = new Set<string>()
  /** The process that each member is, as far as the coordinator says. */
  readonly #processes = new Map<string, string>()
  #leaver: { readonly group: string; readonly member: string } | undefined
  readonly #identities: Identities
  readonly orders: OrderBook
  readonly #places = new Places()
  readonly #tenures = new Tenures()
  /** Since when each member waits for its first share. */
  readonly waiting = new Map<string, number>()
  /** While true, everybody is alive and nobody comes or goes, so nothing may move. */
  mustStay = false

  constructor(bench: Bench, room: ServerRoom, onces: Onces) {
    this.#bench = bench
    this.#room = room
    this.#onces = onces
    this.#random = bench.random.fork('watchers')
    this.#identities = new Identities(bench)
    this.orders = new OrderBook(bench)
  }

  /** How long a newcomer may wait for its share while others come and go. */
  get patienceMs(): number {
    const { settleMs, settleCapMs, drainLimitMs } = this.#room.settings
    return (
      settleCapMs + drainLimitMs + settleMs + this.#room.longestGroupLeaseMs * 1.1 + 10 * this.#bench.conditions.delayMs
    )
  }

  started(member: MemberProcess): void {
    this.#identities.started(member)
  }

  memberDid(member: MemberProcess, effect: MemberEffect): void {
    const { profile } = this.#bench.conditions
    this.#identities.memberDid(member, effect)
    if (isOnceName(member.group)) return this.#onces.memberDid(member, effect)
    if (effect.type === 'granted') {
      const { validUntil } = member.machine.view()
      must(member.read() < validUntil, 'Told', () => `${member.bootId} was told to use what was over at ${validUntil}`)
    }
    if (effect.type === 'drain') {
      const { held } = member.machine.view()
      const vain = effect.items.find(({ item, of }) => of !== undefined && held.get(item)?.of === of)
      must(vain === undefined, 'S2', () => `${member.bootId} drains ${vain?.item} of ${vain?.of}, and goes on with it`)
    }
    const moved = effect.type === 'lost' || effect.type === 'drain' || effect.type === 'granted'
    if (this.mustStay && moved) {
      throw new Violation('G7', `${member.bootId}: ${JSON.stringify(effect)} though everybody is alive`)
    }
    if (this.mustStay && effect.type === 'refused' && member.final) {
      throw new Violation('G7', `${member.bootId} was refused in a failover: ${effect.refusal.message}`)
    }
    if (profile === 'quiet' && effect.type === 'lost') {
      throw new Violation('G5', `${member.bootId} lost its share without any fault: ${JSON.stringify(effect)}`)
    }
  }

  coordinatorSteps(coordinator: CoordinatorProcess, input: CoordinatorInput | Tick): void {
    this.judge()
    this.#leaver = undefined
    this.#step = { coordinator, at: coordinator.read(), events: new Map() }
    if (input.type === 'evicted') this.#identities.evicted(input.group, input.member)
    if (input.type === 'ordered') this.orders.taken(coordinator, input.from)
    if (input.type === 'persisted') this.orders.persisted(coordinator, input.ticket)
    if (input.type !== 'received') return
    const { message } = input
    if (isOnceName(message.group)) return this.#onces.coordinatorHears(coordinator, message)
    this.#promisesOf(coordinator, message.group).heard(message)
    if (message.type !== 'renew') return
    this.#places.heard(coordinator, message)
    if (message.leaving !== true) return
    const { group, member, bootId } = message
    this.#leaver = { group, member }
    this.#leaving.add(`${group}/${member} ${bootId}`)
    // What is to be said about it may be nothing, and must be judged all the same.
    this.#eventsOf(group)
  }

  #eventsOf(group: string): GroupEvent[] {
    const events = this.#step?.events.get(group) ?? []
    this.#step?.events.set(group, events)
    return events
  }

  /** An answer to an operator. */
  coordinatorReplies(coordinator: CoordinatorProcess, to: Address, message: CallerMessage): void {
    const done = this.orders.answers(coordinator, to, message)
    if (done !== undefined && done.order.type !== 'freeze') this.#places.disturbed(coordinator, done.group)
  }

  coordinatorAnswers(coordinator: CoordinatorProcess, message: ShareMessage): void {
    // What is over is known by its name there, and not by who was in it.
    if (isOnceName(message.group)) return
    this.#identities.coordinatorAnswers(coordinator, message)
    this.orders.coordinatorAnswers(coordinator, message)
    this.#places.said(coordinator, message)
    this.#processes.set(`${message.group}/${message.member}`, message.bootId)
    this.#promisesOf(coordinator, message.group).said(message, coordinator.read())
  }

  #promisesOf({ run }: CoordinatorProcess, group: string): Promises {
    if (this.#promises.run !== run) this.#promises = { run, groups: new Map() }
    const promises = this.#promises.groups.get(group) ?? new Promises()
    this.#promises.groups.set(group, promises)
    return promises
  }

  /** Judges the last step. Called before the next one, when nothing of it is half done any more. */
  judge(): void {
    const step = this.#step
    this.#step = undefined
    if (step === undefined || !step.coordinator.alive) return
    this.orders.judge(step.coordinator)
    for (const [group, events] of step.events) {
      const view = step.coordinator.machine.viewOf(group)
      if (view !== undefined && group !== POLL_GROUP) this.#judgeGroup(step.coordinator, step.at, view, events)
    }
  }

  /** Not its namesake of before. */
  #isLeaving(group: string, member: string): boolean {
    return this.#leaving.has(`${group}/${member} ${this.#processes.get(`${group}/${member}`)}`)
  }

  /** What is settled in the end is as it should be, whatever led there. */
  checkEnd(coordinator: CoordinatorProcess): void {
    for (const { name } of this.#bench.conditions.groups) {
      const view = coordinator.machine.viewOf(name)
      if (view?.state !== 'settled') continue
      checkSettled(view, [], false)
      checkPlaces(view, () => false)
    }
  }

  #judgeGroup(coordinator: CoordinatorProcess, at: Instant, view: GroupView, events: readonly GroupEvent[]): void {
    const group = view.name
    if (view.state === 'settled' && events.some(({ type }) => type === 'group.settled')) {
      const previous = coordinator.run === this.#run ? (this.#orders.get(group) ?? []) : []
      if (coordinator.run !== this.#run) this.#orders = new Map()
      this.#run = coordinator.run
      // Whoever is on its way out is still a member, and is given nothing.
      const kept = new Set(view.kept?.map(({ id }) => id))
      const lacking = view.members.some(({ id }) => this.#isLeaving(group, id) && !kept.has(id))
      checkSettled(view, previous, lacking)
      checkPlans(view, this.#random)
      this.#orders.set(group, orderOf(view))
    }
    // Whoever is drained has no place, and comes last when it is given one again.
    const drained = new Set(view.members.flatMap((member) => (member.drained === true ? keyed(member) : [])))
    const order = this.#orders.get(group)
    if (order !== undefined && drained.size > 0)
      this.#orders.set(
        group,
        order.filter((id) => !drained.has(id)),
      )
    const leaving = (member: string) => this.#isLeaving(group, member)
    // It keeps no places.
    if (view.share === 'tenure') return this.#tenures.stepped(coordinator.run, view, { events, leaving })
    this.#places.stepped(coordinator, view, {
      events,
      leaver: this.#leaver?.group === group ? this.#leaver.member : undefined,
      leaving,
      at,
    })
  }

  coordinatorSaid(coordinator: CoordinatorProcess, group: string, event: GroupEvent): void {
    const bench = this.#bench
    const { profile } = bench.conditions
    const key = 'member' in event ? `${group}/${event.member}` : group
    this.#identities.coordinatorSaid(coordinator, group, event, this.#room.settingsOf(group).leaseMs)
    if (isOnceName(group)) return this.#onces.coordinatorSaid(coordinator, group, event)
    this.orders.coordinatorSaid(coordinator, group, event)
    this.#eventsOf(group).push(event)
    switch (event.type) {
      case 'member.expired':
        must(profile !== 'quiet', 'G5', () => `${event.member} of ${group} expired without any fault`)
        must(profile !== 'stalls', 'G5', () => `${event.member} of ${group} expired while the coordinator stood still`)
        must(!this.mustStay, 'G7', () => `${event.member} of ${group} expired in a failover`)
        this.waiting.delete(key)
        return
      case 'member.left':
        this.waiting.delete(key)
        return
      case 'member.joined':
        // Whoever waits for another to resign waits for as long as that takes.
        if (electionOf(group) !== undefined) return
        if (!this.waiting.has(key) && !bench.has('weights') && !bench.has('orders')) this.waiting.set(key, bench.now)
        return
      case 'slot.granted':
      case 'partition.granted': {
        const since = this.waiting.get(key)
        this.waiting.delete(key)
        if (since !== undefined && profile === 'churn') this.#checkPatience(key, since)
        return
      }
      case 'slot.revoked':
      case 'partition.revoked':
      case 'tenure.revoked':
        must(!this.mustStay, 'G7', () => `${event.member} of ${group} was asked to let go in a failover`)
        return
      default:
    }
  }

  #checkPatience(key: string, since: number): void {
    const waited = this.#bench.now - since
    must(
      waited <= this.patienceMs,
      'G6',
      () => `${key} waited for ${waited} ms for its share, more than ${this.patienceMs}`,
    )
  }

  /** Those who have been waiting for too long while others come and go. */
  checkChurn(): void {
    for (const [key, since] of this.waiting) if (!key.startsWith(`${POLL_GROUP}/`)) this.#checkPatience(key, since)
  }
}

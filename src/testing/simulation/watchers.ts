import type { CoordinatorInput } from '../../core/group/coordinator.ts'
import type { MemberEffect } from '../../core/group/member.ts'
import type { ShareMessage } from '../../core/group/messages.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import { Identities } from './identities.ts'
import type { MemberProcess } from './member-process.ts'
import { Promises } from './promises.ts'
import { POLL_GROUP, type ServerRoom } from './server-room.ts'
import { checkPlans, checkSettled, orderOf } from './settlement.ts'
import { must, Violation } from './violation.ts'

/** Invariants about what the coordinator and the members say of themselves, one event at a time. */
export class Watchers {
  readonly #bench: Bench
  readonly #room: ServerRoom
  readonly #random: Random
  /** Groups whose state must be judged once the step is over. */
  readonly #settled: { coordinator: CoordinatorProcess; group: string }[] = []
  #orders = new Map<string, readonly string[]>()
  #run = 0
  #promises: { run: number; groups: Map<string, Promises> } = { run: 0, groups: new Map() }
  /** Who said to be on its way out, and whoever says so in the present step. */
  readonly #leaving = new Set<string>()
  #leaver: string | undefined
  readonly #identities: Identities
  /** Since when each member waits for its first share. */
  readonly waiting = new Map<string, number>()
  /** While true, everybody is alive and nobody comes or goes, so nothing may move. */
  mustStay = false

  constructor(bench: Bench, room: ServerRoom) {
    this.#bench = bench
    this.#room = room
    this.#random = bench.random.fork('watchers')
    this.#identities = new Identities(bench)
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
    if (effect.type === 'granted') {
      const { validUntil } = member.machine.view()
      must(member.read() < validUntil, 'Told', () => `${member.bootId} was told to use what was over at ${validUntil}`)
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
    if (input.type === 'evicted') this.#identities.evicted(input.group, input.member)
    if (input.type !== 'received') return
    this.#promisesOf(coordinator, input.message.group).heard(input.message)
    if (input.message.type !== 'renew' || input.message.leaving !== true) return
    this.#leaver = `${input.message.group}/${input.message.member}`
    this.#leaving.add(this.#leaver)
  }

  coordinatorAnswers(coordinator: CoordinatorProcess, message: ShareMessage): void {
    this.#identities.coordinatorAnswers(coordinator, message)
    this.#promisesOf(coordinator, message.group).said(message, coordinator.read())
  }

  #promisesOf({ run }: CoordinatorProcess, group: string): Promises {
    if (this.#promises.run !== run) this.#promises = { run, groups: new Map() }
    const promises = this.#promises.groups.get(group) ?? new Promises()
    this.#promises.groups.set(group, promises)
    return promises
  }

  /** Judges what the last step settled. Called before the next one, when nothing of it is half done any more. */
  judge(): void {
    for (let settled = this.#settled.pop(); settled !== undefined; settled = this.#settled.pop()) {
      const { coordinator, group } = settled
      const view = coordinator.machine.viewOf(group)
      if (view === undefined || view.state !== 'settled' || !coordinator.alive) continue
      if (group === POLL_GROUP) continue
      const previous = coordinator.run === this.#run ? (this.#orders.get(group) ?? []) : []
      if (coordinator.run !== this.#run) this.#orders = new Map()
      this.#run = coordinator.run
      // Whoever is on its way out is still a member, and is given nothing.
      const lacking = view.members.some(({ id }) => this.#leaving.has(`${group}/${id}`))
      checkSettled(view, previous, lacking)
      checkPlans(view, this.#random)
      this.#orders.set(group, orderOf(view))
    }
  }

  coordinatorSaid(coordinator: CoordinatorProcess, group: string, event: GroupEvent): void {
    const bench = this.#bench
    const { profile } = bench.conditions
    const key = 'member' in event ? `${group}/${event.member}` : group
    this.#identities.coordinatorSaid(coordinator, group, event, this.#room.settingsOf(group).leaseMs)
    switch (event.type) {
      case 'group.settled':
        this.#settled.push({ coordinator, group })
        return
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
        if (this.#leaver !== key) this.#leaving.delete(key)
        if (!this.waiting.has(key)) this.waiting.set(key, bench.now)
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
        must(!this.mustStay, 'G7', () => `${event.member} of ${group} was asked to let go in a failover`)
        return
      case 'group.settling':
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

import { EpochSource, type Generation, generationOf, MAX_GENERATION_LEAD } from '../lease.ts'
import { invariant, type Machine, type Tick } from '../machine.ts'
import { groupOfService } from '../registry/services.ts'
import { pictureOf, type ServicePicture } from '../registry/view.ts'
import type { Instant } from '../time.ts'
import { briefOf, type CoordinatorBrief } from './brief.ts'
import { Ceilings } from './ceilings.ts'
import { highestIn } from './claims.ts'
import type {
  CallerMessage,
  CoordinatorEffect,
  CoordinatorInput,
  CoordinatorOptions,
  CoordinatorView,
  Seat,
} from './coordinator-io.ts'
import { ceilingUntil, type Foundation } from './foundation.ts'
import { Group } from './group.ts'
import type { GroupHost } from './group-host.ts'
import { Ledger } from './ledger.ts'
import {
  type CoordinatorMessage,
  type MemberMessage,
  PROTOCOL,
  type Renew,
  type ShareKind,
  sameShare,
} from './messages.ts'
import { NextGeneration } from './next-generation.ts'
import { OrderBook } from './order-book.ts'
import { PollGroup, type PollSettings } from './poll-group.ts'
import type { GroupEvent } from './reasons.ts'
import * as refusals from './refusals.ts'
import { RollCall } from './roll-call.ts'
import { hasRoomFor } from './room.ts'
import { Runs } from './runs.ts'
import type { Address } from './session.ts'
import { testamentOf } from './testament.ts'
import { type GroupHead, type GroupView, headOfGroup, viewOfGroup, viewOfPollGroup } from './view.ts'

export { configuredLeases } from './configured-leases.ts'
export type { CallerMessage, CoordinatorEffect, CoordinatorInput, CoordinatorOptions, CoordinatorView }

/** Many groups under one generation: admits members, forgets idle groups, and takes a new generation when it must. */
export class Coordinator implements Machine<CoordinatorInput, CoordinatorEffect, CoordinatorView> {
  readonly #options: CoordinatorOptions
  readonly #ceilings: Ceilings
  readonly #epochs: EpochSource
  readonly #groups = new Map<string, Group>()
  /** Groups whose share nobody has named yet. */
  readonly #assumed = new Set<string>()
  readonly #poll: PollGroup | undefined
  readonly #rollCall: RollCall
  readonly #ledger: Ledger
  readonly #orders: OrderBook
  readonly #runs: Runs
  #effects: CoordinatorEffect[] = []
  readonly #next: NextGeneration
  /** No later than the first instant at which anything changes by the clock. Waking early does no harm, a search per input does. */
  #wakeAt: Instant = Number.POSITIVE_INFINITY

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#rollCall = new RollCall(options.roll)
    this.#ledger = new Ledger(options.foundation, (ticket, foundation) =>
      this.#effects.push({ type: 'persist', ticket, foundation }),
    )
    this.#next = new NextGeneration(this.#ledger, (...renewal) => this.#renewed(...renewal))
    this.#orders = new OrderBook(options.foundation.orders, {
      ledger: this.#ledger,
      groupOf: (name) => this.#groups.get(name),
      mayBeHeldFromBefore: (name, now) =>
        !options.fresh && now < ceilingUntil(options.foundation, name, options.startedAt),
      isPolled: (name) => name === this.#poll?.name,
      answer: (to, message, now) => {
        this.#send(to, message)
        this.#wakeBy(now)
      },
    })
    this.#epochs = new EpochSource(options.foundation.generation)
    this.#runs = new Runs(options, {
      ledger: this.#ledger,
      generation: () => this.generation,
      groupOf: (name) => this.#groups.get(name),
      forget: (name) => this.#forget(name),
      emit: (group, event) => this.#effects.push({ type: 'emit', group, event }),
      send: (to, message) => this.#send(to, message),
      wakeBy: (at) => this.#wakeBy(at),
    })
    this.#ceilings = new Ceilings(options, this.#ledger)
    this.#poll = options.poll && this.#openPollGroup(options.poll)
    for (const [name, settings] of options.groups) {
      if (settings.share !== undefined && settings.share !== 'once') this.#open(name, settings.share)
    }
  }

  get generation(): Generation {
    return this.#epochs.generation
  }

  step(input: CoordinatorInput | Tick, now: Instant): readonly CoordinatorEffect[] {
    this.#effects = []
    this.#take(input, now)
    this.#runs.conclude(now)
    if (!this.#epochs.has(4096)) this.#next.take(this.generation + 1)
    this.#wakeBy(this.#poll?.wakeAt())
    return this.#effects
  }

  #take(input: CoordinatorInput | Tick, now: Instant): void {
    switch (input.type) {
      case 'linked':
        return this.#sayHello(input.from)
      case 'received':
        this.#runs.read(input.wallMs, now)
        this.#receive(input.message, input.from, now)
        return input.present === true ? this.#isThere(input.message, true, now) : undefined
      case 'gone':
        return this.#isThere(input, false, now)
      case 'polled':
        return this.#polled(input.member, input.from, now)
      case 'pollerLeft':
        return this.#send(input.from, {
          type: 'removed',
          found: this.#poll?.remove(input.member, 'left', now) ?? false,
        })
      case 'evicted':
        return this.#evict(input, now)
      case 'ordered':
        return this.#orders.take(input, now)
      case 'persisted':
      case 'persistFailed':
        return this.#ledger.ended(input.ticket, input.type === 'persisted', now)
      case 'woke':
        return this.#woke(now)
      case 'stalled':
        for (const group of this.#groups.values()) group.stalled(input.forMs)
        this.#poll?.stalled(input.forMs)
    }
  }

  #receive(message: MemberMessage, from: Address, now: Instant): void {
    if (message.type === 'leave') {
      const group = this.#groups.get(message.group)
      this.#rollCall.of(message.group).answered(message.bootId)
      if (group !== undefined) {
        group.leave(message, from, now)
        if (group.end !== undefined) this.#runs.ended(group.name)
        return this.#wakeBy(group.wakeAt())
      }
      this.#runs.left(message, now)
      return this.#send(from, { type: 'left', group: message.group, member: message.member, bootId: message.bootId })
    }
    if (message.group === this.#poll?.name) {
      return this.#refuse(from, message, refusals.ofPollClients(message.group))
    }
    const misnamed =
      this.#knows(message) && message.share === undefined ? undefined : refusals.misnamed(message.group, message.share)
    if (misnamed !== undefined) return this.#refuse(from, message, misnamed)
    const answer = this.#runs.answer(message, now)
    if (answer !== undefined) return 'type' in answer ? this.#send(from, answer) : this.#refuse(from, message, answer)
    if (!this.#mayKnow(message, from)) return
    this.#yieldToWhoWasThere(message, now)
    if (this.#isEarly(message, now)) return this.#refuse(from, message, refusals.SHARE_UNKNOWN)
    const group = this.#groups.get(message.group) ?? this.#admitGroup(message, from)
    if (group === undefined) return
    if (message.share !== undefined && sameShare(message.share, group.share)) this.#assumed.delete(group.name)
    if (!hasRoomFor(group, message.member, this.#options.limits.membersPerGroup)) {
      return this.#refuse(from, message, refusals.isFull(message.group, this.#options.limits.membersPerGroup))
    }
    group.renew(message, from, now)
    this.#wakeBy(group.wakeAt())
    this.#forgetIfIdle(group)
  }

  #isThere(seat: Seat, isThere: boolean, now: Instant): void {
    const group = this.#groups.get(seat.group)
    group?.isThere(seat, isThere, now)
    this.#wakeBy(group?.wakeAt())
  }

  /** Whoever is there need not say again what it shares. */
  #knows({ group, member, bootId }: Renew): boolean {
    return this.#groups.get(group)?.sessions.get(member)?.bootId === bootId
  }

  /**
   * After a restart a member that does not care which share it gets may come before those who do. Whoever names a share and was there
   * before decides, for as long as nothing was granted; otherwise they would be refused for good.
   */
  #yieldToWhoWasThere({ group: name, share, generation, incarnation }: Renew, now: Instant): void {
    const group = this.#groups.get(name)
    if (group === undefined || share === undefined || !this.#assumed.has(name) || sameShare(share, group.share)) return
    // Its members hold nothing yet, and join again with their next renewal.
    const wasThere = incarnation !== undefined && generationOf(incarnation) < this.generation
    if (wasThere && generation === this.generation && group.epoch === 0) this.#open(name, share).replaces(group, now)
  }

  /**
   * After a restart a member that weighs something, and holds nothing, may come before anybody has said that there are partitions. It is
   * not refused for good on the strength of an assumption, as long as somebody who knows may come.
   */
  #isEarly({ group: name, share, weight = 1, incarnation }: Renew, now: Instant): boolean {
    if (share !== undefined || weight === 1 || this.#options.groups.get(name)?.share !== undefined) return false
    if (this.#groups.has(name) && !this.#assumed.has(name)) return false
    const wasThere = incarnation !== undefined && generationOf(incarnation) < this.generation
    return wasThere && now < ceilingUntil(this.#options.foundation, name, this.#options.startedAt)
  }

  #forgetIfIdle(group: Group): void {
    // What has ended in this step is concluded at the end of it.
    if (!group.idle || group.end !== undefined || this.#options.groups.get(group.name)?.share !== undefined) return
    this.#forget(group.name)
  }

  #forget(name: string): void {
    this.#groups.delete(name)
    this.#assumed.delete(name)
    this.#runs.closed(name)
  }

  /**
   * Epochs rise over all coordinators: one that meets an epoch which it never gave takes a later generation than that one's. (It
   * has no store, and was started within the same second or with a wall clock that went back.) A claim far ahead is refused, so
   * that one message cannot use up the numbers.
   */
  #mayKnow(message: Renew, from: Address): boolean {
    const highest = highestIn(message)
    if (highest <= this.#epochs.last) return true
    const claimed = generationOf(highest)
    // Counted from the start and not from where earlier claims have led to: many small steps must not use them up either.
    if (claimed > this.#options.foundation.generation + MAX_GENERATION_LEAD) {
      this.#refuse(from, message, refusals.tooFarAhead(claimed, this.generation))
    } else {
      this.#next.take(claimed + 1)
      this.#refuse(from, message, refusals.TAKING_GENERATION)
      this.#next.greet(from)
    }
    return false
  }

  #renewed(generation: Generation, toGreet: ReadonlySet<Address>, now: Instant): void {
    this.#epochs.renew(generation)
    const addresses = new Set(toGreet)
    for (const group of this.#groups.values()) {
      for (const { address } of group.sessions.values()) addresses.add(address)
    }
    for (const address of addresses) this.#sayHello(address)
    for (const group of this.#groups.values()) group.advance(now)
    this.#poll?.woke(now)
    this.#wakeBy(now)
  }

  #admitGroup(message: Renew, from: Address): Group | undefined {
    const { groups: limit } = this.#options.limits
    if (this.#groups.size >= limit) {
      this.#refuse(from, message, refusals.hasAllGroups(limit))
      return undefined
    }
    const configured = this.#options.groups.get(message.group)?.share
    if (configured === undefined && message.share === undefined) this.#assumed.add(message.group)
    return this.#open(message.group, configured ?? message.share ?? 'index')
  }

  #open(name: string, share: ShareKind): Group {
    const { groups, defaults } = this.#options
    const until = this.#ceilings.until(name)
    const epochs = this.#epochs
    const host: GroupHost = {
      ...this.#epochDesk(),
      // Not among what is spread: a spread reads a getter once, and the group would keep the generation it was opened under.
      get generation() {
        return epochs.generation
      },
      send: (to, message) => this.#send(to, message),
      sayHello: (to) => this.#sayHello(to),
      emit: (group, event) => this.#effects.push({ type: 'emit', group, event }),
      ended: (group) => this.#runs.ended(group),
    }
    const settings = groups.get(name) ?? defaults
    const standing = { roll: this.#rollCall.of(name), orders: this.#orders.of(name) }
    const instant = this.#runs.open(name)
    const group = new Group({ name, share, settings, ceilingUntil: until, instant, ...standing }, host)
    this.#groups.set(name, group)
    return group
  }

  #openPollGroup(poll: PollSettings & { group: string }): PollGroup {
    const { foundation, startedAt, fresh } = this.#options
    const until = fresh ? startedAt : ceilingUntil(foundation, poll.group, startedAt)
    const emit = (event: GroupEvent) => void this.#effects.push({ type: 'emit', group: poll.group, event })
    return new PollGroup(poll.group, poll, until, { ...this.#epochDesk(), emit })
  }

  #epochDesk() {
    const epochs = this.#epochs
    return {
      nextEpoch: () => epochs.next(),
      // Kept back while a later generation is on its way: what is granted now would be overtaken at once.
      hasEpoch: () => epochs.has(1) && !this.#next.isComing,
    }
  }

  #polled(member: string, from: Address, now: Instant): void {
    const poll = this.#poll
    invariant(poll !== undefined, 'only a server that speaks the wire of bloc takes its polls')
    if (!poll.has(member) && poll.size >= this.#options.limits.membersPerGroup) {
      return this.#send(from, { type: 'failed', ...refusals.isFull(poll.name, this.#options.limits.membersPerGroup) })
    }
    const answer = poll.poll(member, now)
    if (answer !== undefined) return this.#send(from, { type: 'polled', ...answer })
    this.#send(from, { type: 'failed', ...refusals.TAKING_GENERATION })
  }

  #evict({ from, group, member }: { from: Address; group: string; member: string }, now: Instant): void {
    const found =
      group === this.#poll?.name
        ? this.#poll.remove(member, 'evicted', now)
        : (this.#groups.get(group)?.evict(member, now) ?? false)
    this.#send(from, { type: 'removed', found })
    this.#wakeBy(this.#groups.get(group)?.wakeAt())
  }

  #wakeBy(at: Instant | undefined): void {
    if (at !== undefined && at < this.#wakeAt) this.#wakeAt = at
  }

  #woke(now: Instant): void {
    this.#wakeAt = Number.POSITIVE_INFINITY
    for (const group of this.#groups.values()) {
      if ((group.wakeAt() ?? Number.POSITIVE_INFINITY) <= now) group.woke(now)
      this.#wakeBy(group.wakeAt())
      this.#forgetIfIdle(group)
    }
    this.#poll?.woke(now)
    this.#ceilings.woke(now)
  }

  /**
   * What a coordinator leaves behind that gives out nothing more: the foundation, with the roll of those who hold something, and of those who
   * have not been heard since before its start. Without a roll when nobody knows who these are.
   */
  testament(now: Instant): Foundation {
    const { foundation } = this.#ledger
    const overtaken = this.#ceilings.areOver(now)
    const missing = overtaken ? {} : this.#rollCall.missing
    const polled = this.#poll?.mayBeBelieved(now) ? this.#poll.name : undefined
    return testamentOf({ foundation, missing, groups: this.#groups.values(), polled }, now)
  }

  #sayHello(to: Address): void {
    const { clusterId, instanceId } = this.#options
    this.#send(to, { type: 'hello', protocol: PROTOCOL, clusterId, instanceId, generation: this.generation })
  }

  #send(to: Address, message: CoordinatorMessage | CallerMessage): void {
    this.#effects.push({ type: 'send', to, message })
  }

  #refuse(to: Address, { group, member, bootId }: Renew, refusal: refusals.Refusal): void {
    this.#send(to, { type: 'refused', group, member, bootId, ...refusal })
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(this.#wakeAt, this.#ceilings.wakeAt)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  view(): CoordinatorView {
    const { clusterId, instanceId } = this.#options
    const groups = [...this.#groups.values()].map(viewOfGroup)
    if (this.#poll !== undefined) groups.push(viewOfPollGroup(this.#poll))
    return { clusterId, instanceId, generation: this.generation, groups }
  }

  /** The same at a glance. */
  brief(): CoordinatorBrief {
    const { generation } = this
    return briefOf({ ...this.#options, generation }, this.#groups.values(), this.#poll)
  }

  /** What is known of a service at `now`, also when nobody is there. */
  service(name: string, now: Instant): ServicePicture {
    const group = groupOfService(name)
    return pictureOf(this.#groups.get(group), this.#rollCall.of(group).complete ? 0 : this.#ceilings.until(group) - now)
  }

  /** The same in so few words that the number of members does not matter. */
  headOf(name: string): GroupHead | undefined {
    const group = this.#groups.get(name)
    return group && headOfGroup(group)
  }

  /** One group's picture, without making those of all others. */
  viewOf(name: string): GroupView | undefined {
    if (name === this.#poll?.name) return viewOfPollGroup(this.#poll)
    const group = this.#groups.get(name)
    return group && viewOfGroup(group)
  }
}

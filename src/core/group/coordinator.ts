import { EpochSource, type Generation, generationOf, MAX_GENERATION, MAX_GENERATION_LEAD } from '../lease.ts'
import { invariant, type Machine, type Tick } from '../machine.ts'
import type { Instant } from '../time.ts'
import type { GroupSettings } from './book.ts'
import {
  type ConfiguredLeases,
  ceilingUntil,
  type Foundation,
  lowerAt,
  loweredFoundation,
  sameFoundation,
} from './foundation.ts'
import { Group, type GroupHost } from './group.ts'
import {
  type CoordinatorMessage,
  type MemberMessage,
  PROTOCOL,
  type RefusalCode,
  type Renew,
  type ShareKind,
  sameShare,
} from './messages.ts'
import { POLL_LEASE_INTERVALS, type PollAnswer, PollGroup, type PollSettings } from './poll-group.ts'
import type { GroupEvent } from './reasons.ts'
import type { Address } from './session.ts'
import { type GroupView, viewOfGroup, viewOfPollGroup } from './view.ts'

export interface CoordinatorOptions {
  readonly clusterId: string
  readonly instanceId: string
  /** Already durable, where there is a store. */
  readonly foundation: Foundation
  readonly startedAt: Instant
  /** The operator's word (or `embedded`'s nature) that nobody holds anything from before. */
  readonly fresh: boolean
  readonly defaults: GroupSettings
  /** Groups with settings, or a share, of their own. */
  readonly groups: ReadonlyMap<string, GroupSettings & { readonly share?: ShareKind }>
  /** The group of bloc's wire, if that is spoken here. */
  readonly poll?: PollSettings & { readonly group: string }
  readonly limits: { readonly groups: number; readonly membersPerGroup: number }
}

export type CoordinatorInput =
  | { readonly type: 'linked'; readonly from: Address }
  | { readonly type: 'received'; readonly from: Address; readonly message: MemberMessage }
  | { readonly type: 'polled'; readonly from: Address; readonly member: string }
  | { readonly type: 'pollerLeft'; readonly from: Address; readonly member: string }
  | { readonly type: 'evicted'; readonly from: Address; readonly group: string; readonly member: string }
  | { readonly type: 'persisted'; readonly ticket: number }
  | { readonly type: 'persistFailed'; readonly ticket: number }

/** Answers that are for whoever called, not for a member. */
export type CallerMessage =
  | ({ readonly type: 'polled' } & PollAnswer)
  | { readonly type: 'removed'; readonly found: boolean }
  | { readonly type: 'failed'; readonly code: RefusalCode; readonly message: string }

export type CoordinatorEffect =
  | { readonly type: 'send'; readonly to: Address; readonly message: CoordinatorMessage | CallerMessage }
  | { readonly type: 'emit'; readonly group: string; readonly event: GroupEvent }
  | { readonly type: 'persist'; readonly ticket: number; readonly foundation: Foundation }

export interface CoordinatorView {
  readonly clusterId: string
  readonly instanceId: string
  readonly generation: Generation
  readonly groups: readonly GroupView[]
}

/** What is promised under this configuration, to be durable before it is given. A poll client's answer is a lease of three intervals. */
export const configuredLeases = ({
  defaults,
  groups,
  poll,
}: Pick<CoordinatorOptions, 'defaults' | 'groups' | 'poll'>): ConfiguredLeases => {
  const leases: [string, number][] = [...groups].map(([name, { leaseMs }]) => [name, leaseMs])
  if (poll !== undefined) leases.push([poll.group, POLL_LEASE_INTERVALS * poll.pollIntervalMs])
  return { defaultLeaseMs: defaults.leaseMs, leasesMs: Object.fromEntries(leases) }
}

/** Many groups under one generation: admits members, forgets idle groups, and takes a new generation when it must. */
export class Coordinator implements Machine<CoordinatorInput, CoordinatorEffect, CoordinatorView> {
  readonly #options: CoordinatorOptions
  readonly #leases: ConfiguredLeases
  readonly #epochs: EpochSource
  readonly #groups = new Map<string, Group>()
  /** Groups whose share nobody has named yet. */
  readonly #assumed = new Set<string>()
  readonly #poll: PollGroup | undefined
  #foundation: Foundation
  #effects: CoordinatorEffect[] = []
  #ticket = 0
  /** The generation that is being made durable, and the effect that waits for it. */
  #renewal: { ticket: number; generation: Generation } | undefined
  /** Who showed a claim that made a later generation necessary, and has no session yet. */
  readonly #toGreet = new Set<Address>()
  #lowerAt: Instant | undefined
  /** No later than the first instant at which anything changes by the clock. Waking early does no harm, a search per input does. */
  #wakeAt: Instant = Number.POSITIVE_INFINITY

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#foundation = options.foundation
    this.#epochs = new EpochSource(options.foundation.generation)
    this.#leases = configuredLeases(options)
    const lowered = loweredFoundation(options.foundation.generation, this.#leases)
    if (!sameFoundation(lowered, options.foundation)) this.#lowerAt = lowerAt(options.foundation, options.startedAt)
    this.#poll = options.poll && this.#openPollGroup(options.poll)
    for (const [name, settings] of options.groups) {
      if (settings.share !== undefined) this.#open(name, settings.share)
    }
  }

  get generation(): Generation {
    return this.#epochs.generation
  }

  step(input: CoordinatorInput | Tick, now: Instant): readonly CoordinatorEffect[] {
    this.#effects = []
    this.#take(input, now)
    if (!this.#epochs.has(4096)) this.#takeGeneration(this.generation + 1)
    this.#wakeBy(this.#poll?.wakeAt())
    return this.#effects
  }

  #take(input: CoordinatorInput | Tick, now: Instant): void {
    switch (input.type) {
      case 'linked':
        return this.#sayHello(input.from)
      case 'received':
        return this.#receive(input.message, input.from, now)
      case 'polled':
        return this.#polled(input.member, input.from, now)
      case 'pollerLeft':
        return this.#send(input.from, {
          type: 'removed',
          found: this.#poll?.remove(input.member, 'left', now) ?? false,
        })
      case 'evicted':
        return this.#evict(input, now)
      case 'persisted':
        return this.#persisted(input.ticket, now)
      case 'persistFailed':
        if (this.#renewal?.ticket === input.ticket) this.#renewal = undefined
        this.#toGreet.clear()
        return
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
      if (group !== undefined) {
        group.leave(message, from, now)
        return this.#wakeBy(group.wakeAt())
      }
      return this.#send(from, { type: 'left', group: message.group, member: message.member, bootId: message.bootId })
    }
    if (message.group === this.#poll?.name) {
      return this.#refuse(
        from,
        message,
        'CAUCUS_CONFLICT',
        `the group "${message.group}" belongs to the clients of bloc's wire; join another group`,
      )
    }
    if (!this.#mayKnow(message, from)) return
    this.#yieldToWhoWasThere(message, now)
    const group = this.#groups.get(message.group) ?? this.#admitGroup(message, from)
    if (group === undefined) return
    if (message.share !== undefined && sameShare(message.share, group.share)) this.#assumed.delete(group.name)
    if (!group.sessions.has(message.member) && group.sessions.size >= this.#options.limits.membersPerGroup) {
      return this.#refuse(
        from,
        message,
        'CAUCUS_OVERLOADED',
        `the group "${message.group}" has its limit of ${this.#options.limits.membersPerGroup} members`,
      )
    }
    group.renew(message, from, now)
    this.#wakeBy(group.wakeAt())
    this.#forgetIfIdle(group)
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

  #forgetIfIdle(group: Group): void {
    if (!group.idle || this.#options.groups.get(group.name)?.share !== undefined) return
    this.#groups.delete(group.name)
    this.#assumed.delete(group.name)
  }

  /**
   * Epochs rise over all coordinators: one that meets an epoch which it never gave takes a later generation than that one's. (It
   * has no store, and was started within the same second or with a wall clock that went back.) A claim far ahead is refused, so
   * that one message cannot use up the numbers.
   */
  #mayKnow(message: Renew, from: Address): boolean {
    let highest = message.incarnation ?? 0
    for (const { epoch } of message.holding) highest = Math.max(highest, epoch)
    for (const { epoch } of message.draining) highest = Math.max(highest, epoch)
    for (const { epoch } of message.acknowledged) highest = Math.max(highest, epoch)
    if (highest <= this.#epochs.last) return true
    const claimed = generationOf(highest)
    // Counted from the start and not from where earlier claims have led to: many small steps must not use them up either.
    if (claimed > this.#options.foundation.generation + MAX_GENERATION_LEAD) {
      this.#refuse(
        from,
        message,
        'CAUCUS_PROTOCOL',
        `the claimed generation ${claimed} is too far ahead of ${this.generation}; restart the member`,
      )
    } else {
      this.#takeGeneration(claimed + 1)
      this.#refuse(
        from,
        message,
        'CAUCUS_UNAVAILABLE',
        'the coordinator is taking a new generation; try again in a moment',
      )
      this.#toGreet.add(from)
    }
    return false
  }

  #takeGeneration(generation: Generation): void {
    if (generation > MAX_GENERATION || (this.#renewal?.generation ?? 0) >= generation) return
    const ticket = ++this.#ticket
    this.#renewal = { ticket, generation }
    this.#effects.push({ type: 'persist', ticket, foundation: { ...this.#foundation, generation } })
  }

  #persisted(ticket: number, now: Instant): void {
    if (this.#renewal?.ticket !== ticket) return
    const { generation } = this.#renewal
    this.#renewal = undefined
    this.#foundation = { ...this.#foundation, generation }
    this.#epochs.renew(generation)
    const addresses = new Set(this.#toGreet)
    this.#toGreet.clear()
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
      this.#refuse(from, message, 'CAUCUS_OVERLOADED', `this server has its limit of ${limit} groups`)
      return undefined
    }
    const configured = this.#options.groups.get(message.group)?.share
    if (configured === undefined && message.share === undefined) this.#assumed.add(message.group)
    return this.#open(message.group, configured ?? message.share ?? 'index')
  }

  #open(name: string, share: ShareKind): Group {
    const { foundation, startedAt, fresh, groups, defaults } = this.#options
    const until = fresh ? startedAt : ceilingUntil(foundation, name, startedAt)
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
    }
    const group = new Group(name, share, groups.get(name) ?? defaults, until, host)
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
      hasEpoch: () => epochs.has(1) && this.#renewal === undefined,
    }
  }

  #polled(member: string, from: Address, now: Instant): void {
    const poll = this.#poll
    invariant(poll !== undefined, 'only a server that speaks the wire of bloc takes its polls')
    if (!poll.has(member) && poll.size >= this.#options.limits.membersPerGroup) {
      return this.#send(from, {
        type: 'failed',
        code: 'CAUCUS_OVERLOADED',
        message: `the group "${poll.name}" has its limit of members`,
      })
    }
    const answer = poll.poll(member, now)
    if (answer !== undefined) return this.#send(from, { type: 'polled', ...answer })
    this.#send(from, {
      type: 'failed',
      code: 'CAUCUS_UNAVAILABLE',
      message: 'the coordinator is taking a new generation; try again',
    })
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
    if (this.#lowerAt !== undefined && now >= this.#lowerAt) {
      this.#lowerAt = undefined
      // Not below a generation that is on its way to the store: what is durable never goes back.
      this.#foundation = loweredFoundation(this.#renewal?.generation ?? this.generation, this.#leases)
      this.#effects.push({ type: 'persist', ticket: ++this.#ticket, foundation: this.#foundation })
    }
  }

  #sayHello(to: Address): void {
    const { clusterId, instanceId } = this.#options
    this.#send(to, { type: 'hello', protocol: PROTOCOL, clusterId, instanceId, generation: this.generation })
  }

  #send(to: Address, message: CoordinatorMessage | CallerMessage): void {
    this.#effects.push({ type: 'send', to, message })
  }

  #refuse(to: Address, { group, member, bootId }: Renew, code: RefusalCode, message: string): void {
    this.#send(to, { type: 'refused', group, member, bootId, code, message })
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(this.#wakeAt, this.#lowerAt ?? Number.POSITIVE_INFINITY)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  view(): CoordinatorView {
    const { clusterId, instanceId } = this.#options
    const groups = [...this.#groups.values()].map(viewOfGroup)
    if (this.#poll !== undefined) groups.push(viewOfPollGroup(this.#poll))
    return { clusterId, instanceId, generation: this.generation, groups }
  }

  /** One group's picture, without making those of all others. */
  viewOf(name: string): GroupView | undefined {
    if (name === this.#poll?.name) return viewOfPollGroup(this.#poll)
    const group = this.#groups.get(name)
    return group && viewOfGroup(group)
  }
}

import { type Epoch, type Generation, holderUntil, SendLog } from '../lease.ts'
import type { Machine, Tick } from '../machine.ts'
import type { Instant, Millis } from '../time.ts'
import type {
  CoordinatorMessage,
  GroupState,
  Holding,
  Incarnation,
  MemberMessage,
  Refused,
  ShareKind,
  ShareMessage,
} from './messages.ts'

export interface MemberOptions {
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly share?: ShareKind
  readonly metadata?: unknown
  /** At most; a group with a short lease is renewed more often (four times a lease). */
  readonly heartbeatMs: Millis
  /** How long before the end of its lease a holder stops; at most a fifth of the lease. */
  readonly stopMarginMs: Millis
}

export type MemberInput =
  /** A link is up, and its hello was read. */
  | { readonly type: 'linked'; readonly instanceId: string; readonly generation: Generation }
  | { readonly type: 'unlinked' }
  | { readonly type: 'received'; readonly message: CoordinatorMessage }
  /** Whatever had to be finished with these is finished. */
  | { readonly type: 'drained'; readonly items: readonly Holding[] }
  | { readonly type: 'metadata'; readonly metadata: unknown }
  | { readonly type: 'leave' }

export type MemberEffect =
  | { readonly type: 'send'; readonly message: MemberMessage }
  /** The share or the state changed: who watches looks again. */
  | { readonly type: 'changed' }
  | { readonly type: 'granted'; readonly items: readonly Holding[] }
  /** To be finished, by `until` at the latest (it may be extended: `drainUntil`); then `drained` comes back as input. */
  | { readonly type: 'drain'; readonly items: readonly Holding[] }
  /** Gone without a drain: the lease ran out, or somebody else took the place. */
  | {
      readonly type: 'lost'
      readonly items: readonly Holding[]
      readonly because: 'lapsed' | 'expired' | 'fenced' | 'replaced'
    }
  /** Another server than the one that this member holds something from: no word to it until that has run out. */
  | { readonly type: 'rejectLink' }
  /** It may be the last word (`state` says so), or a refusal that is tried again. */
  | { readonly type: 'refused'; readonly refusal: Refused }

export type MemberState = 'joining' | 'member' | 'leaving' | 'left' | 'fenced' | 'refused'

/** A picture of a membership. What it holds counts only while `now` is before `validUntil`. */
export interface MembershipView {
  readonly state: MemberState
  readonly group: GroupState
  readonly epoch: Epoch
  readonly members: number
  readonly share: ShareKind | undefined
  readonly incarnation: Incarnation | undefined
  readonly validUntil: Instant
  readonly held: ReadonlyMap<number, Holding>
}

interface Draining extends Holding {
  readonly until: Instant
}

/** The name under which an index share's epochs are compared: a key moves between indexes, so all of them share one. */
const ANY_INDEX = 0

/**
 * One membership, seen from the one who holds: joins, renews, lets go, and never believes longer than the lease that counts
 * from the send of a renewal which the coordinator is known to have processed.
 *
 * `now` is the pessimistic clock of a holder (`HolderClock`). Validity is computed at every read; timers only tell others.
 */
export class Member implements Machine<MemberInput, MemberEffect, MembershipView> {
  readonly #options: MemberOptions
  #metadata: unknown
  #metadataSent = false
  #state: MemberState = 'joining'
  #linked = false
  #instanceId: string | undefined
  #generation: Generation | undefined
  #incarnation: Incarnation | undefined
  #sequence = 0
  #order = 0
  readonly #sends = new SendLog()
  #held = new Map<number, Holding>()
  readonly #draining = new Map<number, Draining>()
  /** The highest epoch seen of each item, held or let go. Nothing is ever accepted at or below it. */
  readonly #seen = new Map<number, Epoch>()
  /** Let go, and not known to have been heard: the sequence of the message that said so last. */
  readonly #acknowledged = new Map<number, { holding: Holding; sequence: number | undefined }>()
  #validUntil: Instant = Number.NEGATIVE_INFINITY
  #leaseMs: Millis | undefined
  #renewAt: Instant = Number.NEGATIVE_INFINITY
  #group: { state: GroupState; epoch: Epoch; members: number; share: ShareKind | undefined }
  #effects: MemberEffect[] = []

  constructor(options: MemberOptions) {
    this.#options = options
    this.#metadata = options.metadata
    this.#group = { state: 'settling', epoch: 0, members: 0, share: options.share }
  }

  step(input: MemberInput | Tick, now: Instant): readonly MemberEffect[] {
    this.#effects = []
    this.#lapse(now)
    this.#take(input, now)
    if (this.#linked && now >= this.#renewAt) this.#renew(now)
    return this.#effects
  }

  #take(input: MemberInput | Tick, now: Instant): void {
    switch (input.type) {
      case 'linked':
        return this.#linkedTo(input.instanceId, input.generation, now)
      case 'unlinked':
        this.#linked = false
        return
      case 'received':
        return this.#receive(input.message, now)
      case 'drained':
        return this.#drained(input.items, now)
      case 'metadata':
        this.#metadata = input.metadata
        this.#metadataSent = false
        this.#renewAt = now
        return
      case 'leave':
        return this.#leave(now)
      case 'woke':
      case 'stalled':
        return
    }
  }

  /** What is held ends by the clock, whether or not anybody calls: here it is only tidied up and told. */
  #lapse(now: Instant): void {
    if (this.#held.size > 0 && now >= this.#validUntil) this.#lose([...this.#held.values()], 'lapsed')
    const overdue = [...this.#draining.values()].filter(({ until }) => now >= until)
    for (const { item } of overdue) this.#draining.delete(item)
    if (overdue.length > 0) this.#effects.push({ type: 'lost', items: overdue, because: 'lapsed' })
  }

  #lose(items: readonly Holding[], because: 'lapsed' | 'expired' | 'fenced' | 'replaced'): void {
    if (items.length === 0) return
    for (const { item } of items) this.#held.delete(item)
    this.#effects.push({ type: 'lost', items, because }, { type: 'changed' })
  }

  #loseAll(because: 'expired' | 'fenced' | 'replaced'): void {
    const items = [...this.#held.values(), ...this.#draining.values()]
    this.#draining.clear()
    this.#lose(items, because)
  }

  #linkedTo(instanceId: string, generation: Generation, now: Instant): void {
    if (this.#instanceId !== undefined && this.#instanceId !== instanceId) {
      if (this.#held.size + this.#draining.size > 0) {
        this.#effects.push({ type: 'rejectLink' })
        return
      }
      // Another server's numbers say nothing about the first one's; holding nothing, this member starts anew.
      this.#generation = undefined
      this.#incarnation = undefined
      this.#order = 0
      this.#seen.clear()
      this.#acknowledged.clear()
    }
    this.#instanceId = instanceId
    this.#linked = true
    this.#metadataSent = false
    this.#learn(generation, now)
  }

  /** A coordinator's generation comes first, a claim that quotes it after: so no claim can be older than what it claims from. */
  #learn(generation: Generation, now: Instant): void {
    if (generation !== this.#generation) this.#order = 0
    this.#generation = generation
    this.#renewAt = now
  }

  #receive(message: CoordinatorMessage, now: Instant): void {
    if (message.type === 'hello') {
      // Of an earlier generation on the same link it is a straggler; on a new link `linked` says it.
      const newer = message.generation >= (this.#generation ?? 0)
      if (this.#linked && newer && message.instanceId === this.#instanceId) this.#learn(message.generation, now)
      return
    }
    if (message.bootId !== this.#options.bootId || this.#final()) return
    switch (message.type) {
      case 'share':
        return this.#apply(message, now)
      case 'left':
        if (this.#state === 'leaving') this.#end('left')
        return
      case 'refused':
        return this.#refused(message, now)
    }
  }

  #final(): boolean {
    return this.#state === 'left' || this.#state === 'fenced' || this.#state === 'refused'
  }

  #apply(message: ShareMessage, now: Instant): void {
    if (message.generation !== this.#generation) {
      // An older coordinator's answer is void. Of a newer one the hello got lost: it is learnt, and claimed from, first.
      if (message.generation > (this.#generation ?? 0)) this.#learn(message.generation, now)
      return
    }
    if (message.incarnation < (this.#incarnation ?? 0)) return
    if (message.incarnation === this.#incarnation && message.order <= this.#order) return
    const sentAt = this.#sends.answered(message.sequence)
    if (sentAt === undefined) return
    const until = holderUntil(sentAt, message.leaseMs, Math.min(this.#options.stopMarginMs, message.leaseMs / 5))
    // Too late to act on. What it said is said again in the next answer.
    if (until <= now) return
    if (message.incarnation !== this.#incarnation) {
      if (this.#incarnation !== undefined) this.#loseAll('expired')
      this.#acknowledged.clear()
    }
    this.#incarnation = message.incarnation
    this.#order = message.order
    this.#leaseMs = message.leaseMs
    if (this.#state === 'joining') this.#state = 'member'
    this.#forgetHeard(message.sequence)
    this.#takeShare(message, until)
    this.#group = { state: message.state, epoch: message.epoch, members: message.members, share: message.share }
    this.#effects.push({ type: 'changed' })
  }

  #forgetHeard(sequence: number): void {
    for (const [item, { sequence: saidIn }] of this.#acknowledged) {
      if (saidIn !== undefined && saidIn <= sequence) this.#acknowledged.delete(item)
    }
  }

  /** The message states the whole share: what it lists is kept or begun, everything else ends. */
  #takeShare(message: ShareMessage, until: Instant): void {
    const before = this.#held
    const earlier = this.#validUntil
    const held = new Map<number, Holding>()
    const granted: Holding[] = []
    for (const holding of message.holding) {
      if (before.get(holding.item)?.epoch === holding.epoch) held.set(holding.item, holding)
      else if (this.#mayAccept(holding, message.share)) {
        held.set(holding.item, holding)
        granted.push(holding)
      }
    }
    this.#held = held
    this.#validUntil = until
    const revoked = new Map(message.revoked.map(({ item, epoch }) => [item, epoch]))
    const drain: Holding[] = []
    for (const holding of before.values()) {
      if (held.get(holding.item)?.epoch === holding.epoch) continue
      // In neither list: it is not renewed any more, and ends with the lease that it has.
      const renewed = revoked.get(holding.item) === holding.epoch
      this.#draining.set(holding.item, { ...holding, until: renewed ? until : earlier })
      drain.push(holding)
    }
    for (const { item, epoch, ...rest } of this.#draining.values()) {
      if (revoked.get(item) === epoch) this.#draining.set(item, { ...rest, item, epoch, until })
    }
    if (granted.length > 0) this.#effects.push({ type: 'granted', items: granted })
    if (drain.length > 0) this.#effects.push({ type: 'drain', items: drain })
  }

  #mayAccept({ item, epoch }: Holding, share: ShareKind): boolean {
    const name = share === 'index' ? ANY_INDEX : item
    if (epoch <= (this.#seen.get(name) ?? 0)) return false
    this.#seen.set(name, epoch)
    return this.#state === 'member'
  }

  #drained(items: readonly Holding[], now: Instant): void {
    for (const holding of items) {
      const { item, epoch } = holding
      if (this.#draining.get(item)?.epoch !== epoch) continue
      this.#draining.delete(item)
      this.#acknowledged.set(item, { holding, sequence: undefined })
      this.#renewAt = now
    }
  }

  #leave(now: Instant): void {
    if (this.#final() || this.#state === 'leaving') return
    this.#state = 'leaving'
    this.#renewAt = now
    if (this.#incarnation === undefined) return this.#end('left')
    const items = [...this.#held.values()]
    for (const holding of items) this.#draining.set(holding.item, { ...holding, until: this.#validUntil })
    this.#held = new Map()
    if (items.length > 0) this.#effects.push({ type: 'drain', items })
    this.#effects.push({ type: 'changed' })
  }

  #refused(refusal: Refused, now: Instant): void {
    if (refusal.code === 'CAUCUS_OVERLOADED' || refusal.code === 'CAUCUS_UNAVAILABLE') {
      this.#effects.push({ type: 'refused', refusal })
      return
    }
    this.#loseAll('fenced')
    this.#effects.push({ type: 'refused', refusal })
    // Everything was dropped in this very step, so these are true words, and whoever comes next need not wait for the lease.
    if (this.#incarnation !== undefined) this.#sendLeave(now)
    this.#end(refusal.code === 'CAUCUS_FENCED' ? 'fenced' : 'refused')
  }

  #end(state: 'left' | 'fenced' | 'refused'): void {
    this.#state = state
    this.#effects.push({ type: 'changed' })
  }

  #renew(now: Instant): void {
    if (this.#final()) return
    this.#renewAt = this.#nextBeat(now)
    if (this.#state === 'leaving' && this.#draining.size === 0) return this.#sendLeave(now)
    const { group, member, bootId, share } = this.#options
    const sequence = this.#stamp(now)
    for (const entry of this.#acknowledged.values()) entry.sequence = sequence
    this.#effects.push({
      type: 'send',
      message: {
        type: 'renew',
        group,
        member,
        bootId,
        sequence,
        order: this.#order,
        ...(this.#incarnation !== undefined && { incarnation: this.#incarnation }),
        ...(this.#incarnation !== undefined && this.#generation !== undefined && { generation: this.#generation }),
        ...(share !== undefined && { share }),
        ...(this.#tellsMetadata() && { metadata: this.#metadata }),
        holding: [...this.#held.values()],
        draining: [...this.#draining.values()].map(plain),
        acknowledged: [...this.#acknowledged.values()].map(({ holding }) => plain(holding)),
      },
    })
    this.#metadataSent = true
  }

  /** With every join, and once on every link: the coordinator remembers it. */
  #tellsMetadata(): boolean {
    return this.#metadata !== undefined && (!this.#metadataSent || this.#incarnation === undefined)
  }

  /** Stamped before it is sent: whatever delays it further only makes the holder more careful. */
  #stamp(now: Instant): number {
    this.#sends.sent(++this.#sequence, now)
    return this.#sequence
  }

  #sendLeave(now: Instant): void {
    const { group, member, bootId } = this.#options
    const incarnation = this.#incarnation as Incarnation
    this.#effects.push({
      type: 'send',
      message: { type: 'leave', group, member, bootId, incarnation, sequence: this.#stamp(now) },
    })
  }

  /** On a common beat, so that the renewals of all memberships of a process travel in one frame. */
  #nextBeat(now: Instant): Instant {
    const beatMs = Math.min(this.#options.heartbeatMs, (this.#leaseMs ?? Number.POSITIVE_INFINITY) / 4)
    return (Math.floor(now / beatMs) + 1) * beatMs
  }

  wakeAt(): Instant | undefined {
    if (this.#final()) return undefined
    let at = this.#linked ? this.#renewAt : Number.POSITIVE_INFINITY
    if (this.#held.size > 0) at = Math.min(at, this.#validUntil)
    for (const { until } of this.#draining.values()) at = Math.min(at, until)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** What may be acted on at `now`. */
  holds(item: number, now: Instant): Holding | undefined {
    return now < this.#validUntil ? this.#held.get(item) : undefined
  }

  /** Until when what is being drained may still be worked on; `undefined` when it is let go. */
  drainUntil(item: number, epoch: Epoch): Instant | undefined {
    const draining = this.#draining.get(item)
    return draining?.epoch === epoch ? draining.until : undefined
  }

  get draining(): readonly Holding[] {
    return [...this.#draining.values()]
  }

  view(): MembershipView {
    const { state: group, epoch, members, share } = this.#group
    return {
      state: this.#state,
      group,
      epoch,
      members,
      share,
      incarnation: this.#incarnation,
      validUntil: this.#validUntil,
      held: this.#held,
    }
  }
}

const plain = ({ item, epoch, of }: Holding): Holding => (of === undefined ? { item, epoch } : { item, epoch, of })

import { type Epoch, type Generation, holderUntil, SendLog } from '../lease.ts'
import type { Machine, Tick } from '../machine.ts'
import type { Instant, Millis } from '../time.ts'
import { Holdings } from './holdings.ts'
import type { AnyState, MemberEffect, MemberInput, MemberOptions, MemberState, MembershipView } from './member-io.ts'
import type {
  Conclusion,
  CoordinatorMessage,
  GroupState,
  Holding,
  Incarnation,
  Ran,
  Refused,
  ShareKind,
  ShareMessage,
} from './messages.ts'

export type { MemberEffect, MemberInput, MemberOptions, MemberState, MembershipView }

const FINAL: ReadonlySet<AnyState> = new Set<AnyState>(['left', 'fenced', 'refused', 'concluded'])

/**
 * One membership, seen from the one who holds: joins, renews, lets go, and never believes longer than the lease that counts
 * from the send of a renewal which the coordinator is known to have processed.
 *
 * `now` is the pessimistic clock of a holder (`HolderClock`). Validity is computed at every read; timers only tell others.
 */
export class Member implements Machine<MemberInput, MemberEffect, MembershipView> {
  readonly #options: MemberOptions
  #weight: number | undefined
  #metadata: unknown
  /** The first message that said the metadata as it is now; an answer to it or to a later one shows that it was heard. */
  #metadataSaidIn: number | undefined
  #metadataHeard = false
  #state: AnyState = 'joining'
  #ran: Ran | undefined
  #conclusion: Conclusion | undefined
  #linked = false
  #instanceId: string | undefined
  #generation: Generation | undefined
  #incarnation: Incarnation | undefined
  #sequence = 0
  #order = 0
  readonly #sends = new SendLog()
  readonly #holdings = new Holdings()
  #leaseMs: Millis | undefined
  #renewAt: Instant = Number.NEGATIVE_INFINITY
  #group: { state: GroupState; epoch: Epoch; members: number; share: ShareKind | undefined }
  #effects: MemberEffect[] = []

  constructor(options: MemberOptions) {
    this.#options = options
    this.#metadata = options.metadata
    this.#weight = options.weight
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
        if (this.#holdings.letGo(input.items)) this.#renewAt = now
        return
      case 'metadata':
        this.#metadata = input.metadata
        this.#tellMetadataAgain()
        this.#renewAt = now
        return
      case 'weight':
        this.#weight = input.weight
        this.#renewAt = now
        return
      case 'leave':
        this.#ran ??= input.ran
        return this.#leave(now)
      case 'woke':
      case 'stalled':
        return
    }
  }

  /** What is held ends by the clock, whether or not anybody calls: here it is only tidied up and told. */
  #lapse(now: Instant): void {
    this.#lost(this.#holdings.lapse(now), 'lapsed')
  }

  #lost(items: readonly Holding[], because: 'lapsed' | 'expired' | 'fenced'): void {
    if (items.length > 0) this.#effects.push({ type: 'lost', items, because }, { type: 'changed' })
  }

  #linkedTo(instanceId: string, generation: Generation, now: Instant): void {
    if (this.#instanceId !== undefined && this.#instanceId !== instanceId) {
      if (!this.#holdings.empty) {
        this.#effects.push({ type: 'rejectLink' })
        return
      }
      // Another server's numbers say nothing about the first one's; holding nothing, this member starts anew.
      this.#generation = undefined
      this.#incarnation = undefined
      this.#order = 0
      this.#holdings.reset()
      // The other server has never heard of it, so there is nobody to take leave of.
      if (this.#state === 'leaving') return this.#end('left')
    }
    this.#instanceId = instanceId
    this.#linked = true
    this.#learn(generation, now)
  }

  /** A coordinator's generation comes first, a claim that quotes it after: so no claim can be older than what it claims from. */
  #learn(generation: Generation, now: Instant): void {
    if (generation !== this.#generation) {
      this.#order = 0
      this.#tellMetadataAgain()
    }
    this.#generation = generation
    this.#renewAt = now
  }

  #receive(message: CoordinatorMessage, now: Instant): void {
    if (message.type === 'hello') {
      // Of an earlier generation on the same link it is a straggler; on a new link `linked` says it.
      const newer = message.generation > (this.#generation ?? 0)
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
      case 'concluded':
        // Whoever ran it knows better, and goes on saying so.
        if (this.#ran !== undefined) return
        this.#conclusion = message.conclusion
        this.#lost(this.#holdings.clear(), 'expired')
        return this.#end('concluded')
      case 'refused':
        return this.#refused(message, now)
    }
  }

  #final(): boolean {
    return FINAL.has(this.#state)
  }

  #apply(message: ShareMessage, now: Instant): void {
    if (message.generation !== this.#generation) {
      // Another coordinator's answer is void. Of a later one the hello got lost: a renewal that quotes the earlier one is answered by
      // it. The answer itself does not say which server it comes from, so it teaches only those who have nothing to claim.
      if (this.#incarnation === undefined) this.#learn(message.generation, now)
      else if (message.generation > (this.#generation ?? 0)) this.#renewAt = now
      return
    }
    if (message.incarnation < (this.#incarnation ?? 0)) return
    if (message.incarnation === this.#incarnation && message.order <= this.#order) return
    const sentAt = this.#sends.answered(message.sequence)
    if (sentAt === undefined) return
    const until = holderUntil(sentAt, message.leaseMs, Math.min(this.#options.stopMarginMs, message.leaseMs / 5))
    // Too late to act on. What it said is said again in the next answer.
    if (until <= now) return
    // A new incarnation is a new session: the earlier one expired, and nothing of it is held.
    if (message.incarnation !== this.#incarnation) {
      this.#lost(this.#holdings.clear(), 'expired')
      this.#metadataHeard = false
      // Nobody finds an instance of a service before it has said again where it is.
      if (this.#options.share === 'none' && this.#incarnation !== undefined) this.#renewAt = now
    }
    const { heard = message.sequence } = message
    if (this.#metadataSaidIn !== undefined && heard >= this.#metadataSaidIn) {
      this.#metadataHeard = true
      this.#metadataSaidIn = undefined
    }
    this.#incarnation = message.incarnation
    this.#order = message.order
    this.#leaseMs = message.leaseMs
    // The lease may be shorter than the beat that was meant for another.
    this.#renewAt = Math.min(this.#renewAt, this.#nextBeat(now))
    if (this.#state === 'joining') this.#state = 'member'
    this.#holdings.heard(heard)
    const { granted, drain } = this.#holdings.take(message, until, this.#state === 'member')
    if (granted.length > 0) this.#effects.push({ type: 'granted', items: granted })
    if (drain.length > 0) this.#effects.push({ type: 'drain', items: drain })
    if (this.#state === 'leaving' && this.#holdings.empty) this.#renewAt = now
    this.#group = { state: message.state, epoch: message.epoch, members: message.members, share: message.share }
    this.#effects.push({ type: 'changed' })
  }

  #leave(now: Instant): void {
    if (this.#final() || this.#state === 'leaving') return
    this.#state = 'leaving'
    this.#renewAt = now
    // A join that is under way is answered first: what nobody takes leave from would stay for a lease.
    if (this.#sequence === 0) return this.#end('left')
    const items = this.#holdings.drainAll()
    if (items.length > 0) this.#effects.push({ type: 'drain', items })
    this.#effects.push({ type: 'changed' })
  }

  #refused(refusal: Refused, now: Instant): void {
    if (refusal.code === 'CAUCUS_OVERLOADED' || refusal.code === 'CAUCUS_UNAVAILABLE') {
      this.#effects.push({ type: 'refused', refusal })
      return
    }
    this.#lost(this.#holdings.clear(), 'fenced')
    this.#effects.push({ type: 'refused', refusal })
    // Everything was dropped in this very step, so these are true words, and whoever comes next need not wait for the lease.
    if (this.#incarnation !== undefined) this.#sendLeave(now)
    this.#end(refusal.code === 'CAUCUS_FENCED' ? 'fenced' : 'refused')
  }

  #end(state: 'left' | 'fenced' | 'refused' | 'concluded'): void {
    this.#state = state
    this.#effects.push({ type: 'changed' })
  }

  #renew(now: Instant): void {
    if (this.#final()) return
    this.#renewAt = this.#nextBeat(now)
    const leaving = this.#state === 'leaving'
    if (leaving && this.#holdings.empty && this.#incarnation !== undefined) return this.#sendLeave(now)
    const { group, member, bootId } = this.#options
    // What is held means nothing without the numbering that it belongs to: a coordinator may come back with another one.
    const share = this.#options.share ?? (this.#holdings.empty ? undefined : this.#group.share)
    const sequence = this.#stamp(now)
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
        ...(this.#tellsMetadata(sequence) && { metadata: this.#metadata }),
        // In every renewal, unlike metadata: they are short, and a coordinator that comes back knows them from nobody else.
        ...(this.#weight !== undefined && { weight: this.#weight }),
        ...(this.#options.static === true && { static: true }),
        ...(leaving && { leaving }),
        holding: [...this.#holdings.held.values()],
        draining: this.#holdings.draining,
        acknowledged: this.#holdings.acknowledge(sequence),
      },
    })
  }

  /** Until it is known to have been heard; the coordinator remembers it for as long as the session lives. */
  #tellsMetadata(sequence: number): boolean {
    if (this.#metadata === undefined || this.#metadataHeard) return false
    this.#metadataSaidIn ??= sequence
    return true
  }

  #tellMetadataAgain(): void {
    this.#metadataSaidIn = undefined
    this.#metadataHeard = false
  }

  /** Stamped before it is sent: whatever delays it further only makes the holder more careful. */
  #stamp(now: Instant): number {
    this.#sends.sent(++this.#sequence, now)
    return this.#sequence
  }

  #sendLeave(now: Instant): void {
    const { group, member, bootId } = this.#options
    const incarnation = this.#incarnation as Incarnation
    const ran = this.#ran
    this.#effects.push({
      type: 'send',
      message: {
        type: 'leave',
        group,
        member,
        bootId,
        incarnation,
        sequence: this.#stamp(now),
        ...(ran !== undefined && { ran }),
      },
    })
  }

  /** On a common beat, so that the renewals of all memberships of a process travel in one frame. */
  #nextBeat(now: Instant): Instant {
    const beatMs = Math.min(this.#options.heartbeatMs, (this.#leaseMs ?? Number.POSITIVE_INFINITY) / 4)
    const at = (Math.floor(now / beatMs) + 1) * beatMs
    // Dividing and multiplying may round back to where we are.
    return at > now ? at : at + beatMs
  }

  wakeAt(): Instant | undefined {
    if (this.#final()) return undefined
    const at = Math.min(this.#linked ? this.#renewAt : Number.POSITIVE_INFINITY, this.#holdings.wakeAt())
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  /** What may be acted on at `now`. */
  holds(item: number, now: Instant): Holding | undefined {
    return this.#holdings.holds(item, now)
  }

  /** Until when what is being drained may still be worked on; `undefined` when it is let go. */
  drainUntil(holding: Holding): Instant | undefined {
    return this.#holdings.drainUntil(holding)
  }

  get draining(): readonly Holding[] {
    return this.#holdings.draining
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
      validUntil: this.#holdings.validUntil,
      held: this.#holdings.held,
      isMetadataHeard: this.#metadataHeard,
      conclusion: this.#conclusion,
    }
  }
}

import { grantMs } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { Book, Desk, GroupSettings } from './book.ts'
import { mayClaim } from './claims.ts'
import { IndexBook } from './index-book.ts'
import type { CoordinatorMessage, GroupState, Holding, Leave, RefusalCode, Renew, ShareKind } from './messages.ts'
import { sameShare } from './messages.ts'
import { PartitionBook } from './partition-book.ts'
import type { Because, GroupEvent } from './reasons.ts'
import { type Address, holdingOf, type Session } from './session.ts'
import { Tombstones } from './tombstones.ts'

/** What a group gets from its coordinator. */
export interface GroupHost {
  readonly generation: number
  nextEpoch(): number
  hasEpoch(): boolean
  send(to: Address, message: CoordinatorMessage): void
  sayHello(to: Address): void
  emit(group: string, event: GroupEvent): void
}

/** How many members may be taken for gone in one step, so that ten thousand falling silent do not stall everybody else. */
const EXPIRIES_PER_STEP = 500

/**
 * One group: who is in it, when it settles, and (in its book) who holds what.
 *
 * Safety comes from leases alone: whatever the debounce does, nothing is granted while somebody else may believe in it.
 */
export class Group {
  readonly name: string
  readonly share: ShareKind
  readonly settings: GroupSettings
  readonly #host: GroupHost
  readonly #book: Book
  /** In order of their last renewal, so the first is the next to expire. */
  readonly #sessions = new Map<string, Session>()
  /** No later than the first expiry. Asking the map each time would walk over all that moved to its end. */
  #expiresBy: Instant = Number.POSITIVE_INFINITY
  /** Those of them who are to have a share: not whoever is on its way out and drains what it has. */
  readonly #staying = new Map<string, Session>()
  /** Fenced or evicted, and possibly still believing. A leave of theirs frees what they held. */
  readonly #ghosts = new Map<string, Session>()
  readonly #tombstones = new Tombstones()
  readonly #dirty = new Set<Session>()
  readonly #grantMs: Millis
  readonly #ceilingUntil: Instant
  #firstChangeAt: Instant | undefined
  #changedAt: Instant | undefined
  #state: GroupState = 'settling'

  constructor(name: string, share: ShareKind, settings: GroupSettings, ceilingUntil: Instant, host: GroupHost) {
    this.name = name
    this.share = share
    this.settings = settings
    this.#host = host
    this.#grantMs = grantMs(settings.leaseMs)
    this.#ceilingUntil = ceilingUntil
    const desk: Desk = {
      settings,
      ceilingUntil,
      sessions: this.#staying,
      nextEpoch: () => host.nextEpoch(),
      hasEpoch: () => host.hasEpoch(),
      horizon: (session) => this.#horizon(session),
      tell: (session) => this.#dirty.add(session),
      emit: (event) => this.#emit(event),
    }
    this.#book = share === 'index' ? new IndexBook(desk) : new PartitionBook(share.partitions, desk)
  }

  get state(): GroupState {
    return this.#state
  }

  get epoch(): number {
    return this.#book.epoch
  }

  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions
  }

  /** Nobody is here and nobody from here can believe anything: the group can be forgotten. */
  get idle(): boolean {
    return (
      this.#sessions.size === 0 &&
      this.#ghosts.size === 0 &&
      this.#tombstones.size === 0 &&
      this.#book.wakeAt() === undefined
    )
  }

  /**
   * Takes the place of a group that shared in another way, whose members held nothing. They come anew, as others: answers to what they
   * were there would be mixed up with the answers here.
   */
  replaces(former: Group, now: Instant): void {
    this.#tombstones.addAll(former.#tombstones)
    for (const { bootId, sequence } of former.sessions.values()) {
      this.#tombstones.add(bootId, { because: 'expired', sequence, until: this.#remembered(now) })
    }
  }

  /** Until the ceiling at least: who has expired here has nothing to claim here, also when the lease is shorter than it was before. */
  #remembered(now: Instant): Instant {
    return Math.max(now + this.#grantMs, this.#ceilingUntil)
  }

  renew(message: Renew, from: Address, now: Instant): void {
    const session = this.#sessions.get(message.member)
    const known = session?.bootId === message.bootId
    const { share = this.share } = message
    const alike = sameShare(share, this.share)
    if (message.generation !== undefined && message.generation !== this.#host.generation) {
      this.#host.sayHello(from)
    } else if (!alike && (known || message.holding.length + message.draining.length === 0)) {
      this.#refuse(
        from,
        message,
        'CAUCUS_CONFLICT',
        `the group "${this.name}" shares ${describe(this.share)}, not ${describe(share)}; join it with that share or use another group`,
      )
    } else if (session !== undefined && known) {
      if (message.sequence <= session.sequence) return
      if ((message.incarnation ?? 0) > session.incarnation) {
        // From another run of our generation (no store, started within a second): our answers would be void for it.
        this.#remove(session, 'expired', now)
        this.#arrive(message, undefined, from, now)
      } else this.#renewed(session, message, from, now)
    } else {
      this.#arrive(message, session, from, now)
    }
    this.#turn(now)
  }

  #renewed(session: Session, message: Renew, from: Address, now: Instant): void {
    session.sequence = message.sequence
    session.renewedAt = now
    session.expiresAt = now + this.#grantMs
    session.address = from
    if (message.metadata !== undefined) session.metadata = message.metadata
    if (message.leaving === true && this.#staying.delete(session.id)) this.#changed('left', session.id, now)
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    this.#letGo(session, message, now)
    this.#dirty.add(session)
  }

  /** Frees what the member says, by word or by silence, that it no longer believes. */
  #letGo(session: Session, message: Renew, now: Instant): void {
    let hole = false
    for (const { item, epoch } of message.acknowledged) {
      const tenure = session.tenures.get(item)
      // Quoting the epoch: an acknowledgement of an earlier revoke must not free a later grant.
      if (tenure?.epoch !== epoch) continue
      hole ||= tenure.state === 'held'
      this.#book.release(tenure)
    }
    const holding = new Map(message.holding.map(({ item, epoch }) => [item, epoch]))
    const draining = new Map(message.draining.map(({ item, epoch }) => [item, epoch]))
    // Order numbers are those of one session: a straggler from before this member expired quotes a high one, and has seen nothing.
    const seen = message.incarnation === session.incarnation && message.order <= session.order ? message.order : -1
    for (const tenure of session.tenures.values()) {
      const { item, epoch, state, grantOrder } = tenure
      if (draining.get(item) === epoch) {
        if (state === 'revoked') continue
        // By its holder's own wish: it will be let go, and must come back at a higher epoch.
        this.#book.yield(tenure, now)
        hole = true
      } else if (seen >= grantOrder && holding.get(item) !== epoch) {
        hole ||= state === 'held'
        this.#book.release(tenure)
      }
    }
    // A view with a hole is not a view: its places are given anew, all of them, at a higher epoch.
    if (hole && this.share === 'index') this.#changed('released', session.id, now)
  }

  /** A join, a claim, or a renewal of a session that is not there any more. */
  #arrive(message: Renew, rival: Session | undefined, from: Address, now: Instant): void {
    const grave = this.#tombstones.get(message.bootId)
    if (grave?.because === 'left' || (grave?.because === 'expired' && message.sequence <= grave.sequence)) return
    const older =
      rival !== undefined && message.generation !== undefined && (message.incarnation ?? 0) < rival.incarnation
    if (grave?.because === 'fenced' || grave?.because === 'evicted' || older) {
      return this.#refuse(
        from,
        message,
        'CAUCUS_FENCED',
        `another process took the member id "${message.member}", or an operator removed it; stop the work of this one`,
      )
    }
    if (!this.#host.hasEpoch()) {
      return this.#refuse(
        from,
        message,
        'CAUCUS_UNAVAILABLE',
        'the coordinator is taking a new generation; try again in a moment',
      )
    }
    if (rival !== undefined) this.#remove(rival, 'fenced', now)
    const claimed = { generation: this.#host.generation, share: this.share, until: this.#ceilingUntil }
    const claims = grave === undefined && mayClaim(message, claimed, now)
    const session: Session = {
      id: message.member,
      bootId: message.bootId,
      incarnation: claims ? (message.incarnation as number) : this.#host.nextEpoch(),
      adopted: claims,
      address: from,
      sequence: message.sequence,
      order: 0,
      metadata: message.metadata,
      renewedAt: now,
      expiresAt: now + this.#grantMs,
      tenures: new Map(),
    }
    this.#sessions.set(session.id, session)
    this.#expiresBy = Math.min(this.#expiresBy, session.expiresAt)
    this.#staying.set(session.id, session)
    this.#dirty.add(session)
    const because: Because = claims ? 'adopted' : 'joined'
    this.#emit({ type: 'member.joined', member: session.id, incarnation: session.incarnation, because })
    this.#changed(because, session.id, now)
    if (claims) this.#book.adopt(session, message.holding, message.draining, now)
  }

  leave(message: Leave, from: Address, now: Instant): void {
    const session = this.#sessions.get(message.member)
    const ghost = this.#ghosts.get(message.bootId)
    if (session?.bootId === message.bootId && session.incarnation === message.incarnation) {
      if (message.sequence <= session.sequence) return
      session.sequence = message.sequence
      for (const tenure of session.tenures.values()) this.#book.release(tenure)
      this.#remove(session, 'left', now)
    } else if (ghost !== undefined && ghost.incarnation === message.incarnation) {
      for (const tenure of ghost.tenures.values()) this.#book.release(tenure)
      this.#ghosts.delete(message.bootId)
    } else if (session?.bootId === message.bootId) {
      // Sent before it heard that it has a new session: it leaves that one as soon as it knows.
      return
    }
    const { group, member, bootId } = message
    this.#host.send(from, { type: 'left', group, member, bootId })
    this.#turn(now)
  }

  /** Somebody else removes a member: it is fenced, and its leases run out. It may still believe until then. */
  evict(member: string, now: Instant): boolean {
    const session = this.#sessions.get(member)
    if (session === undefined) return false
    this.#remove(session, 'evicted', now)
    this.#turn(now)
    return true
  }

  #remove(session: Session, because: 'left' | 'fenced' | 'evicted' | 'expired', now: Instant): void {
    const { id, bootId, incarnation, sequence } = session
    this.#sessions.delete(id)
    this.#staying.delete(id)
    this.#dirty.delete(session)
    this.#tombstones.add(bootId, { because, sequence, until: this.#remembered(now) })
    if (session.tenures.size > 0) {
      this.#ghosts.set(bootId, session)
      this.#book.orphan(session, this.#horizon(session))
    }
    if (because === 'fenced' || because === 'evicted') {
      this.#refuse(
        session.address,
        { member: id, bootId },
        'CAUCUS_FENCED',
        because === 'fenced'
          ? `another process joined as "${id}"; stop the work of this one`
          : `an operator removed "${id}"; stop its work`,
      )
    }
    this.#emit({ type: because === 'expired' ? 'member.expired' : 'member.left', member: id, incarnation, because })
    this.#changed(because, id, now)
  }

  /** Until when it may believe: our clock starts when we process, and an earlier coordinator may have given a longer lease. */
  #horizon(session: Session): Instant {
    const until = session.renewedAt + this.#grantMs
    return session.adopted ? Math.max(until, this.#ceilingUntil) : until
  }

  #changed(because: Because, member: string, now: Instant): void {
    this.#changedAt = now
    if (this.#firstChangeAt !== undefined) return
    this.#firstChangeAt = now
    this.#state = 'settling'
    this.#emit({ type: 'group.settling', because, member })
  }

  #settleAt(): Instant | undefined {
    if (this.#firstChangeAt === undefined || this.#changedAt === undefined) return undefined
    return Math.min(this.#changedAt + this.settings.settleMs, this.#firstChangeAt + this.settings.settleCapMs)
  }

  woke(now: Instant): void {
    this.#expire(now)
    this.#tombstones.forget(now)
    const settleAt = this.#settleAt()
    if (settleAt !== undefined && settleAt <= now) {
      this.#firstChangeAt = undefined
      this.#book.replan(now)
    }
    this.#turn(now)
    for (const [bootId, ghost] of this.#ghosts) {
      if (ghost.tenures.size === 0) this.#ghosts.delete(bootId)
    }
  }

  #expire(now: Instant): void {
    if (now < this.#expiresBy) return
    let expired = 0
    this.#expiresBy = Number.POSITIVE_INFINITY
    for (const session of this.#sessions.values()) {
      if (session.expiresAt > now || ++expired > EXPIRIES_PER_STEP) {
        this.#expiresBy = session.expiresAt
        return
      }
      this.#remove(session, 'expired', now)
    }
  }

  /** Our own stall gives everybody more time. Only patience moves: no lease is shortened by it, and none lengthened. */
  stalled(forMs: Millis): void {
    for (const session of this.#sessions.values()) session.expiresAt += forMs
  }

  /** Ends every step: grants what is free, notices that the group settled, and tells those whose share changed. */
  #turn(now: Instant): void {
    this.#book.advance(now)
    const quiet = this.#changedAt !== undefined && this.#firstChangeAt === undefined
    if (this.#state === 'settling' && quiet && this.#book.complete()) {
      this.#state = 'settled'
      this.#emit({ type: 'group.settled', epoch: this.epoch, members: this.#sessions.size })
    }
    for (const session of this.#dirty) {
      if (this.#sessions.get(session.id) === session) this.#tell(session)
    }
    this.#dirty.clear()
  }

  /** A new generation, or anything else outside, made grants possible again. */
  advance(now: Instant): void {
    this.#turn(now)
  }

  #tell(session: Session): void {
    const holding: Holding[] = []
    const revoked: Holding[] = []
    for (const tenure of session.tenures.values()) {
      // No longer renewed: what is in neither list lasts as long as its earlier lease.
      if (tenure.until !== undefined) continue
      if (tenure.state === 'held') holding.push(holdingOf(tenure))
      else revoked.push(holdingOf(tenure))
    }
    this.#host.send(session.address, {
      type: 'share',
      group: this.name,
      member: session.id,
      bootId: session.bootId,
      generation: this.#host.generation,
      incarnation: session.incarnation,
      sequence: session.sequence,
      order: ++session.order,
      state: this.#state,
      epoch: this.epoch,
      leaseMs: this.settings.leaseMs,
      members: this.#sessions.size,
      share: this.share,
      holding,
      revoked,
    })
  }

  #refuse(to: Address, who: { member: string; bootId: string }, code: RefusalCode, message: string): void {
    const { member, bootId } = who
    this.#host.send(to, { type: 'refused', group: this.name, member, bootId, code, message })
  }

  #emit(event: GroupEvent): void {
    this.#host.emit(this.name, event)
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(
      this.#expiresBy,
      this.#settleAt() ?? Number.POSITIVE_INFINITY,
      this.#book.wakeAt() ?? Number.POSITIVE_INFINITY,
      this.#tombstones.wakeAt() ?? Number.POSITIVE_INFINITY,
    )
    return Number.isFinite(at) ? at : undefined
  }
}

const describe = (share: ShareKind): string => (share === 'index' ? 'indexes' : `${share.partitions} partitions`)

import { grantMs } from '../lease.ts'
import { Register } from '../registry/register.ts'
import { earliest, type Instant, type Millis } from '../time.ts'
import type { Book, Desk, GroupSettings, PartitionOrders } from './book.ts'
import { bookOf } from './books.ts'
import { answersRoll, mayClaim } from './claims.ts'
import { type Debounce, debounceOf, settles } from './debounce.ts'
import type { GroupHost, GroupOptions } from './group-host.ts'
import type { RunEnd } from './instants.ts'
import { KeptPlaces, type Vacancy, vacancyOf } from './kept-places.ts'
import { letGo } from './letting-go.ts'
import type { GroupState, Leave, Renew, ShareKind } from './messages.ts'
import { eventOf, type GroupOrders, type Order, StandingOrders } from './orders.ts'
import type { Because, GroupEvent } from './reasons.ts'
import * as refusals from './refusals.ts'
import { renewalFault } from './renewal-fault.ts'
import type { GroupRoll } from './roll-call.ts'
import { Roster } from './roster.ts'
import { type Address, lapsed, lastRenewedAt, openSession, type Session } from './session.ts'
import { shareMessage } from './share-message.ts'
import { Tombstones } from './tombstones.ts'

/**
 * One group: who is in it, when it settles, and (in its book) who holds what.
 *
 * Safety comes from leases alone: whatever the debounce does, nothing is granted while somebody else may believe in it.
 */
export class Group {
  readonly name: string
  readonly share: ShareKind
  /** Of a service: what its members say of themselves. */
  readonly register: Register | undefined
  readonly settings: GroupSettings
  readonly #host: GroupHost
  readonly #book: Book
  readonly #roster = new Roster()
  /** Those of them who are to have a share: not whoever is on its way out and drains what it has. */
  readonly #staying = new Map<string, Session>()
  /** Places of static members that have stopped; they count in every plan. */
  readonly #kept = new KeptPlaces()
  readonly #orders = new StandingOrders()
  /** Fenced or evicted, and possibly still believing. A leave of theirs frees what they held. */
  readonly #ghosts = new Map<string, Session>()
  readonly #tombstones = new Tombstones()
  readonly #dirty = new Set<Session>()
  readonly #grantMs: Millis
  readonly #ceilingUntil: Instant
  readonly #roll: GroupRoll
  readonly #debounce: Debounce
  #state: GroupState = 'settling'

  constructor({ name, share, settings, ceilingUntil, roll, orders, instant }: GroupOptions, host: GroupHost) {
    this.#orders.follow(orders)
    this.name = name
    this.share = share
    this.settings = settings
    this.#host = host
    this.#grantMs = grantMs(settings.leaseMs)
    this.#debounce = debounceOf(share, settings)
    this.#ceilingUntil = ceilingUntil
    this.#roll = roll
    const desk: Desk = {
      settings,
      ceilingUntil,
      mayBeHeldUnheard: (now) => now < ceilingUntil && !roll.complete,
      sessions: this.#staying,
      kept: this.#kept.all,
      orders: this.#orders,
      nextEpoch: () => host.nextEpoch(),
      hasEpoch: () => host.hasEpoch(),
      horizon: (session, now) => this.#horizon(session, now),
      tell: (session) => this.#dirty.add(session),
      emit: (event) => this.#emit(event),
    }
    this.#book = bookOf(share, desk, instant)
    if (share === 'none') this.register = new Register()
  }

  /** How what runs only once ended, once it has. */
  get end(): RunEnd | undefined {
    return this.#book.end
  }

  /** Where there is nothing to share out, nothing ever has to settle. */
  get state(): GroupState {
    return settles(this.share) ? this.#state : 'settled'
  }

  get epoch(): number {
    return this.#book.epoch
  }

  get sessions(): ReadonlyMap<string, Session> {
    return this.#roster.sessions
  }

  get kept(): ReadonlyMap<string, Vacancy> {
    return this.#kept.all
  }

  /** Boot ids of those who may believe in something at `now`; of a service, of everybody, who is to be found again after a restart. */
  holders(now: Instant): readonly string[] {
    return [...this.sessions.values(), ...this.#ghosts.values()]
      .filter(({ tenures }) => this.share === 'none' || [...tenures.values()].some((tenure) => !lapsed(tenure, now)))
      .map(({ bootId }) => bootId)
  }

  get orders(): PartitionOrders {
    return this.#orders
  }

  /** It will not be a member again. Whoever fell silent may. */
  hasEnded(bootId: string): boolean {
    return (this.#tombstones.get(bootId)?.because ?? 'expired') !== 'expired'
  }

  /** What is kept for somebody who has stopped. */
  keptFor(id: string): readonly number[] {
    return this.#book.keptFor(id)
  }

  /** Nobody is here and nobody from here can believe anything: the group can be forgotten. */
  get idle(): boolean {
    return (
      this.sessions.size === 0 &&
      this.#ghosts.size === 0 &&
      this.#tombstones.size === 0 &&
      this.#kept.all.size === 0 &&
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
    const session = this.sessions.get(message.member)
    const known = session?.bootId === message.bootId
    const fault = renewalFault(message, { name: this.name, share: this.share, known })
    if (message.generation !== undefined && message.generation !== this.#host.generation) {
      this.#host.sayHello(from)
    } else if (fault !== undefined) {
      this.#refuse(from, message, fault)
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
    this.advance(now)
  }

  #renewed(session: Session, message: Renew, from: Address, now: Instant): void {
    session.sequence = message.sequence
    session.renewedAt = now
    session.expiresAt = now + this.#grantMs
    session.address = from
    if (message.metadata !== undefined) session.metadata = message.metadata
    session.static = message.static ?? session.static
    this.#reweigh(session, message, now)
    session.leaving ||= message.leaving === true
    const leaves = session.leaving && this.#staying.has(session.id)
    if (leaves && !this.#withdraw(session, 'left', now)) this.#changed('left', session.id, now)
    this.#roster.renewed(session)
    const hole = letGo(session, message, this.#book, now) && this.#staying.has(session.id)
    // A view with a hole is not a view: its places are given anew, all of them, at a higher epoch.
    if (hole && this.share === 'index') this.#changed('released', session.id, now)
    for (const event of this.register?.heard(session) ?? []) this.#host.emit(this.name, event)
    this.#dirty.add(session)
  }

  #reweigh(session: Session, { weight = session.weight }: Renew, now: Instant): void {
    if (weight === session.weight) return
    session.weight = weight
    this.#emit({ type: 'member.weighed', member: session.id, weight })
    if (this.#staying.has(session.id)) this.#changed('weighed', session.id, now)
  }

  /** It is to have no share any more. True when its place is kept, so that nothing has changed for the others. */
  #withdraw(session: Session, because: Because, now: Instant): boolean {
    const { id } = session
    if (!this.#staying.delete(id)) return this.#kept.all.has(id)
    const place = vacancyOf(session, because, this.settings.staticGraceMs, now)
    if (place === undefined || !this.#book.keep(session)) return false
    this.#kept.keep(place)
    this.#emit({ type: 'place.kept', member: id, because })
    return true
  }

  /** A join, a claim, or a renewal of a session that is not there any more. */
  #arrive(message: Renew, rival: Session | undefined, from: Address, now: Instant): void {
    const grave = this.#tombstones.get(message.bootId)
    if (grave?.because === 'left' || (grave?.because === 'expired' && message.sequence <= grave.sequence)) return
    const older =
      rival !== undefined && message.generation !== undefined && (message.incarnation ?? 0) < rival.incarnation
    if (grave?.because === 'fenced' || grave?.because === 'evicted' || older) {
      return this.#refuse(from, message, refusals.hasSuccessor(message.member))
    }
    if (!this.#host.hasEpoch()) return this.#refuse(from, message, refusals.TAKING_GENERATION)
    const returns = this.#kept.giveUp(message.member)
    if (rival !== undefined) this.#remove(rival, 'fenced', now)
    const claimed = { generation: this.#host.generation, share: this.share, until: this.#ceilingUntil }
    const claims = grave === undefined && mayClaim(message, claimed, now)
    const session = openSession(message, from, {
      incarnation: claims ? (message.incarnation as number) : this.#host.nextEpoch(),
      adopted: claims,
      drained: this.#orders.drained.has(message.bootId),
      renewedAt: now,
      expiresAt: now + this.#grantMs,
    })
    this.#roster.add(session)
    if (!session.drained && !session.leaving) this.#staying.set(session.id, session)
    this.#dirty.add(session)
    const because: Because = claims ? 'adopted' : returns ? 'returned' : 'joined'
    this.#emit({ type: 'member.joined', member: session.id, incarnation: session.incarnation, because })
    this.#changed(because, session.id, now)
    if (claims) this.#book.adopt(session, message.holding, message.draining, now)
    const answers = answersRoll(message, this.share, claims)
    if (answers) this.#answered(message.bootId)
  }

  #answered(bootId: string): void {
    this.#roll.answered(bootId)
    if (this.#roll.complete) this.#book.lookAgain()
  }

  /** Somebody else says whether it is there: meanwhile it does not expire, and counts as renewed in each step. Whoever comes back is told its share. */
  isThere(seat: Pick<Renew, 'member' | 'bootId'>, isThere: boolean, now: Instant): void {
    if (!isThere) return this.#roster.gone(seat, now, this.#grantMs)
    const returned = this.#roster.vouched(seat)
    if (returned === undefined) return
    this.#dirty.add(returned)
    this.advance(now)
  }

  leave(message: Leave, from: Address, now: Instant): void {
    // Its last word, after it dropped everything, whatever we know of it.
    this.#answered(message.bootId)
    // Before it lets go: what is let go without a word is lost.
    if (message.ran !== undefined) this.#book.report?.(message.ran, message.bootId)
    const session = this.sessions.get(message.member)
    const ghost = this.#ghosts.get(message.bootId)
    if (session?.bootId === message.bootId && session.incarnation === message.incarnation) {
      if (message.sequence <= session.sequence) return
      session.sequence = message.sequence
      // Before it lets go of its places: otherwise nobody knows which they were.
      this.#withdraw(session, 'left', now)
      for (const tenure of session.tenures.values()) this.#book.release(tenure)
      this.#remove(session, 'left', now)
    } else if (ghost !== undefined && ghost.incarnation === message.incarnation) {
      for (const tenure of ghost.tenures.values()) this.#book.release(tenure)
      this.#ghosts.delete(message.bootId)
    } else if (session?.bootId === message.bootId) {
      // Sent before it heard that it has a new session: it leaves that one as soon as it knows.
      return
    } else if (session !== undefined && message.incarnation < session.incarnation) {
      // Nothing of it is here any more. It may be about to come back as another process, and must know that it has been followed by one.
      this.#refuse(from, message, refusals.hasSuccessor(message.member))
      return this.advance(now)
    }
    const { group, member, bootId } = message
    this.#host.send(from, { type: 'left', group, member, bootId })
    this.advance(now)
  }

  /** Somebody else removes a member: it is fenced, and its leases run out. It may still believe until then. */
  evict(member: string, now: Instant): boolean {
    const session = this.sessions.get(member)
    if (session !== undefined) this.#remove(session, 'evicted', now)
    else if (this.#kept.all.has(member)) this.#free(member, 'evicted', now)
    else return false
    this.advance(now)
    return true
  }

  /** A place that was kept for somebody is anybody's again. */
  #free(member: string, because: Because, now: Instant): void {
    this.#kept.giveUp(member)
    this.#emit({ type: 'place.freed', member, because })
    this.#changed(because, member, now)
  }

  #remove(session: Session, because: 'left' | 'fenced' | 'evicted' | 'expired', now: Instant): void {
    const { id, bootId, incarnation, sequence } = session
    const kept = this.#withdraw(session, because, now)
    this.#roster.remove(id)
    this.#dirty.delete(session)
    // One that fell silent may come back, and is still to be given nothing.
    if (because !== 'expired') this.#orders.drained.delete(bootId)
    this.#tombstones.add(bootId, { because, sequence, until: this.#remembered(now) })
    if (session.tenures.size > 0) {
      this.#ghosts.set(bootId, session)
      this.#book.orphan(session, this.#horizon(session, now))
    }
    if (because === 'fenced') this.#refuse(session.address, { member: id, bootId }, refusals.fenced(id))
    if (because === 'evicted') this.#refuse(session.address, { member: id, bootId }, refusals.evicted(id))
    this.#emit({ type: because === 'expired' ? 'member.expired' : 'member.left', member: id, incarnation, because })
    if (kept && (because === 'left' || because === 'expired')) return
    if (kept) this.#free(id, because, now)
    else this.#changed(because, id, now)
  }

  /** Until when it may believe: our clock starts when we process, and an earlier coordinator may have given a longer lease. */
  #horizon(session: Session, now: Instant): Instant {
    const until = lastRenewedAt(session, now) + this.#grantMs
    return session.adopted ? Math.max(until, this.#ceilingUntil) : until
  }

  #changed(because: Because, member: string | undefined, now: Instant): void {
    if (!settles(this.share) || !this.#debounce.changed(now)) return
    this.#state = 'settling'
    this.#emit({ type: 'group.settling', because, ...(member !== undefined && { member }) })
  }

  /** What operators ordered, which is durable by now. `order` is the one that came last: what moves because of it moves as always. */
  follow(orders: GroupOrders, order: Order, now: Instant): void {
    this.#orders.follow(orders)
    // Whatever it was: a process may have come, or another one under its id, while the order was written.
    for (const session of this.sessions.values()) this.#drainAsOrdered(session, now)
    if (order.type !== 'drain' && order.type !== 'undrain') this.#emit(eventOf(order))
    if (order.type === 'thaw') this.#changed('thawed', undefined, now)
    if (order.type === 'pin') this.#changed('pinned', order.member, now)
    if (order.type === 'unpin') this.#changed('unpinned', undefined, now)
    this.advance(now)
  }

  #drainAsOrdered(session: Session, now: Instant): void {
    const { id, bootId } = session
    const drained = this.#orders.drained.has(bootId)
    if (drained === session.drained) return
    session.drained = drained
    this.#emit(eventOf({ type: drained ? 'drain' : 'undrain', member: id }))
    if (drained) this.#staying.delete(id)
    else if (!session.leaving) this.#staying.set(id, session)
    this.#changed(drained ? 'drained' : 'undrained', id, now)
  }

  woke(now: Instant): void {
    for (const session of this.#roster.expired(now)) this.#remove(session, 'expired', now)
    this.#tombstones.forget(now)
    for (const member of this.#kept.expire(now)) this.#free(member, 'graced', now)
    if (this.#debounce.ends(now)) this.#book.replan(now)
    this.advance(now)
    for (const [bootId, { tenures }] of this.#ghosts) if (tenures.size === 0) this.#ghosts.delete(bootId)
  }

  /** Our own stall gives everybody more time. Only patience moves: no lease is shortened by it, and none lengthened. */
  stalled(forMs: Millis): void {
    this.#roster.stalled(forMs)
    this.#kept.stalled(forMs)
  }

  /** Ends every step, and whatever outside made grants possible: grants what is free, notices that the group settled, and tells those whose share changed. */
  advance(now: Instant): void {
    // One thing goes from hand to hand: nobody else's share depends on who else may come.
    if (this.share === 'tenure' && this.#debounce.ends(now)) this.#book.replan(now)
    this.#book.advance(now)
    if (this.end !== undefined) return this.#host.ended(this.name)
    if (this.#state === 'settling' && this.#debounce.over && this.#book.complete()) {
      this.#state = 'settled'
      this.#emit({ type: 'group.settled', epoch: this.epoch, members: this.sessions.size })
    }
    for (const session of this.#dirty) {
      if (this.sessions.get(session.id) !== session) continue
      this.#host.send(session.address, shareMessage(this, session, this.#host.generation))
    }
    this.#dirty.clear()
  }

  #refuse(to: Address, { member, bootId }: { member: string; bootId: string }, refusal: refusals.Refusal): void {
    this.#host.send(to, { type: 'refused', group: this.name, member, bootId, ...refusal })
  }

  #emit(event: GroupEvent): void {
    const told = this.register?.instead(event, this.sessions) ?? [event]
    for (const each of told) this.#host.emit(this.name, each)
  }

  wakeAt(): Instant | undefined {
    const whoIsThere = Math.min(this.#roster.wakeAt(), this.#debounce.wakeAt(), this.#kept.wakeAt())
    return earliest(whoIsThere, this.#book.wakeAt(), this.#tombstones.wakeAt())
  }
}

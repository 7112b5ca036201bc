import { invariant, type Tick } from '../machine.ts'
import type { Instant } from '../time.ts'
import { Candidacy } from './candidacy.ts'
import { Desk } from './desk.ts'
import { type Role, viewOf, wakeOf } from './election-view.ts'
import { Haste } from './haste.ts'
import type { ElectionEffect, ElectionInput, ElectionOptions, ElectionView, LossReason, PeerAddress } from './io.ts'
import { LeaderBook } from './leader-book.ts'
import { type Leader, MAX_TERM, type PeerMessage, type Sender, sameLeader, type Term } from './messages.ts'
import type { ElectionRecord, Moment } from './record.ts'
import { Refusals } from './refusals.ts'
import { Reign } from './reign.ts'
import { Standing } from './standing.ts'
import { TermLimit } from './term-limit.ts'
import type { TetherId } from './tethers.ts'
import { Voter } from './voter.ts'
import { votersOf } from './voters.ts'

type StartReason = 'silence' | 'transfer' | 'outranked'
type Of<Type extends PeerMessage['type']> = Extract<PeerMessage, { type: Type }>

const NEVER: Instant = Number.POSITIVE_INFINITY

/**
 * One voter of a cluster that elects a leader: Raft's election without a log, with pre-vote, check-quorum and a lease that the leader
 * compares with its clock at every use (docs/election.md).
 *
 * Every step takes both readings of the process: promises, sitting out and patience go by the grantor's (monotonic) clock, the leader's
 * lease and the age of votes by the holder's. `wakeAt` is of the grantor's.
 */
export class Election {
  readonly #options: ElectionOptions
  readonly #desk: Desk
  readonly #refusals = new Refusals()
  readonly #termLimit = new TermLimit()
  readonly #voter: Voter
  /** Who belongs to this cluster. */
  readonly standing: Standing
  readonly #candidacy: Candidacy
  readonly #book: LeaderBook
  readonly #haste: Haste
  #role: Role = { name: 'idle' }
  #stopping = false
  /** Patience: when nobody was heard until then, it asks whether it would be elected. */
  #electionAt: Instant = NEVER
  #announceAt: Instant = NEVER
  #writeAgainAt: Instant = NEVER

  constructor(options: ElectionOptions) {
    invariant(options.voters.includes(options.id), 'whoever has no vote is an observer')
    this.#options = options
    this.#desk = new Desk(options)
    this.#voter = new Voter(this.#desk)
    this.standing = new Standing(this.#desk)
    this.#candidacy = new Candidacy(this.#desk, this.#voter)
    this.#book = new LeaderBook(this.#desk)
    this.#haste = new Haste(this.#desk)
  }

  step(input: ElectionInput | Tick, at: Moment): readonly ElectionEffect[] {
    this.#desk.begin(at)
    if (input.type === 'started') this.#start(input.record)
    else if (this.#role.name !== 'idle') this.#take(input)
    if (this.#role.name === 'leader') this.#tellOfLease(this.#role.reign)
    return this.#desk.decided
  }

  wakeAt(): Instant | undefined {
    const at = wakeOf(this.#role, this.#desk, { voter: this.#voter, book: this.#book })
    const wakeAt = Math.min(at, this.#electionAt, this.#announceAt, this.#writeAgainAt)
    return this.#role.name === 'idle' || wakeAt === NEVER ? undefined : wakeAt
  }

  /** Whether this voter leads at this reading of its holder clock. To be asked at every use, and never to be remembered. */
  leads(held: Instant): boolean {
    return this.#role.name === 'leader' && this.#role.reign.leads(held)
  }

  /** Who this voter is, in what it says; `undefined` before it may take part. */
  get self(): Sender | undefined {
    return this.#role.name !== 'idle' && this.standing.complete ? this.#desk.sender() : undefined
  }

  /** Who could lead next: the one named, or whoever was heard last. `undefined` when there is none, or this voter has no term of its own. */
  successor(to: string | undefined): string | undefined {
    return this.#role.name === 'leader' ? this.#role.reign.successor(to) : undefined
  }

  view(): ElectionView {
    const [voter, standing, book, refusals] = [this.#voter, this.standing, this.#book, this.#refusals]
    return viewOf(this.#role, this.#desk, { voter, standing, book, refusals })
  }

  #start(record: ElectionRecord | undefined): void {
    if (this.#role.name !== 'idle') return
    const { id, cluster } = this.#options
    const isAnothers = record !== undefined && (record.voter !== id || record.cluster !== cluster)
    // Somebody else's directory: whatever is promised in it binds that one, and this one must not vote in its name.
    if (isAnothers) return this.#desk.emit({ type: 'voter.refused', by: id, because: 'anotherStore' })
    this.#desk.open(record)
    const { ids, identity } = this.#desk.voters
    // What was founded together counts: a file that was changed on one machine must not make another quorum.
    if (identity !== votersOf(this.#options.voters).identity)
      this.#desk.emit({ type: 'configuration.ignored', stored: ids })
    if (!this.standing.complete) {
      if (record === undefined) this.#desk.journal.again()
      this.#become({ name: 'new' })
      this.#announce()
    } else this.#sitOut()
  }

  #take(input: Exclude<ElectionInput, { type: 'started' }> | Tick): void {
    switch (input.type) {
      case 'message':
        return this.#receive(input.from, input.message)
      case 'persisted':
      case 'persistFailed':
        this.#desk.journal.ended(input.ticket, input.type === 'persisted')
        return input.type === 'persisted' ? this.#saved() : this.#unsaved()
      case 'superseded':
        return this.#rise(Math.max(input.term, this.#voter.term))
      case 'transfer':
        return this.#transfer(input.to, 'transferred')
      case 'stop':
        this.#stopping = true
        if (this.#role.name === 'leader') this.#transfer(undefined, 'stopped')
        else if (this.#role.name === 'candidate' || this.#role.name === 'preCandidate') this.#follow()
        return
      case 'tetherOpened':
      case 'tetherLost':
        return this.#desk.tethers.take(input)
      case 'tetherEnded':
        return this.#tetherEnded(input.id)
      case 'untether':
        // Others take the end of a tether for the end of what this process leads, so that comes first.
        if (this.#role.name === 'leader') this.#letGo('stopped')
        return this.#desk.closeTethers()
      case 'woke':
        return this.#woke()
      case 'stalled':
        this.#electionAt += input.forMs
        this.#book.wasStalled(input.forMs)
        if (this.#role.name === 'leader') this.#role.reign.quorumAt += input.forMs
    }
  }

  #receive(from: PeerAddress, message: PeerMessage): void {
    const isTooFar = () => this.#termLimit.isTooFar(message, this.#voter.term)
    const fault = this.standing.faultOf(message) ?? (isTooFar() ? 'termTooFarAhead' : undefined)
    if (fault !== undefined) {
      // Its own words come back when a network echoes: nobody else has this boot id.
      if (fault === 'ownId' && message.sender.bootId === this.#options.bootId) return
      if (fault === 'termTooFarAhead') this.#stepAfter(message)
      return this.#refusals.refuse(from, message, fault, this.#desk)
    }
    const { sender } = message
    if (message.type === 'refused') return this.#refusals.weAre(sender.id, message.because, this.#desk)
    this.standing.heard(message)
    if (this.standing.take(from, message, this.#voter.sitsOut)) this.#takePart(message.type === 'rejoined')
    if (!this.standing.complete) return
    if (message.type !== 'beat') this.#refusals.heard(sender.id)
    switch (message.type) {
      case 'preVote':
        if (!this.#voter.wouldVote(from, message) || this.#role.name !== 'preCandidate') return
        return this.#haste.yieldsTo(sender.id) ? this.#follow() : undefined
      case 'vote':
        return this.#vote(from, message)
      case 'preVoted':
      case 'voted':
        return this.#answered(message)
      case 'beat':
        return this.#heardBeat(from, message)
      case 'acked':
        return this.#role.name === 'leader' ? this.#role.reign.acked(message) : undefined
      case 'outranked':
        return this.#outranked(message)
      case 'timeoutNow':
        return this.#elected(message)
      case 'observe':
        if (this.#role.name === 'leader') this.#role.reign.observe(from)
    }
  }

  /** Its term is too far ahead: this one follows by a step where a term within reach would have moved it. */
  #stepAfter(message: PeerMessage): void {
    const { grantor } = this.#desk.at
    const above = this.#termLimit.stepFrom(this.#voter.term)
    const leading = this.#role.name === 'leader'
    if (!this.#termLimit.moves(message, leading) || !(leading || this.#voter.mayVote(undefined))) return
    if (!this.standing.complete || !this.#termLimit.mayStep(grantor, this.#options.timing.electionMaxMs)) return
    if (message.type === 'outranked') return this.#outranked({ ...message, ownTerm: above })
    this.#voter.adopt(above)
    this.#follow()
  }

  /** Founded, or back with an empty disk: from now on it votes. What it may have promised before its disk was lost it waits for first. */
  #takePart(rejoined: boolean): void {
    this.#announceAt = NEVER
    if (rejoined) return this.#sitOut()
    this.#announce()
    this.#announceAt = NEVER
    this.#follow()
  }

  #sitOut(): void {
    this.#voter.sitOut()
    this.#become({ name: 'sittingOut' })
    this.#electionAt = NEVER
  }

  #vote(from: PeerAddress, message: Of<'vote'>): void {
    // Nobody can have heard that this term was let go.
    if (this.#role.name === 'leader' && sameLeader(message.overriding, this.#asLeader())) return
    const before = this.#voter.term
    if (this.#voter.vote(from, message) !== 'granted') return
    if (this.#voter.term > before || this.#role.name === 'preCandidate') this.#follow('outranked')
    this.#waitAgain()
  }

  #answered(message: Of<'preVoted' | 'voted'>): void {
    const { name } = this.#role
    if (name !== (message.type === 'voted' ? 'candidate' : 'preCandidate')) return
    const outcome = this.#candidacy.answered(message)
    if (outcome === 'outranked') {
      this.#voter.adopt(message.ownTerm)
      this.#follow()
    } else if (outcome === 'won') {
      if (name === 'candidate') this.#lead()
      else this.#campaign(undefined, 'silence')
    }
  }

  #ask(): void {
    if (!this.#mayCampaign(undefined)) return this.#waitAgain()
    this.#become({ name: 'preCandidate' })
    this.#waitAgain()
    this.#electionAt = Math.min(this.#electionAt, this.#haste.againAt)
    if (this.#candidacy.ask() === 'wouldWin') this.#campaign(undefined, 'silence')
  }

  #mayCampaign(overriding: Leader | undefined): boolean {
    return !this.#stopping && !this.#desk.journal.lost && this.#voter.mayVote(overriding)
  }

  #campaign(overriding: Leader | undefined, because: StartReason, above: Term = this.#voter.term): void {
    if (!this.#mayCampaign(overriding) || above >= MAX_TERM) return this.#waitAgain()
    this.#candidacy.stand(above + 1, overriding)
    this.#become({ name: 'candidate' })
    this.#waitAgain()
    this.#desk.emit({ type: 'election.started', term: above + 1, because })
    this.#saved()
  }

  #saved(): void {
    if (this.#role.name === 'candidate' && this.#candidacy.saved() === 'won') this.#lead()
  }

  #unsaved(): void {
    if (!this.#desk.journal.lost) return
    this.#writeAgainAt = this.#desk.at.grantor + this.#options.timing.electionMaxMs
    if (this.#role.name === 'candidate') this.#follow()
  }

  #lead(): void {
    const reign = new Reign(this.#desk, this.#voter.term, this.#book.highestGeneration)
    this.#become({ name: 'leader', reign })
    this.#electionAt = NEVER
    this.#beat(reign)
  }

  #asLeader(): Leader {
    const { id, bootId } = this.#options
    return { id, bootId, term: this.#voter.term }
  }

  #beat(reign: Reign): void {
    this.#voter.promise.give(this.#asLeader(), this.#options.timing.electionMinMs, this.#desk.at.grantor)
    reign.beat()
  }

  #tellOfLease(reign: Reign): void {
    const leads = reign.leads(this.#desk.at.holder)
    if (leads === this.#book.tellsOfOwn) return
    if (!leads) return this.#book.lost('lapsed')
    this.#book.isOurs({ ...this.#asLeader(), generation: reign.generation })
    // At once, so that nobody waits for the next heartbeat to hear who leads.
    this.#beat(reign)
  }

  #outranked(message: Of<'outranked'>): void {
    if (this.#role.name !== 'leader' || !this.#role.reign.asked(message) || message.ownTerm <= message.term) return
    if (this.leads(this.#desk.at.holder)) return this.#rise(message.ownTerm)
    this.#letGo('outranked')
    this.#voter.adopt(message.ownTerm)
  }

  /** While its lease runs nobody leads in a later term, and it has to be elected above those that there were. */
  #rise(above: Term): void {
    if (!this.leads(this.#desk.at.holder)) return
    const leader = this.#asLeader()
    this.#letGo('outranked')
    this.#campaign(leader, 'outranked', above)
  }

  /** It never leads again in this term, and nobody needs to keep a promise that was made to it. */
  #letGo(because: LossReason): void {
    this.#voter.promise.waive(this.#asLeader())
    this.#book.lost(because)
    this.#follow()
  }

  /** The process that it follows has ended, or has let go: others' promises stand, but this one is free. */
  #tetherEnded(id: TetherId): void {
    const over = this.#voter.tetherEnded(id)
    if (over !== undefined && this.#book.isLeader(over)) this.#book.lost('ended')
    if (over === undefined || !['follower', 'preCandidate'].includes(this.#role.name)) return
    this.#haste.begin()
    this.#ask()
  }

  #transfer(to: string | undefined, because: LossReason): void {
    if (this.#role.name !== 'leader') return this.#desk.emit({ type: 'transfer.refused', because: 'notLeading' })
    const successor = this.#role.reign.successor(to)
    if (successor === undefined && because === 'transferred')
      return this.#desk.emit({ type: 'transfer.refused', because: 'nobodyThere' })
    const { term } = this.#voter
    this.#letGo(because)
    if (successor !== undefined) this.#desk.send(successor, { type: 'timeoutNow', term })
  }

  /** The leader of this very term has let go in favour of this voter. */
  #elected({ sender, term }: Of<'timeoutNow'>): void {
    const leader = { id: sender.id, bootId: sender.bootId, term }
    if (term !== this.#voter.term || !this.#book.isLeader(leader) || !this.#mayCampaign(leader)) return
    this.#voter.promise.waive(leader)
    this.#book.lost('transferred')
    this.#campaign(leader, 'transfer')
  }

  #heardBeat(from: PeerAddress, message: Of<'beat'>): void {
    // Its last words may come after its end, on another connection, and must not bind anybody once more.
    if (this.#voter.sawEndOf(message)) return
    // Within one term this would be a second leader.
    if (this.#role.name === 'leader' && message.term === this.#role.reign.term)
      return this.#refusals.refuse(from, message, 'anotherLeader', this.#desk)
    // A later leader was elected without this one, which lets go before it promises anything to somebody else.
    if (this.#role.name === 'leader' && message.term > this.#role.reign.term) this.#letGo('outranked')
    const { term } = this.#voter
    const outcome = this.#voter.acknowledge(from, message, !this.#voter.sitsOut && !this.#stopping)
    if (outcome === 'older') {
      // A term that it had to raise itself: what it asked for before is over.
      if (this.#voter.term > term && this.#role.name !== 'sittingOut') this.#follow()
      return
    }
    if (outcome === 'another') return this.#refusals.refuse(from, message, 'anotherLeader', this.#desk)
    if (this.#role.name !== 'sittingOut') this.#follow()
    this.#refusals.heard(message.sender.id)
    this.#book.heard(message)
  }

  #waitAgain(): void {
    const { electionMinMs, electionMaxMs } = this.#options.timing
    const waitMs = electionMinMs + (electionMaxMs - electionMinMs) * this.#options.random.next()
    this.#electionAt = Math.max(this.#desk.at.grantor + waitMs, this.#voter.promise.until)
  }

  #woke(): void {
    const { grantor: now } = this.#desk.at
    this.#book.forgetIfSilent()
    if (this.#role.name === 'sittingOut' && !this.#voter.sitsOut) this.#follow()
    if (now >= this.#writeAgainAt) {
      this.#writeAgainAt = NEVER
      if (this.#desk.journal.lost) this.#desk.journal.again()
    }
    if (now >= this.#announceAt) this.#announce()
    if (now >= this.#electionAt) this.#ask()
    if (this.#role.name !== 'leader') return
    const { reign } = this.#role
    if (now >= reign.quorumAt) return this.#letGo('noMajority')
    if (now >= reign.beatAt) this.#beat(reign)
  }

  #announce(): void {
    const before = this.standing.complete
    this.#announceAt = this.#desk.at.grantor + this.#options.timing.heartbeatMs
    this.standing.announce()
    if (this.standing.complete && !before) this.#takePart(false)
  }

  #follow(because?: LossReason): void {
    if (this.#role.name === 'leader' && because !== undefined) this.#book.lost(because)
    this.#become({ name: 'follower' })
    this.#waitAgain()
  }

  /** The only place where a role changes. */
  #become(role: Role): void {
    this.#role = role
  }
}

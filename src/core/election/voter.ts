import type { Instant } from '../time.ts'
import type { ElectionDesk, PeerAddress } from './io.ts'
import { type Boot, type Leader, type PeerMessage, sameBoot, type Term } from './messages.ts'
import { VoterPromise } from './promise.ts'
import type { Ticket } from './record.ts'
import type { TetherId } from './tethers.ts'

type Beat = Extract<PeerMessage, { type: 'beat' }>
type Question = Extract<PeerMessage, { type: 'vote' | 'preVote' }>

/** What one voter owes: one vote a term, one leader a term, and the promise that it has given. Whatever it answers is durable first. */
export class Voter {
  readonly promise = new VoterPromise()
  readonly #desk: ElectionDesk
  #sitOutUntil: Instant = Number.NEGATIVE_INFINITY
  #over: Leader | undefined

  constructor(desk: ElectionDesk) {
    this.#desk = desk
  }

  get term(): Term {
    return this.#desk.journal.record.term
  }

  get sitOutUntil(): Instant {
    return this.#sitOutUntil
  }

  /** After a restart nobody knows any more to whom the last promise was given, so it is kept towards everybody. */
  sitOut(): void {
    const { options, journal, at } = this.#desk
    const { electionMinMs, electionMaxMs } = options.timing
    const longestMs = Math.max(journal.record.promiseMs, electionMaxMs, options.store ? 0 : electionMinMs)
    this.#sitOutUntil = at.grantor + longestMs
  }

  get sitsOut(): boolean {
    return this.#desk.at.grantor < this.#sitOutUntil
  }

  /** Whether its vote, also the one for itself, is free. */
  mayVote(overriding: Leader | undefined): boolean {
    return !this.sitsOut && !this.promise.bars(this.#desk.at.grantor, overriding)
  }

  /** Its own vote, in a term that must be durable before anything follows from it. */
  standIn(term: Term): Ticket {
    const { journal, options } = this.#desk
    const { id, bootId } = options
    const promiseMs = Math.max(journal.record.promiseMs, options.timing.electionMinMs)
    return journal.change({ term, vote: { id, bootId }, follows: undefined, promiseMs })
  }

  adopt(term: Term): void {
    this.#desk.journal.change({ term, vote: undefined, follows: undefined })
  }

  /** Whether its process has ended, or has let go of that term: whoever ends a tether has let go of all that it had led by then. */
  sawEndOf({ sender, term }: Beat): boolean {
    return this.#over !== undefined && sameBoot(this.#over, sender) && term <= this.#over.term
  }

  /** Gives the leader that this voter owes nothing any more; `undefined`: nothing follows from that end. */
  tetherEnded(id: TetherId): Leader | undefined {
    if (!this.#desk.tethers.over(id)) return undefined
    const leader = this.promise.ended(id)
    this.#over = leader ?? this.#over
    return leader
  }

  /** Answers what changes nothing: whether it would. Whoever is bound by a promise does not answer at all. */
  wouldVote(from: PeerAddress, { term, round }: Question): boolean {
    if (!this.mayVote(undefined)) return false
    const granted = term > this.term
    const body = { type: 'preVoted', term, round, granted, ownTerm: this.term } as const
    this.#desk.send(from, body, this.#desk.journal.after)
    return granted
  }

  /** Gives its vote, or says why not. Whoever is bound by a promise does neither: not even the term is taken. */
  vote(from: PeerAddress, message: Extract<Question, { type: 'vote' }>): 'granted' | 'refused' | 'ignored' {
    const { term, round, overriding, sender } = message
    if (!this.mayVote(overriding)) return 'ignored'
    const { journal } = this.#desk
    const granted = term > this.term || (term === this.term && this.#hasVoteFor(sender))
    if (granted) {
      if (overriding !== undefined) this.promise.waive(overriding)
      const { id, bootId } = sender
      if (term > this.term || journal.record.vote === undefined)
        journal.change({ term, vote: { id, bootId }, follows: term > this.term ? undefined : journal.record.follows })
    }
    const body = { type: 'voted', term, round, granted, ownTerm: this.term } as const
    this.#desk.send(from, body, journal.after)
    return granted ? 'granted' : 'refused'
  }

  #hasVoteFor(candidate: Boot): boolean {
    const { vote, follows } = this.#desk.journal.record
    if (vote !== undefined) return sameBoot(vote, candidate)
    return follows === undefined || sameBoot(follows, candidate)
  }

  /**
   * Acknowledges the one leader of its term and promises what it asks, at most `electionMaxMs`. `heard`: it leads, but somebody else still
   * has this voter's promise, or there is none to give.
   */
  acknowledge(from: PeerAddress, beat: Beat, eligible: boolean): 'followed' | 'heard' | 'older' | 'another' {
    const { journal, options, at } = this.#desk
    const { term, round, sender } = beat
    const { id, bootId } = sender
    if (term < this.term) {
      this.#desk.send(from, { type: 'outranked', term, round, ownTerm: this.term }, journal.after)
      return 'older'
    }
    const { follows, vote, promiseMs: longestMs } = journal.record
    if (this.promise.isGivenToAnother({ id, bootId, term }, at.grantor)) return 'heard'
    if (!options.store && this.sitsOut) return 'heard'
    if (term === this.term && follows !== undefined && !sameBoot(follows, sender)) return this.#refuses(from, beat)
    const promiseMs = Math.min(beat.promiseMs, options.timing.electionMaxMs)
    if (term > this.term || follows === undefined || promiseMs > longestMs) {
      const kept = term === this.term ? vote : undefined
      const longest = Math.max(longestMs, promiseMs)
      journal.change({ term, vote: kept ?? { id, bootId }, follows: { id, bootId }, promiseMs: longest })
    }
    // Only what both ends hold for open: here, since this voter has to read its end; and there, since the leader lets go before it closes it.
    const { tether } = beat
    const quoted = tether !== undefined && this.#desk.tethers.isOpen(tether, sender) ? { tether } : {}
    this.promise.give({ id, bootId, term }, promiseMs, at.grantor, quoted.tether)
    this.#desk.send(from, { type: 'acked', term, round, ...quoted, promiseMs, eligible }, journal.after)
    return 'followed'
  }

  /**
   * A second leader in one term. Where votes are written down there is none. Where they are not, enough voters may have forgotten the first
   * one; whoever has not can follow neither in this term, and asks the one that lives for a later term.
   */
  #refuses(from: PeerAddress, { term, round }: Beat): 'another' | 'older' {
    if (this.#desk.options.store) return 'another'
    this.adopt(term + 1)
    this.#desk.send(from, { type: 'outranked', term, round, ownTerm: term + 1 })
    return 'older'
  }
}

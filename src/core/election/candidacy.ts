import type { Instant, Millis } from '../time.ts'
import type { ElectionDesk } from './io.ts'
import { firstRound, type Leader, type PeerMessage, type Term } from './messages.ts'
import { Ballot } from './quorum.ts'
import type { Ticket } from './record.ts'
import type { Voter } from './voter.ts'

type Answer = Extract<PeerMessage, { type: 'preVoted' | 'voted' }>

/** One round of questions, to all voters at once: whether they would vote, or the vote itself. */
export class Poll {
  readonly term: Term
  readonly round: number
  readonly #askedAt: Instant
  readonly #ballot: Ballot

  /** `askedAt` by the holder's clock: an answer to a question from before a sleep is an old one. */
  constructor(asked: { term: Term; round: number; voters: number; self: string; askedAt: Instant }) {
    this.term = asked.term
    this.round = asked.round
    this.#askedAt = asked.askedAt
    this.#ballot = new Ballot(asked.voters)
    this.#ballot.add(asked.self)
  }

  /** A vote counts only for a while: whoever gave it may have forgotten it since, or be bound to somebody else. */
  granted(voter: string, answer: { term: Term; round: number }, now: Instant, withinMs: Millis): void {
    if (answer.term !== this.term || answer.round !== this.round) return
    if (now - this.#askedAt < withinMs) this.#ballot.add(voter)
  }

  get won(): boolean {
    return this.#ballot.won
  }
}

/** One attempt after the other to be elected: first whether anybody would vote, then one's own vote on the disk, then everybody's. */
export class Candidacy {
  readonly #desk: ElectionDesk
  readonly #voter: Voter
  /** What is asked now. */
  #poll: Poll | undefined
  /** Its own vote that is not durable yet: nobody is asked before. */
  #standing: { readonly ticket: Ticket; readonly overriding: Leader | undefined } | undefined
  #round: number

  constructor(desk: ElectionDesk, voter: Voter) {
    this.#desk = desk
    this.#round = firstRound(desk.options.random)
    this.#voter = voter
  }

  /** Asks whether it would be elected, before the term is raised: whoever was cut off disturbs nobody when it is back. */
  ask(): 'asked' | 'wouldWin' {
    this.#standing = undefined
    const poll = this.#newPoll(this.#voter.term + 1)
    this.#desk.broadcast({ type: 'preVote', term: poll.term, round: poll.round })
    return poll.won ? 'wouldWin' : 'asked'
  }

  /** Votes for itself, which counts and is told once it is durable. */
  stand(term: Term, overriding: Leader | undefined): void {
    this.#poll = undefined
    this.#standing = { ticket: this.#voter.standIn(term), overriding }
  }

  /** Something is durable; if it is its own vote, everybody is asked for theirs. */
  saved(): 'waiting' | 'asked' | 'won' {
    if (this.#standing === undefined || !this.#desk.journal.holds(this.#standing.ticket)) return 'waiting'
    const { overriding } = this.#standing
    this.#standing = undefined
    const { term, round, won } = this.#newPoll(this.#voter.term)
    this.#desk.broadcast({ type: 'vote', term, round, ...(overriding !== undefined && { overriding }) })
    return won ? 'won' : 'asked'
  }

  /** Counts an answer to what is asked now; others count for nothing. */
  answered(answer: Answer): 'open' | 'outranked' | 'won' {
    if (!answer.granted) return answer.ownTerm > this.#voter.term ? 'outranked' : 'open'
    const { at, options } = this.#desk
    this.#poll?.granted(answer.sender.id, answer, at.holder, options.timing.electionMinMs)
    return this.#poll?.won === true ? 'won' : 'open'
  }

  #newPoll(term: Term): Poll {
    const { options, voters, at } = this.#desk
    const asked = { term, round: ++this.#round, askedAt: at.holder }
    const poll = new Poll({ ...asked, voters: voters.ids.length, self: options.id })
    this.#poll = poll
    return poll
  }
}

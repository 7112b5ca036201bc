import type { Instant, Millis } from '../time.ts'
import { MAX_TERM, MAX_TERM_LEAD, type PeerMessage, type Term } from './messages.ts'

/**
 * How far ahead a term may be. One message must not use up the numbers, so what is farther is refused. But a voter that was led far ahead by
 * more than one would then be refused for good, and of two voters nobody could lead any more: so what is refused moves this one as well, by
 * one step and not often, where a term within reach would have moved it (docs/adr/0022).
 */
export class TermLimit {
  #stepAt: Instant = Number.NEGATIVE_INFINITY

  /** Whoever rejoins takes what all others say, and knows no term of its own. */
  isTooFar(message: PeerMessage, own: Term): boolean {
    if (message.type === 'rejoined') return false
    const term = 'term' in message ? message.term : 0
    const said = 'ownTerm' in message ? message.ownTerm : 0
    return Math.max(term, said) > own + MAX_TERM_LEAD
  }

  /** Whether it would have moved this one, had its term been within reach. */
  moves(message: PeerMessage, leading: boolean): boolean {
    const answers = (message.type === 'preVoted' || message.type === 'voted') && !message.granted
    return leading ? message.type === 'outranked' : answers || message.type === 'beat'
  }

  /** Whether it is time for a step. */
  mayStep(now: Instant, everyMs: Millis): boolean {
    if (now < this.#stepAt) return false
    this.#stepAt = now + everyMs
    return true
  }

  stepFrom(own: Term): Term {
    return Math.min(own + MAX_TERM_LEAD, MAX_TERM)
  }
}

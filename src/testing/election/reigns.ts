import type { Moment } from '../../core/election/record.ts'
import { epochOf } from '../../core/lease.ts'
import type { ElectionConditions } from './conditions.ts'
import type { Peer } from './peer.ts'
import { must } from './violation.ts'

/** Two ends that differ by less are the same: real time is computed back from clocks with a rate. */
const ROUNDING_MS = 1e-6

interface Belief {
  readonly peer: Peer
  readonly what: string
  /** In real time. */
  readonly end: number
}

/**
 * Who believes to lead, exactly and in real time: not sampled, but as intervals. A belief is a function of the clock, so two of them
 * overlap if and only if, when the later one begins or is extended, the earlier one has not ended.
 */
export class Reigns {
  readonly #conditions: ElectionConditions
  readonly #now: () => number
  readonly #beliefs = new Map<Peer, Belief>()
  readonly #leaderOf = new Map<number, string>()
  /** Leaderships of which the token was seen. */
  readonly #tokens = new Set<string>()
  #highest: { token: number; who: string } = { token: 0, who: 'nobody' }
  /** Of a leader in good order: for a run in which nothing goes wrong. */
  readonly led: string[] = []

  constructor(conditions: ElectionConditions, now: () => number) {
    this.#conditions = conditions
    this.#now = now
  }

  stepped(peer: Peer, at: Moment): void {
    const { machine } = peer
    const { role, term, leaseUntil, leader } = machine.view()
    const who = `${peer.bootId} of term ${term}`
    // What is compared below is the end that the view names, so the check that users make has to end there, too.
    must(!machine.leads(leaseUntil), 'E6', () => `${who} still leads at the end of the lease that it names`)
    must(role === 'leader' || !machine.leads(at.holder), 'E6', () => `${who} leads, and is ${role}`)
    if (role === 'leader') this.#oneOf(term, peer.bootId)
    if (role !== 'leader' || !machine.leads(at.holder)) {
      this.#beliefs.delete(peer)
      return
    }
    if (leader !== undefined && leader.bootId === peer.bootId) this.#token(leader.token, leader.generation, who)
    if (this.led.at(-1) !== who) this.led.push(who)
    const end = this.#now() + (leaseUntil - at.holder) / peer.clock.rate
    this.#believes({ peer, what: who, end })
  }

  gone(peer: Peer): void {
    this.#beliefs.delete(peer)
  }

  /** Whoever leads by now. */
  get leading(): readonly Peer[] {
    const now = this.#now()
    return [...this.#beliefs.values()].filter(({ end }) => end > now).map(({ peer }) => peer)
  }

  #oneOf(term: number, bootId: string): void {
    // Votes and terms are forgotten where nothing is written down.
    if (!this.#conditions.store) return
    const other = this.#leaderOf.get(term)
    must(other === undefined || other === bootId, 'E1', () => `${other} and ${bootId} both lead in term ${term}`)
    this.#leaderOf.set(term, bootId)
  }

  #token(token: number, generation: number, who: string): void {
    if (!this.#conditions.store || this.#tokens.has(who)) return
    this.#tokens.add(who)
    const before = this.#highest
    must(token > before.token, 'E5', () => `${who} has the token ${token} after ${before.token} of ${before.who}`)
    must(token === epochOf(generation, 0), 'E5', () => `the token of ${who} is not that of its generation`)
    this.#highest = { token, who }
  }

  #believes(belief: Belief): void {
    this.#beliefs.set(belief.peer, belief)
    if (this.#conditions.profile === 'beyond') return
    const now = this.#now()
    for (const other of this.#beliefs.values()) {
      if (other.peer === belief.peer || other.end <= now + ROUNDING_MS || belief.end <= now + ROUNDING_MS) continue
      must(
        false,
        'E4',
        () =>
          `two lead at once: ${belief.what} until ${belief.end.toFixed(3)}, ${other.what} until ${other.end.toFixed(3)}`,
      )
    }
  }
}

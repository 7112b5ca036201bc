import { type Generation, MAX_GENERATION } from '../lease.ts'
import type { Instant } from '../time.ts'
import type { ElectionDesk, PeerAddress } from './io.ts'
import { LeaderLease } from './leader-lease.ts'
import { firstRound, type PeerMessage, type Term } from './messages.ts'

/** More observers than this are not told who leads; they ask again. */
const MAX_OBSERVERS = 1_000

interface Heard {
  readonly at: Instant
  readonly eligible: boolean
}

/** One term of one leader, from its election until it lets go. It does not begin again: above it there are only later terms. */
export class Reign {
  readonly term: Term
  readonly generation: Generation
  readonly lease: LeaderLease
  readonly #desk: ElectionDesk
  readonly #heard = new Map<string, Heard>()
  readonly #observers = new Map<PeerAddress, Instant>()
  readonly #firstRound: number
  #round: number
  /** When the next heartbeat is due. */
  beatAt: Instant
  /** By then a majority must have acknowledged again, or it lets go. Patience: a stall of one's own moves it. */
  quorumAt: Instant

  constructor(desk: ElectionDesk, term: Term, highestGeneration: Generation) {
    const { id, timing, drift } = desk.options
    this.#desk = desk
    this.term = term
    this.#firstRound = firstRound(desk.options.random)
    this.#round = this.#firstRound
    const { founding } = desk.journal.record
    // Where there are stores, every voter finds the same one. Without, it rises for as long as anybody lives who has seen the last.
    const unfounded = Math.min(Math.max(highestGeneration + 1, desk.options.fresh.base + term), MAX_GENERATION)
    this.generation = founding === undefined ? unfounded : founding.base + term
    this.lease = new LeaderLease({
      self: id,
      voters: desk.voters.ids.length,
      leaseMs: timing.leaseMs,
      ...(drift !== undefined && { drift }),
    })
    this.beatAt = desk.at.grantor
    this.quorumAt = desk.at.grantor + timing.electionMaxMs
  }

  /** Compared with the clock at every use: no timer has to clear anything. */
  leads(held: Instant): boolean {
    return held < this.lease.until
  }

  /** Asks everybody for another promise, and counts from now. */
  beat(): void {
    const { at, options } = this.#desk
    const { heartbeatMs, electionMinMs: promiseMs } = options.timing
    const round = ++this.#round
    const leads = this.leads(at.holder)
    this.lease.sent(round, promiseMs, at.holder)
    this.beatAt = at.grantor + heartbeatMs
    const { term, generation } = this
    const body = { type: 'beat', term, round, promiseMs, leads, generation } as const
    const { ids } = this.#desk.voters
    for (const id of ids) if (id !== options.id) this.#desk.send(id, { ...body, ...this.#desk.tethers.with(id) })
    for (const [to, until] of this.#observers) {
      if (until <= at.grantor) this.#observers.delete(to)
      else this.#desk.send(to, body)
    }
    if (ids.length === 1) this.#confirmed()
  }

  /** Takes an acknowledgement of one of its own heartbeats; others change nothing. */
  acked({ sender, term, round, promiseMs, eligible, tether }: Extract<PeerMessage, { type: 'acked' }>): void {
    if (term !== this.term) return
    // Whoever quotes one that is closed here may have read its end by now, and owe nothing.
    if (tether !== undefined && !this.#desk.tethers.isOpen(tether, sender)) return
    const { at } = this.#desk
    const before = this.lease.until
    if (!this.lease.acked(sender.id, round, promiseMs)) return
    this.#heard.set(sender.id, { at: at.grantor, eligible })
    if (this.lease.until > before) this.#confirmed()
  }

  #confirmed(): void {
    this.quorumAt = this.#desk.at.grantor + this.#desk.options.timing.electionMaxMs
  }

  /** Whether it is an answer to a heartbeat of this term. */
  asked({ term, round }: { readonly term: Term; readonly round: number }): boolean {
    return term === this.term && round > this.#firstRound && round <= this.#round
  }

  observe(from: PeerAddress): void {
    if (!this.#observers.has(from) && this.#observers.size >= MAX_OBSERVERS) return
    this.#observers.set(from, this.#desk.at.grantor + 3 * this.#desk.options.timing.electionMaxMs)
  }

  get observers(): number {
    return this.#observers.size
  }

  /** Who could lead next: the one named, or whoever was heard last. Undefined when nobody who could was heard lately. */
  successor(wanted: string | undefined): string | undefined {
    const { at, options } = this.#desk
    const since = at.grantor - options.timing.electionMaxMs
    const able = [...this.#heard].filter(([id, heard]) => heard.eligible && heard.at > since && id !== options.id)
    if (wanted !== undefined) return able.find(([id]) => id === wanted)?.[0]
    return able.sort(([, a], [, b]) => b.at - a.at)[0]?.[0]
  }
}

import { epochOf, type Generation } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { ElectionDesk, KnownLeader, LossReason } from './io.ts'
import { type Leader, type PeerMessage, sameLeader } from './messages.ts'

/** What a peer that needs no more than to know who leads has of an election's desk. */
type BookDesk = Pick<ElectionDesk, 'at' | 'emit'> & {
  readonly options: { readonly timing: { readonly electionMaxMs: Millis } }
}

/** Who leads, as far as this peer knows: nobody, once a leader is silent, or says that a majority is not with it. */
export class LeaderBook {
  readonly #desk: BookDesk
  /** The process whose heartbeats are heard, whether it leads already or not. */
  #heardOf: Leader | undefined
  #known: KnownLeader | undefined
  #own = false
  #until: Instant = Number.NEGATIVE_INFINITY
  #highestGeneration: Generation = 0

  constructor(desk: BookDesk) {
    this.#desk = desk
  }

  get known(): KnownLeader | undefined {
    return this.#known
  }

  /** Until then it counts without another heartbeat. */
  get until(): Instant {
    return this.#own ? Number.POSITIVE_INFINITY : this.#until
  }

  get wakeAt(): Instant {
    return this.#known === undefined || this.#own ? Number.POSITIVE_INFINITY : this.#until
  }

  get tellsOfOwn(): boolean {
    return this.#own
  }

  get highestGeneration(): Generation {
    return this.#highestGeneration
  }

  isLeader(leader: Leader): boolean {
    return sameLeader(this.#heardOf, leader)
  }

  isOurs(leader: Leader & { readonly generation: Generation }): void {
    this.#own = true
    this.#tell(leader)
  }

  heard({ sender, term, generation, leads }: Extract<PeerMessage, { type: 'beat' }>): void {
    const leader = { id: sender.id, bootId: sender.bootId, term }
    this.#until = this.#desk.at.grantor + this.#desk.options.timing.electionMaxMs
    const isKnown = sameLeader(this.#known, leader)
    if (this.#known !== undefined && !isKnown) this.lost('replaced')
    this.#heardOf = leader
    if (leads && !isKnown) this.#tell({ ...leader, generation })
    else if (!leads && isKnown) this.#forget('lapsed')
  }

  #tell(leader: Leader & { readonly generation: Generation }): void {
    const { id, bootId, term, generation } = leader
    this.#highestGeneration = Math.max(this.#highestGeneration, generation)
    this.#known = { id, bootId, term, generation, token: epochOf(generation, 0) }
    this.#desk.emit({ type: 'leader.elected', leader: this.#known })
  }

  lost(because: LossReason): void {
    this.#heardOf = undefined
    this.#forget(because)
  }

  #forget(because: LossReason): void {
    const leader = this.#known
    this.#known = undefined
    this.#own = false
    if (leader !== undefined) this.#desk.emit({ type: 'leader.lost', leader, because })
  }

  forgetIfSilent(): void {
    if (!this.#own && this.#known !== undefined && this.#desk.at.grantor >= this.#until) this.lost('silent')
  }

  wasStalled(forMs: Millis): void {
    this.#until += forMs
  }
}

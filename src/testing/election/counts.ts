import { storeOf } from '../../core/election/founding.ts'
import type { ElectionEffect, ElectionInput } from '../../core/election/io.ts'
import { restsMs } from '../../core/election/leader-lease.ts'
import { messageFault } from '../../core/election/message-fault.ts'
import type { PeerMessage } from '../../core/election/messages.ts'
import type { Moment } from '../../core/election/record.ts'
import type { Tick } from '../../core/machine.ts'
import { idOf, type Peer } from './peer.ts'
import type { TethersTold } from './tethers-told.ts'
import { must } from './violation.ts'

/** Answers to one question of one peer. */
interface Poll {
  readonly term: number
  readonly round: number
  readonly askedAt: number
  readonly by: Set<string>
}

interface Tally {
  preVote: Poll | undefined
  /** The term that a majority would have voted for it in. */
  wouldWin: number
  vote: Poll | undefined
  handedOver: number
  ledTerm: number
  readonly sentAt: Map<number, number>
  readonly supports: Map<string, number>
  readonly ackedAt: Map<string, number>
  /** Stores that were put in the place of others. */
  readonly replacedBy: Set<string>
  beatTerm: number
  /** By the grantor's clock: when a majority last extended its lease, and how long it stood still since. */
  confirmedAt: number
  bound: number
}

const ROUNDING_MS = 1e-6

/** Counts for itself what candidates and leaders rest on: only what reached them, from when they asked for it. */
export class Counts {
  readonly #tallies = new Map<Peer, Tally>()
  readonly #tethers: TethersTold

  constructor(tethers: TethersTold) {
    this.#tethers = tethers
  }

  #of(peer: Peer): Tally {
    let tally = this.#tallies.get(peer)
    if (tally === undefined) {
      tally = {
        preVote: undefined,
        wouldWin: -1,
        vote: undefined,
        handedOver: -1,
        ledTerm: -1,
        sentAt: new Map(),
        supports: new Map(),
        ackedAt: new Map(),
        replacedBy: new Set(),
        beatTerm: -1,
        confirmedAt: Number.NEGATIVE_INFINITY,
        bound: Number.NEGATIVE_INFINITY,
      }
      this.#tallies.set(peer, tally)
    }
    return tally
  }

  gone(peer: Peer): void {
    this.#tallies.delete(peer)
  }

  /** Before the machine steps: whether it may lead at this use, and what reaches it. */
  steps(peer: Peer, input: ElectionInput | Tick, at: Moment): void {
    const tally = this.#of(peer)
    must(
      !peer.machine.leads(at.holder) || at.holder < tally.bound + ROUNDING_MS,
      'E6',
      () => `${peer.bootId} leads ${(at.holder - tally.bound).toFixed(3)} ms after the end of what a majority gave it`,
    )
    if (input.type === 'stalled') tally.confirmedAt += input.forMs
    if (input.type !== 'message') return
    const { message } = input
    // What is malformed says nothing, and so gives nothing.
    if (!belongs(peer, message) || messageFault(message) !== undefined) return
    if (message.type === 'preVoted' && message.granted === true) this.#answered(peer, tally.preVote, message, at)
    if (message.type === 'voted' && message.granted === true) this.#answered(peer, tally.vote, message, at)
    if (message.type === 'timeoutNow' && message.term === peer.machine.view().term) tally.handedOver = message.term
    if (message.type === 'acked' && message.term === tally.beatTerm) {
      tally.ackedAt.set(message.sender.id, at.grantor)
      const { sender, round, promiseMs, tether } = message
      if (tether === undefined || this.#tethers.isOpen(peer, tether, sender))
        this.#supported(peer, tally, sender.id, round, promiseMs, at)
    }
    const { preVote } = tally
    if (preVote !== undefined && isMajority(preVote.by.size, peer)) tally.wouldWin = preVote.term
  }

  #answered(
    peer: Peer,
    poll: Poll | undefined,
    { term, round, sender }: Extract<PeerMessage, { type: 'voted' | 'preVoted' }>,
    at: Moment,
  ): void {
    if (poll === undefined || poll.term !== term || poll.round !== round) return
    if (at.holder - poll.askedAt < peer.options.timing.electionMinMs) poll.by.add(sender.id)
  }

  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick, at: Moment): void {
    if (effect.type !== 'send') return
    const { message } = effect
    const tally = this.#of(peer)
    switch (message.type) {
      case 'preVote':
        if (tally.preVote?.round !== message.round) tally.preVote = pollOf(peer, message, at)
        return
      case 'vote': {
        if (tally.vote?.round === message.round) return
        const { overriding, term } = message
        const own = overriding?.bootId === peer.bootId && tally.ledTerm === overriding.term
        const handed = overriding !== undefined && (tally.handedOver === overriding.term || own)
        must(
          handed || tally.wouldWin === term,
          'E7',
          () => `${peer.bootId} raises its term to ${term} without a majority that would vote for it`,
        )
        tally.vote = pollOf(peer, message, at)
        return
      }
      case 'admissible': {
        const ackedAt = tally.ackedAt.get(idOf(effect.to)) ?? Number.NEGATIVE_INFINITY
        // Whoever has the place already may ask again.
        const asks = input.type === 'message' ? input.message : undefined
        const isAnother = asks !== undefined && !belongs(peer, asks) && !tally.replacedBy.has(asks.sender.storeId)
        const isAlive = isAnother && at.grantor < ackedAt + peer.options.timing.electionMaxMs
        return must(
          !isAlive,
          'Rejoin',
          () => `${peer.bootId} would give away the place of ${effect.to}, which it hears`,
        )
      }
      case 'rejoined':
        if (input.type === 'message') tally.replacedBy.add(input.message.sender.storeId)
        return
      case 'beat':
        return this.#sent(peer, tally, message, at)
    }
  }

  #sent(peer: Peer, tally: Tally, beat: Extract<PeerMessage, { type: 'beat' }>, at: Moment): void {
    if (tally.beatTerm !== beat.term) {
      tally.beatTerm = beat.term
      tally.ledTerm = beat.term
      tally.sentAt.clear()
      tally.supports.clear()
      tally.bound = Number.NEGATIVE_INFINITY
      tally.confirmedAt = at.grantor
      const votes = tally.vote?.term === beat.term ? tally.vote.by.size : 1
      must(isMajority(votes, peer), 'Count', () => `${peer.bootId} leads in term ${beat.term} with ${votes} votes`)
    }
    if (tally.sentAt.has(beat.round)) return
    tally.sentAt.set(beat.round, at.holder)
    this.#supported(peer, tally, peer.id, beat.round, beat.promiseMs, at)
  }

  #supported(peer: Peer, tally: Tally, by: string, round: number, promiseMs: number, at: Moment): void {
    const sentAt = tally.sentAt.get(round)
    if (sentAt === undefined || !(promiseMs > 0)) return
    const { timing, voters, drift } = peer.options
    const until = sentAt + Math.min(timing.leaseMs, restsMs(promiseMs, drift))
    tally.supports.set(by, Math.max(until, tally.supports.get(by) ?? until))
    const ends = [...tally.supports.values()].sort((a, b) => b - a)
    const bound = ends[Math.floor(voters.length / 2)] ?? Number.NEGATIVE_INFINITY
    if (bound > tally.bound) tally.confirmedAt = at.grantor
    tally.bound = Math.max(tally.bound, bound)
  }

  stepped(peer: Peer, input: ElectionInput | Tick, at: Moment): void {
    const { role, leaseUntil } = peer.machine.view()
    if (role !== 'leader') return
    const tally = this.#of(peer)
    // The only voter has nobody to send to, and itself for a majority.
    if (peer.options.voters.length === 1) {
      tally.bound = at.holder + peer.options.timing.leaseMs
      return
    }
    must(
      leaseUntil <= tally.bound + ROUNDING_MS,
      'E6',
      () => `${peer.bootId} has a lease until ${leaseUntil}, and a majority supports it until ${tally.bound}`,
    )
    if (input.type !== 'woke') return
    const { electionMaxMs } = peer.options.timing
    must(
      at.grantor <= tally.confirmedAt + electionMaxMs + ROUNDING_MS,
      'E6',
      () =>
        `${peer.bootId} has not let go, ${(at.grantor - tally.confirmedAt).toFixed(1)} ms after a majority was with it`,
    )
  }
}

/** Whether it comes from a voter, and from the store that the peer knows it by. */
const belongs = (peer: Peer, { sender }: PeerMessage): boolean => {
  if (!peer.options.voters.includes(sender?.id)) return false
  const founding = peer.disk?.durable?.founding
  // On a full disk there may be less than it knows.
  return founding === undefined || storeOf(founding.stores, sender.id) === sender.storeId
}

const isMajority = (count: number, peer: Peer): boolean => count > peer.options.voters.length / 2

const pollOf = (peer: Peer, { term, round }: { term: number; round: number }, at: Moment): Poll => ({
  term,
  round,
  askedAt: at.holder,
  by: new Set([peer.id]),
})

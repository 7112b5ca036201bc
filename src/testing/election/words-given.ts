import type { ElectionEffect, ElectionInput } from '../../core/election/io.ts'
import type { Leader, PeerMessage } from '../../core/election/messages.ts'
import type { ElectionRecord, Moment } from '../../core/election/record.ts'
import type { Tick } from '../../core/machine.ts'
import type { Peer } from './peer.ts'
import type { TethersTold } from './tethers-told.ts'
import { must } from './violation.ts'

interface Word {
  readonly term: number
  readonly leader: string
  readonly until: number
  readonly tether?: string | undefined
}

/**
 * What voters owe each other, kept by somebody who only sees what they say: a promise binds its voter, one term has one leader, a restart
 * is sat out, and what was let go is not taken up again. What a tether was quoted for ends with it.
 */
export class WordsGiven {
  readonly #given = new Map<Peer, Word>()
  readonly #sitOutUntil = new Map<Peer, number>()
  /** By voter and store, then by term. */
  readonly #follows = new Map<string, Map<number, string>>()
  /** Of whoever lost its disk: up to this term it may have voted already. */
  readonly #mayHaveVotedIn = new Map<Peer, number>()
  readonly #written = new Map<Peer, ElectionRecord>()
  readonly #leaderOf = new WeakMap<PeerMessage, string>()
  readonly #longest = new Map<string, number>()
  readonly #letGo = new Map<Peer, number>()
  /** Whose tether has ended, and up to which term that counts. */
  readonly #over = new Map<Peer, Map<string, number>>()
  readonly #tethers: TethersTold

  constructor(tethers: TethersTold) {
    this.#tethers = tethers
  }

  started(peer: Peer): void {
    const { timing, store } = peer.options
    const record = peer.disk?.durable
    // A first start has promised nothing to anybody.
    if (store && record?.complete !== true) return
    const longest = Math.max(this.#longest.get(ownerOf(peer)) ?? 0, timing.electionMaxMs)
    this.#sitOutUntil.set(peer, peer.read() + longest)
  }

  /** Whom a transfer is for hears of it from the leader that let go. */
  steps(peer: Peer, input: ElectionInput | Tick): void {
    if (input.type === 'tetherEnded') return this.#ended(peer, input.id)
    if (input.type !== 'message' || input.message.type !== 'timeoutNow') return
    const { term, sender } = input.message
    const word = this.#given.get(peer)
    if (word !== undefined && word.term === term && word.leader === sender?.bootId) this.#given.delete(peer)
  }

  #ended(peer: Peer, id: string): void {
    const word = this.#given.get(peer)
    if (word?.tether !== id || !this.#tethers.isOpen(peer, id)) return
    this.#given.delete(peer)
    const over = this.#over.get(peer) ?? new Map<string, number>()
    // Of the others the machine needs to know nothing: their terms are over.
    over.clear()
    this.#over.set(peer, over.set(word.leader, word.term))
  }

  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick, at: Moment): void {
    if (effect.type === 'persist') this.#written.set(peer, effect.record)
    if (effect.type === 'emit' && effect.event.type === 'voter.rejoined') {
      must(
        this.#written.get(peer)?.vote !== undefined,
        'Rejoin',
        () => `${peer.bootId} lost its disk, and has its vote in a term in which it may have voted`,
      )
      // By what this id ever promised from any store, which the voter itself cannot know.
      const promised = [...this.#longest].filter(([owner]) => owner.startsWith(`${peer.id} `)).map(([, ms]) => ms)
      this.#sitOutUntil.set(peer, at.grantor + Math.max(peer.options.timing.electionMaxMs, ...promised))
      this.#mayHaveVotedIn.set(peer, effect.event.term)
    }
    if (effect.type !== 'send') return
    const { message } = effect
    const stranger = input.type === 'message' && input.message.sender?.cluster !== peer.options.cluster
    must(
      !stranger || message.type === 'refused',
      'Promise',
      () => `${peer.bootId} says "${message.type}" to somebody of another cluster`,
    )
    switch (message.type) {
      case 'preVoted':
        if (message.granted) this.#free(peer, at, undefined, 'says that it would vote')
        return
      case 'voted':
        if (!message.granted) return
        must(
          message.term > (this.#mayHaveVotedIn.get(peer) ?? -1),
          'Rejoin',
          () => `${peer.bootId} lost its disk, and votes in term ${message.term}, in which it may have voted`,
        )
        return this.#votes(peer, input, at)
      case 'vote':
        return this.#free(peer, at, message.overriding, 'votes for itself')
      case 'acked':
        return this.#acknowledges(peer, message, input, at)
      case 'beat':
        return this.#leads(peer, message, at)
      case 'timeoutNow':
        this.#letGo.set(peer, message.term)
    }
  }

  stepped(peer: Peer): void {
    const { role, term } = peer.machine.view()
    const word = this.#given.get(peer)
    must(
      role !== 'leader' || word === undefined || word.leader === peer.bootId,
      'LetGo',
      () => `${peer.bootId} acknowledges ${word?.leader} and leads on`,
    )
    if (role !== 'leader' && word?.leader === peer.bootId) this.#given.delete(peer)
    const letGo = this.#letGo.get(peer)
    must(
      role !== 'leader' || letGo === undefined || term > letGo,
      'LetGo',
      () => `${peer.bootId} leads in term ${term}, which it has let go`,
    )
  }

  #votes(peer: Peer, input: ElectionInput | Tick, at: Moment): void {
    const asked = input.type === 'message' && input.message.type === 'vote' ? input.message : undefined
    const overriding = asked?.overriding
    this.#free(peer, at, overriding, `votes for ${asked?.sender.bootId}`)
    if (isTo(this.#given.get(peer), overriding)) this.#given.delete(peer)
  }

  #free(peer: Peer, at: Moment, overriding: Leader | undefined, what: string): void {
    this.#isOut(peer, at, what)
    const word = this.#given.get(peer)
    must(
      word === undefined || word.until <= at.grantor || isTo(word, overriding),
      'Promise',
      () => `${peer.bootId} ${what} while its promise to ${word?.leader} of term ${word?.term} runs`,
    )
  }

  #isOut(peer: Peer, at: Moment, what: string): void {
    const until = this.#sitOutUntil.get(peer) ?? Number.NEGATIVE_INFINITY
    must(at.grantor >= until, 'SitOut', () => `${peer.bootId} ${what} although it sits out`)
  }

  #acknowledges(peer: Peer, acked: Extract<PeerMessage, { type: 'acked' }>, input: ElectionInput | Tick, at: Moment) {
    const beat = input.type === 'message' && input.message.type === 'beat' ? input.message : undefined
    must(beat !== undefined, 'Bound', () => `${peer.bootId} acknowledges what nobody said`)
    const leader = beat?.sender.bootId ?? ''
    this.#leaderOf.set(acked, leader)
    if (!peer.options.store) this.#isOut(peer, at, 'acknowledges')
    const word = this.#given.get(peer)
    must(
      // Whoever leads lets go of its own promise in the same step, or is found leading after it.
      word === undefined ||
        word.until <= at.grantor ||
        word.leader === peer.bootId ||
        (word.leader === leader && word.term === acked.term),
      'Promise',
      () => `${peer.bootId} acknowledges ${leader} while its promise to ${word?.leader} of term ${word?.term} runs`,
    )
    must(
      acked.term > (this.#over.get(peer)?.get(leader) ?? -1),
      'Tether',
      () => `${peer.bootId} acknowledges ${leader} in term ${acked.term}, of which it has read the end`,
    )
    const until = Math.max(at.grantor + acked.promiseMs, word?.leader === leader ? word.until : 0)
    this.#given.set(peer, { term: acked.term, leader, until, tether: acked.tether })
    this.#isLongest(peer, acked.promiseMs)
  }

  /** Not when it was decided: who crashes before that is durable has bound itself to nobody. */
  leaves(peer: Peer, message: PeerMessage): void {
    if (message.type !== 'acked') return
    const { term } = message
    const leader = this.#leaderOf.get(message) ?? ''
    const owner = peer.options.store ? ownerOf(peer) : peer.bootId
    const terms = this.#follows.get(owner) ?? new Map<number, string>()
    this.#follows.set(owner, terms)
    const before = terms.get(term)
    must(
      before === undefined || before === leader,
      'Bound',
      () => `${peer.bootId} acknowledges ${leader} in term ${term}, and acknowledged ${before} in it before`,
    )
    terms.set(term, leader)
  }

  #leads(peer: Peer, beat: Extract<PeerMessage, { type: 'beat' }>, at: Moment): void {
    this.#given.set(peer, { term: beat.term, leader: peer.bootId, until: at.grantor + beat.promiseMs })
    this.#isLongest(peer, beat.promiseMs)
  }

  #isLongest(peer: Peer, ms: number): void {
    const owner = ownerOf(peer)
    this.#longest.set(owner, Math.max(this.#longest.get(owner) ?? 0, ms))
  }
}

const isTo = (word: Word | undefined, leader: Leader | undefined): boolean =>
  word !== undefined && word.term === leader?.term && word.leader === leader.bootId

const ownerOf = (peer: Peer): string => `${peer.id} ${peer.disk?.durable?.storeId ?? peer.options.fresh.storeId}`

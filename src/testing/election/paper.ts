import { foundingIdOf, storeOf } from '../../core/election/founding.ts'
import { type PeerMessage, sameBoot } from '../../core/election/messages.ts'
import type { ElectionRecord } from '../../core/election/record.ts'
import type { Disk } from './disk.ts'
import { idOf, type Peer } from './peer.ts'
import { must } from './violation.ts'

/** Compares what leaves with what is on the disk at that instant, and the disks with each other. */
export class Paper {
  /** By voter, store and term. */
  readonly #votes = new Map<string, string>()
  readonly #said = new Map<string, number>()
  readonly #written = new Map<string, number>()
  readonly #records = new Map<string, ElectionRecord>()
  /** By founding, the voters that ever had it on a disk. */
  readonly #adopted = new Map<string, Set<string>>()
  /** Whoever sent heartbeats, by term. */
  readonly #leaders = new Map<number, string>()
  /** By voter, store and founding: what was on a disk. */
  readonly #everHad = new Set<string>()
  readonly #disks: () => ReadonlyMap<string, Disk>

  constructor(disks: () => ReadonlyMap<string, Disk>) {
    this.#disks = disks
  }

  /** A record is durable from now on. */
  written(record: ElectionRecord): void {
    const owner = `${record.voter} ${record.storeId}`
    must(
      record.term >= (this.#written.get(owner) ?? 0),
      'E3',
      () => `the term on the disk of ${owner} falls from ${this.#written.get(owner)} to ${record.term}`,
    )
    this.#written.set(owner, record.term)
    const before = this.#records.get(owner)
    this.#records.set(owner, record)
    must(
      before?.term !== record.term || before.vote === undefined || sameBoot(before.vote, record.vote),
      'E2',
      () => `the disk of ${owner} had the vote for ${before?.vote?.bootId} in term ${record.term}, and has it no more`,
    )
    if (record.founding === undefined) return
    must(
      record.founding.original.every(({ storeId }) => storeId !== ''),
      'Founding',
      () => `${owner} adopts a founding by somebody who had not seen everybody: ${JSON.stringify(record.founding)}`,
    )
    const id = foundingIdOf(record.founding)
    const by = this.#adopted.get(id) ?? new Set()
    this.#adopted.set(id, by.add(record.voter))
    this.#everHad.add(`${owner} ${id}`)
  }

  leaves(peer: Peer, to: string, message: PeerMessage): void {
    const { disk, options } = peer
    if (!options.store || disk === undefined) return
    const durable = disk.durable
    const isOn = (holds: boolean, what: string) =>
      must(holds, 'E8', () => `${peer.bootId} says "${what}" before it is durable: ${JSON.stringify(durable)}`)
    switch (message.type) {
      case 'voted':
        this.#saysTerm(peer, message.ownTerm)
        isOn((durable?.term ?? -1) >= message.ownTerm, `my term is ${message.ownTerm}`)
        if (!message.granted) return
        this.#vote(peer, message.term, idOf(to))
        return isOn(
          durable !== undefined &&
            (durable.term > message.term || (durable.term === message.term && durable.vote?.id === idOf(to))),
          `you have my vote in ${message.term}`,
        )
      case 'vote':
        this.#saysTerm(peer, message.term)
        this.#vote(peer, message.term, peer.id)
        this.#takesPart(peer)
        return isOn((durable?.term ?? -1) >= message.term, `I stand in ${message.term}`)
      case 'acked':
        this.#saysTerm(peer, message.term)
        this.#takesPart(peer)
        return isOn(
          durable !== undefined && durable.term >= message.term && durable.promiseMs >= message.promiseMs,
          `I promise ${message.promiseMs} ms in ${message.term}`,
        )
      case 'beat':
        this.#saysTerm(peer, message.term)
        this.#leads(peer, message)
        return isOn(
          durable !== undefined && durable.term >= message.term && durable.promiseMs >= message.promiseMs,
          `I lead in ${message.term}`,
        )
      case 'outranked':
        this.#saysTerm(peer, message.ownTerm)
        return isOn((durable?.term ?? -1) >= message.ownTerm, `my term is ${message.ownTerm}`)
      case 'timeoutNow':
        return this.#saysTerm(peer, message.term)
      case 'rejoined': {
        const said = storeOf(message.founding.stores, idOf(to))
        const kept = durable?.founding === undefined ? undefined : storeOf(durable.founding.stores, idOf(to))
        isOn(kept === said || retired(durable, idOf(to), said), `${to} has the store ${said}`)
        return isOn(
          (durable?.term ?? -1) >= message.term && (durable?.promiseMs ?? -1) >= message.promiseMs,
          `I know of ${message.term}`,
        )
      }
      case 'founding':
        return isOn(
          // It may have dropped it since, for one that everybody adopted: what was true when it was written may still be said.
          this.#everHad.has(`${peer.id} ${durable?.storeId} ${foundingIdOf(message.founding)}`),
          'I have adopted this founding',
        )
      case 'new':
        return isOn(durable?.storeId === message.sender.storeId, 'I have this store')
    }
  }

  #saysTerm(peer: Peer, term: number): void {
    const owner = `${peer.id} ${peer.disk?.durable?.storeId}`
    const before = this.#said.get(owner) ?? 0
    must(term >= before, 'E3', () => `${peer.bootId} says term ${term} after ${before}`)
    this.#said.set(owner, term)
  }

  /** By what is said to others, whatever the leader says of itself: one process a term, and the generation that everybody computes. */
  #leads({ bootId, disk }: Peer, { term, generation }: Extract<PeerMessage, { type: 'beat' }>): void {
    const leader = this.#leaders.get(term) ?? bootId
    must(leader === bootId, 'E1', () => `${leader} and ${bootId} both send heartbeats of term ${term}`)
    this.#leaders.set(term, bootId)
    const base = disk?.durable?.founding?.base
    must(generation === (base ?? 0) + term, 'E5', () => `${bootId} says generation ${generation} in term ${term}`)
  }

  #vote(peer: Peer, term: number, candidate: string): void {
    // By voter, whatever the store: also one that lost its disk in between has one vote. But nobody counts any more what it gave itself.
    const store = peer.disk?.durable?.storeId ?? ''
    const own = `${peer.address} ${term} ${store}`
    const others = `${peer.address} ${term}`
    const isOwn = candidate === peer.id
    const before = this.#votes.get(others) ?? this.#votes.get(own)
    must(
      before === undefined || before === candidate,
      'E2',
      () => `${peer.bootId} votes for ${candidate} in term ${term}, and voted for ${before} in it before`,
    )
    this.#votes.set(isOwn ? own : others, candidate)
  }

  /** Whoever votes and acknowledges is one of a founding that everybody adopted, and all others know its store. */
  #takesPart(peer: Peer): void {
    const founding = peer.disk?.durable?.founding
    must(founding !== undefined, 'Founding', () => `${peer.bootId} takes part without a founding`)
    if (founding === undefined) return
    const adopted = this.#adopted.get(foundingIdOf(founding))
    const missing = peer.options.voters.filter((id) => adopted?.has(id) !== true)
    must(missing.length === 0, 'Founding', () => `${peer.bootId} takes part, and ${missing} never adopted its founding`)
    const own = peer.disk?.durable?.storeId
    if (storeOf(founding.original, peer.id) === own) return
    for (const [address, disk] of this.#disks()) {
      const theirs = disk.durable
      // One whose own place was taken has nothing to say about anybody's.
      if (address === peer.id || theirs?.founding === undefined) continue
      if (theirs.storeId !== storeOf(founding.stores, idOf(address))) continue
      must(
        storeOf(theirs.founding.stores, peer.id) === own || retired(theirs, peer.id, own),
        'Rejoin',
        () =>
          `${peer.bootId} is back with an empty disk, and ${address} still takes its old store for the one with a vote`,
      )
    }
  }
}

const retired = (record: ElectionRecord | undefined, id: string, store: string | undefined): boolean =>
  record?.founding?.retired.some((pair) => pair.id === id && pair.storeId === store) ?? false

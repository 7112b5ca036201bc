import type { Boot, Term } from '../election/messages.ts'
import { majorityOf, reachedByMajority } from '../election/quorum.ts'
import { latestEntry } from './entries.ts'
import type { Charter, Entry, ReplicaBody } from './messages.ts'

type Of<Type extends ReplicaBody['type']> = Extract<ReplicaBody, { type: Type }>

interface Waiting {
  readonly request: number
  readonly version: number
}

/** One term of one leader: it collects what a majority has, and from then on stores what it makes of it. */
export class Proposer {
  readonly term: Term
  readonly #voters: readonly string[]
  #round: number
  /** Answers to earlier questions do not count: they may come from a process whose memory is gone. */
  readonly #countsFrom = new Map<string, number>()
  readonly #boots = new Map<string, string>()
  readonly #collected = new Map<string, Entry | undefined>()
  /** The version that each voter holds. */
  readonly #held = new Map<string, number>()
  /** One question at a time: whoever is slow gets what is latest when it has answered, and not all that was in between. */
  readonly #asked = new Set<string>()
  #waiting: Waiting[] = []
  #version: number
  #entry: Entry | undefined
  #led = false
  #found: Entry | undefined

  /** `round`: from where its questions are numbered. `version`: the last that this process used in this term. */
  constructor(term: Term, voters: readonly string[], round: number, version: number) {
    this.term = term
    this.#voters = voters
    this.#round = round
    this.#version = version
    for (const id of voters) this.#countsFrom.set(id, round)
  }

  get led(): boolean {
    return this.#led
  }

  get version(): number {
    return this.#version
  }

  /** Who has not been asked yet, and is from now on. */
  toBeAsked(): readonly string[] {
    const whom = this.unanswered.filter((id) => !this.#asked.has(id))
    for (const id of whom) this.#asked.add(id)
    return whom
  }

  /** Without an answer: whoever it was may be asked again. */
  mayAskAgain(id: string): void {
    this.#asked.delete(id)
  }

  /** Whom it waits for, or would like to bring up to date. */
  get unanswered(): readonly string[] {
    const { version = 0 } = this.#entry ?? {}
    return this.#voters.filter((id) => (this.#led ? (this.#held.get(id) ?? 0) < version : !this.#collected.has(id)))
  }

  /** What is to be said to those that have not answered. */
  get question(): ReplicaBody | undefined {
    const round = this.#round
    if (!this.#led) return { type: 'collect', term: this.term, round }
    return this.#entry && { type: 'store', round, entry: this.#entry }
  }

  /**
   * Whoever speaks is another process than before, so what the earlier one has answered may be forgotten: it counts no more in anything that is
   * not decided yet, and it is asked anew.
   */
  heard({ id, bootId }: Boot): void {
    const before = this.#boots.get(id)
    this.#boots.set(id, bootId)
    if (before === undefined || before === bootId) return
    this.#collected.delete(id)
    this.#held.delete(id)
    this.#asked.delete(id)
    this.#countsFrom.set(id, ++this.#round)
  }

  /** Whether a majority has answered by this, so that it leads from now on. */
  collected({ id }: Boot, { term, round, entry }: Of<'collected'>): boolean {
    if (this.#led || term !== this.term || !this.hasAsked(id, round)) return false
    this.#asked.delete(id)
    this.#collected.set(id, entry)
    if (this.#collected.size < majorityOf(this.#voters.length)) return false
    this.#led = true
    this.#asked.clear()
    this.#round++
    this.#found = latestEntry(this.#collected.values())
    // Of this very term: stored before this process led in it once more.
    if (this.#found?.term === term) this.#version = Math.max(this.#version, this.#found.version)
    return true
  }

  /** What the next charter has to be made of. */
  get found(): Entry | undefined {
    return this.#found
  }

  save(request: number, charter: Charter): void {
    const { term } = this
    this.#version++
    this.#entry = { term, version: this.#version, charter }
    this.#waiting.push({ request, version: this.#version })
    this.#round++
  }

  /** The requests that are decided by this, in their order. */
  stored({ id }: Boot, { term, round, version }: Of<'stored'>): readonly number[] {
    if (!this.#led || term !== this.term || version > this.#version || !this.hasAsked(id, round)) return []
    this.#asked.delete(id)
    this.#held.set(id, Math.max(this.#held.get(id) ?? 0, version))
    const decided = reachedByMajority(this.#held.values(), this.#voters.length)
    const done = this.#waiting.filter((one) => one.version <= decided)
    this.#waiting = this.#waiting.filter((one) => one.version > decided)
    return done.map(({ request }) => request)
  }

  /** Whether this answers what it asked, and of the process that it asks now. */
  hasAsked(id: string, round: number): boolean {
    return round <= this.#round && round >= (this.#countsFrom.get(id) ?? Number.POSITIVE_INFINITY)
  }

  /** The requests that nobody will answer. */
  get left(): readonly number[] {
    return this.#waiting.map(({ request }) => request)
  }
}

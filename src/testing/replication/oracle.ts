import type { Random } from '../../core/random.ts'
import type { ReplicaEffect } from '../../core/replication/io.ts'
import { exponential } from '../simulation/conditions.ts'
import { lucky } from '../simulation/lot.ts'
import type { ReplicationBench } from './bench.ts'
import type { ReplicaProcess } from './voter.ts'

/** More than this many saves do not wait at one time. */
const MOST_WAITING = 16

interface Leading {
  readonly term: number
  readonly random: Random
  readonly waiting: Set<number>
  led: boolean
}

/** Elects, as the election does: with stores every term has one process. And plays the coordinators, which save and save. */
export class Oracle {
  readonly #bench: ReplicationBench
  readonly #random: Random
  readonly #made: (serial: number, bootId: string) => void
  readonly #leading = new Map<ReplicaProcess, Leading>()
  readonly #twice = new Set<number>()
  #term = 0
  #request = 0
  /** After that nobody saves anything any more. */
  closed = false

  constructor(bench: ReplicationBench, made: (serial: number, bootId: string) => void) {
    this.#bench = bench
    this.#random = bench.random.fork('oracle')
    this.#made = made
  }

  get term(): number {
    return this.#term
  }

  /** Where votes are not written down, the election gives another term when it finds two in one. */
  get isOne(): boolean {
    return this.#leading.size <= 1 && !this.#twice.has(this.#term)
  }

  /** Everybody who believes to lead. */
  get leaders(): readonly ReplicaProcess[] {
    return [...this.#leading.keys()]
  }

  get latest(): ReplicaProcess | undefined {
    return this.leaders.find((voter) => this.#leading.get(voter)?.term === this.#term)
  }

  waits(voter: ReplicaProcess): boolean {
    const leading = this.#leading.get(voter)
    return leading !== undefined && (!leading.led || leading.waiting.size > 0)
  }

  #elect(voter: ReplicaProcess, term: number): void {
    this.#bench.tell({ who: voter.id, what: `is elected in ${term}` })
    this.#leading.set(voter, {
      term,
      random: this.#random.fork(`${voter.bootId} ${term}`),
      waiting: new Set(),
      led: false,
    })
    voter.post({ type: 'lead', term })
  }

  /** Also elected in the latest term, since votes were forgotten. */
  electTwice(voter: ReplicaProcess): boolean {
    if (this.#term === 0 || this.#leading.has(voter)) return false
    this.#twice.add(this.#term)
    this.#elect(voter, this.#term)
    return true
  }

  /** Once more in the same term, as after a lease that was found to be over. */
  again(voter: ReplicaProcess, retires: boolean): boolean {
    const leading = this.#leading.get(voter)
    if (leading === undefined) return false
    if (retires) voter.post({ type: 'retire' })
    this.#elect(voter, leading.term)
    return true
  }

  retire(voter: ReplicaProcess): boolean {
    if (!this.#leading.delete(voter)) return false
    voter.post({ type: 'retire' })
    return true
  }

  gone(voter: ReplicaProcess): void {
    this.#leading.delete(voter)
  }

  /** Somebody, if the latest leader is gone. */
  electIfNobody(voters: readonly ReplicaProcess[]): void {
    if (this.latest !== undefined) return
    const chosen = lucky(voters, ({ bootId }) => bootId, this.#random)
    if (chosen !== undefined) this.electAnother(chosen)
  }

  /** Whatever the leader so far believes. False before the first election. */
  electAnother(voter: ReplicaProcess): boolean {
    if (this.#bench.faulty && this.#bench.now < this.#bench.conditions.electFromMs) return false
    this.#elect(voter, ++this.#term)
    return true
  }

  told(voter: ReplicaProcess, effect: ReplicaEffect): void {
    const leading = this.#leading.get(voter)
    if (leading === undefined) return
    switch (effect.type) {
      case 'led':
        if (effect.term !== leading.term) return
        leading.led = true
        this.save(voter)
        return this.#saveAgain(voter, leading)
      case 'saved':
      case 'failed':
        leading.waiting.delete(effect.request)
        return
      case 'superseded':
        if (effect.term >= leading.term) this.#leading.delete(voter)
    }
  }

  save(voter: ReplicaProcess): void {
    const leading = this.#leading.get(voter)
    if (leading === undefined || leading.waiting.size >= MOST_WAITING) return
    const request = ++this.#request
    this.#made(request, voter.bootId)
    leading.waiting.add(request)
    const foundation = { generation: request, defaultCeilingMs: 0, ceilingsMs: {} }
    // Never within a step: what it answers at once would be answered before it is known here.
    this.#bench.agenda.after(0, () =>
      voter.post({ type: 'save', request, charter: { instanceId: 'simulated', foundation } }),
    )
  }

  #saveAgain(voter: ReplicaProcess, leading: Leading): void {
    const { agenda, conditions } = this.#bench
    agenda.after(exponential(leading.random, conditions.saveEveryMs), () => {
      if (this.closed || this.#leading.get(voter) !== leading) return
      for (let n = leading.random.below(3); n >= 0; n--) this.save(voter)
      this.#saveAgain(voter, leading)
    })
  }
}

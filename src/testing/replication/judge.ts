import { majorityOf } from '../../core/election/quorum.ts'
import type { Tick } from '../../core/machine.ts'
import { compareEntries, type EntryPlace } from '../../core/replication/entries.ts'
import type { ReplicaEffect, ReplicaInput } from '../../core/replication/io.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import type { ReplicationBench } from './bench.ts'
import { Counts } from './counts.ts'
import { Decisions } from './decisions.ts'
import { Paper } from './paper.ts'
import type { Platter } from './platter.ts'
import { must } from './violation.ts'
import type { ReplicaProcess } from './voter.ts'
import { Words } from './words.ts'

/** Everybody who watches that the rules hold. None of them looks into a machine, but for its view. */
export class Judge {
  readonly decisions: Decisions
  readonly #bench: ReplicationBench
  readonly #counts: Counts
  readonly #words: Words
  readonly #paper: Paper
  readonly #platters: () => ReadonlyMap<string, Platter>
  readonly #nonsense = new WeakSet<ReplicaMessage>()

  /** A majority is blank. */
  #isCrowded = true
  #crowdedUntil = 0

  constructor(bench: ReplicationBench, ids: readonly string[], platters: () => ReadonlyMap<string, Platter>) {
    this.decisions = new Decisions(bench.conditions.store)
    this.#bench = bench
    this.#counts = new Counts(ids.length)
    this.#words = new Words(ids, () => bench.now)
    this.#paper = new Paper(platters)
    this.#platters = platters
  }

  /** This one must not change anything. */
  isNonsense(message: ReplicaMessage): void {
    this.#nonsense.add(message)
  }

  gone(voter: ReplicaProcess): void {
    this.#counts.gone(voter)
  }

  steps(voter: ReplicaProcess, input: ReplicaInput | Tick): void {
    const isNonsense = this.#isNonsense(input)
    this.#counts.steps(voter, input, isNonsense)
    this.#words.steps(voter, input, isNonsense)
  }

  decided(voter: ReplicaProcess, effect: ReplicaEffect, input: ReplicaInput | Tick): void {
    must(!this.#isNonsense(input), 'Nonsense', () => `${voter.bootId} takes ${JSON.stringify(input)}`)
    this.#words.decided(voter, effect, input)
    switch (effect.type) {
      case 'persist':
        if (this.#platters().get(voter.id)?.record === undefined)
          this.#words.begins(voter, effect.record, this.#isCrowded ? this.#bench.now : this.#crowdedUntil)
        return this.decisions.seen(effect.record.entry)
      case 'send':
        return 'entry' in effect.message ? this.decisions.seen(effect.message.entry) : undefined
      case 'led':
        this.#counts.led(voter, effect.term, effect.entry, this.#has(voter, effect.term, undefined))
        if (this.#bench.conditions.store) this.#paper.led(effect.term)
        return this.decisions.led(effect.term, effect.entry)
      case 'saved':
        return this.#saved(voter, effect.request)
      case 'superseded':
        return this.#counts.superseded(voter)
      case 'failed':
        this.decisions.answered(effect.request, false)
    }
  }

  #saved(voter: ReplicaProcess, request: number): void {
    // Where there is nobody else and no disk, it is nowhere else.
    this.decisions.seen(voter.machine.view().entry)
    const place = this.decisions.answered(request, true)
    if (place === undefined) return
    this.#counts.decided(voter, place, this.#has(voter, place.term, place))
    if (this.#bench.conditions.store) this.#paper.decided(place)
    this.decisions.decided(place)
  }

  /** Whether this voter itself counts: what it has promised and accepted is on its disk, where it has one. */
  #has(voter: ReplicaProcess, term: number, place: EntryPlace | undefined): boolean {
    const own = this.#bench.conditions.store ? this.#platters().get(voter.id)?.record : voter.machine.view()
    return own !== undefined && own.promised >= term && compareEntries(own.entry, place) >= 0
  }

  leaves(voter: ReplicaProcess, to: string, message: ReplicaMessage): void {
    const platter = this.#platters().get(voter.id)
    this.#words.leaves(voter, message, platter !== undefined && platter.record === undefined)
    if (platter !== undefined) this.#paper.leaves(voter.id, message)
    this.#counts.leaves(voter, to, message)
  }

  /** Its disk is another one than before. */
  changed(id: string): void {
    const wasCrowded = this.#isCrowded
    const blank = [...this.#platters().values()].filter(({ record }) => record === undefined)
    this.#isCrowded = blank.length >= majorityOf(this.#platters().size)
    if (wasCrowded && !this.#isCrowded) this.#crowdedUntil = this.#bench.now
    this.#paper.written(id)
  }

  #isNonsense(input: ReplicaInput | Tick): boolean {
    return input.type === 'message' && this.#nonsense.has(input.message)
  }
}

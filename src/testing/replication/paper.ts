import { majorityOf } from '../../core/election/quorum.ts'
import { compareEntries, type EntryPlace } from '../../core/replication/entries.ts'
import type { ReplicaMessage, ReplicaRecord } from '../../core/replication/messages.ts'
import type { Platter } from './platter.ts'
import { must } from './violation.ts'

/** Sees the disks, and nothing else: what leaves must stand on them, and what was decided must stay there. */
export class Paper {
  readonly #platters: () => ReadonlyMap<string, Platter>
  /** By store: a lost disk begins anew. */
  readonly #before = new Map<string, ReplicaRecord>()
  readonly #answered = new Map<string, number>()
  #decided: EntryPlace | undefined
  #led = 0

  constructor(platters: () => ReadonlyMap<string, Platter>) {
    this.#platters = platters
  }

  /** What was said of an earlier term, or of less than is known, was not on the disk any more; what was not yet there is worse. */
  leaves(id: string, message: ReplicaMessage): void {
    const platter = this.#platters().get(id)
    if (platter === undefined) return
    const { record } = platter
    const isDurable = (promised: number, entry: EntryPlace | undefined) =>
      must(
        record !== undefined && record.promised >= promised && compareEntries(record.entry, entry) >= 0,
        'R3',
        () => `${id} says ${message.type} ${promised}, and its disk says ${JSON.stringify(record)}`,
      )
    switch (message.type) {
      case 'collected':
        this.#inOrder(platter, message.term)
        return isDurable(message.term, message.entry)
      case 'stored':
        this.#inOrder(platter, message.term)
        return isDurable(message.term, message)
      case 'superseded':
        return isDurable(message.promised, undefined)
      case 'recovered':
        if (!message.blank) isDurable(message.promised, message.entry)
    }
  }

  #inOrder({ storeId }: Platter, term: number): void {
    const before = this.#answered.get(storeId) ?? 0
    must(
      term >= before,
      'Promise',
      () => `the voter of ${storeId} answers the leader of ${term} after that of ${before}`,
    )
    this.#answered.set(storeId, term)
  }

  written(id: string): void {
    const { storeId, record } = this.#platters().get(id) ?? {}
    if (storeId === undefined || record === undefined) return
    const before = this.#before.get(storeId)
    this.#before.set(storeId, record)
    must(
      before === undefined || (record.promised >= before.promised && compareEntries(record.entry, before.entry) >= 0),
      'Promise',
      () => `the disk of ${id} said ${JSON.stringify(before)} and says ${JSON.stringify(record)}`,
    )
    if (this.#decided !== undefined) this.#holds(this.#decided, 'Kept')
    this.#isPromised(this.#led, 'Kept')
  }

  decided(place: EntryPlace): void {
    this.#holds(place, 'R3')
    if (compareEntries(place, this.#decided) > 0) this.#decided = place
  }

  led(term: number): void {
    this.#isPromised(term, 'R3')
    this.#led = Math.max(this.#led, term)
  }

  /** No majority is without it. Who has lost its disk says nothing before it has learned of it. */
  #holds(place: EntryPlace, invariant: 'R3' | 'Kept'): void {
    const lacks = this.#known(({ entry }) => compareEntries(entry, place) < 0)
    this.#fewEnough(lacks, invariant, () => `${place.term}.${place.version} was decided`)
  }

  #isPromised(term: number, invariant: 'R3' | 'Kept'): void {
    const lacks = this.#known(({ promised }) => promised < term)
    this.#fewEnough(lacks, invariant, () => `somebody leads in term ${term}`)
  }

  #known(which: (record: ReplicaRecord) => boolean): string[] {
    return [...this.#platters()].filter(([, { record }]) => record !== undefined && which(record)).map(([id]) => id)
  }

  #fewEnough(lacks: readonly string[], invariant: 'R3' | 'Kept', what: () => string): void {
    const voters = this.#platters().size
    must(
      lacks.length <= voters - majorityOf(voters),
      invariant,
      () => `${what()}, and it is not on the disks of ${lacks}`,
    )
  }
}

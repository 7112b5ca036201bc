import { compareEntries, type EntryPlace } from '../../core/replication/entries.ts'
import type { Entry } from '../../core/replication/messages.ts'
import { must } from './violation.ts'

/** Values are known by the generation in them, which no two have in common. */
export const serialOf = ({ charter }: Entry): number => charter.foundation.generation

const wordsOf = (place: EntryPlace | undefined): string =>
  place === undefined ? 'nothing' : `${place.term}.${place.version}`

/** What was decided, and what was found: one chain, of which nothing is lost. */
export class Decisions {
  /** Where votes are not written down, a term may have two leaders, and forgets: only one value to a place of one process is left. */
  readonly #store: boolean
  readonly #values = new Map<string, number>()
  readonly #places = new Map<number, EntryPlace>()
  readonly #makers = new Map<number, string>()
  /** By the process that made them, in its order: what was ever sent or written. */
  readonly #seenOf = new Map<string, number[]>()
  readonly #answered = new Set<number>()
  /** The latest of each term. */
  readonly #decided = new Map<number, EntryPlace>()
  readonly #found: { readonly term: number; readonly entry: Entry | undefined }[] = []

  constructor(store: boolean) {
    this.#store = store
  }

  made(serial: number, bootId: string): void {
    this.#makers.set(serial, bootId)
  }

  /** What this process was asked to save, and never answered. */
  unanswered(bootId: string): readonly number[] {
    return [...this.#makers]
      .filter(([serial, by]) => by === bootId && !this.#answered.has(serial))
      .map(([serial]) => serial)
  }

  /** Somewhere there is this entry: every place has one value, and every value one place. */
  seen(entry: Entry | undefined): void {
    if (entry === undefined) return
    const serial = serialOf(entry)
    const maker = this.#store ? '' : this.#makers.get(serial)
    const key = `${entry.term}.${entry.version} ${maker}`
    const value = this.#values.get(key) ?? serial
    this.#values.set(key, value)
    must(value === serial, 'R2', () => `${key} is ${value} and ${serial}`)
    const place = this.#places.get(serial) ?? this.#isNew(serial, entry)
    must(compareEntries(place, entry) === 0, 'R2', () => `${serial} is ${wordsOf(place)} and ${wordsOf(entry)}`)
  }

  #isNew(serial: number, entry: Entry): EntryPlace {
    this.#places.set(serial, entry)
    const maker = this.#makers.get(serial) ?? ''
    const seen = this.#seenOf.get(maker) ?? []
    this.#seenOf.set(maker, seen)
    seen.push(serial)
    return entry
  }

  /** A request is answered once. Says where what was saved stands: there, or in the next that this leader made of it and sent. */
  answered(request: number, saved: boolean): EntryPlace | undefined {
    must(!this.#answered.has(request), 'R2', () => `request ${request} is answered twice`)
    this.#answered.add(request)
    const sent = this.#seenOf.get(this.#makers.get(request) ?? '')?.find((serial) => serial >= request)
    const place = sent === undefined ? undefined : this.#places.get(sent)
    must(!saved || place !== undefined, 'R2', () => `nobody has seen what request ${request} saved`)
    return place
  }

  decided(place: EntryPlace): void {
    const before = this.#decided.get(place.term)
    if (compareEntries(place, before) > 0) this.#decided.set(place.term, place)
    if (!this.#store) return
    for (const { term, entry } of this.#found)
      must(
        term <= place.term || compareEntries(entry, place) >= 0,
        'R4',
        () => `${wordsOf(place)} is decided, and the leader of ${term} has found ${wordsOf(entry)}`,
      )
  }

  led(term: number, entry: Entry | undefined): void {
    this.seen(entry)
    if (!this.#store) return
    this.#found.push({ term, entry })
    for (const place of this.#decided.values())
      must(
        place.term > term || compareEntries(entry, place) >= 0,
        'R1',
        () => `the leader of ${term} finds ${wordsOf(entry)}, and ${wordsOf(place)} was decided`,
      )
  }
}

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Foundation } from '../../core/group/foundation.ts'
import { CaucusError } from '../../errors.ts'
import type { FoundationStore } from '../../ports/store.ts'
import { replaceFile } from '../../stores/atomic-file.ts'
import { clearly } from '../../stores/file-store.ts'
import { decodeRecord, encodeRecord, type StoredRecord } from '../../stores/record.ts'
import type { HeldTerm, Terms } from './terms.ts'

export interface TermStoreOptions {
  readonly terms: Terms
  readonly term: HeldTerm
  /** The monotonic clock of whoever asks whether the term runs. */
  now(): number
}

/**
 * What a coordinator must find again, in a file of its term: it begins with what the last term stored, and nobody else ever writes there.
 * So what a process that was stopped in the middle of a write brings to its end later is not read by anybody any more.
 */
export class TermStore implements FoundationStore {
  readonly durable = true
  readonly instanceId: string
  readonly clusterId: string
  readonly #options: TermStoreOptions
  #record: StoredRecord
  /** The end of what has been asked for so far; it never rejects. */
  #queue: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  /** Rejects with `CAUCUS_BACKEND` when what was stored is damaged or cannot be read. */
  static async open(options: TermStoreOptions): Promise<TermStore> {
    const { terms, term } = options
    const last = terms.numbersOf('record').findLast((number) => number < term.number)
    const found = last === undefined ? undefined : await stored(terms, last)
    return new TermStore(options, found)
  }

  private constructor(options: TermStoreOptions, found: StoredRecord | undefined) {
    this.#options = options
    this.#record = found ?? { instanceId: randomUUID(), clusterId: randomUUID() }
    this.instanceId = this.#record.instanceId
    this.clusterId = this.#record.clusterId
  }

  load(): Promise<Foundation | undefined> {
    return this.#inTurn(async () => this.#record.foundation)
  }

  save(foundation: Foundation): Promise<void> {
    const { terms, term, now } = this.#options
    return this.#inTurn(() =>
      clearly(terms.directory, async () => {
        if (!term.has(now())) throw over(terms.directory)
        const record = { ...this.#record, foundation }
        await replaceFile(terms.directory, `term-${term.number}.record`, encodeRecord(record))
        this.#record = record
        // Whoever begins from here on finds that this term was served; who began before is found by this look, and nothing is served at all.
        if (!term.look(now())) throw over(terms.directory)
        // Only now is what was stored before not needed any more.
        terms.removeBefore(term.number)
      }),
    )
  }

  #inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined)
      return Promise.reject(new CaucusError('CAUCUS_CLOSED', 'this store has been closed'))
    const result = this.#queue.then(action)
    // Whoever asked hears of a failure; those who come later have their own turn.
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** Ends the term, so that the next one can begin at once. */
  close(): Promise<void> {
    const { terms, term } = this.#options
    this.#closed ??= this.#queue.then(() => clearly(terms.directory, async () => term.end()))
    return this.#closed
  }
}

const stored = async (terms: Terms, number: number): Promise<StoredRecord> => {
  const file = terms.path(number, 'record')
  return clearly(terms.directory, async () => decodeRecord(await readFile(file, 'utf8'), file))
}

const over = (directory: string): CaucusError =>
  new CaucusError('CAUCUS_CONFLICT', `another process of this machine coordinates in ${directory} by now`, {
    details: { directory },
  })

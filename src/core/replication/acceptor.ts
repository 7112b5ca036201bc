import { type Boot, sameBoot, type Term } from '../election/messages.ts'
import { Journal, type Ticket } from '../election/record.ts'
import { compareEntries } from './entries.ts'
import type { Entry, ReplicaBody, ReplicaRecord } from './messages.ts'

type Of<Type extends ReplicaBody['type']> = Extract<ReplicaBody, { type: Type }>

/** One voter's part of the register: it takes nothing of a leader that is earlier than one to which it has answered. */
export class Acceptor {
  readonly #journal: Journal<ReplicaRecord>
  /** Whose process leads in the term that is promised, as far as this process has heard. */
  #leader: Boot | undefined
  #blank: boolean

  constructor(
    record: ReplicaRecord,
    blank: boolean,
    write: ((ticket: Ticket, record: ReplicaRecord) => void) | undefined,
  ) {
    this.#journal = new Journal(record, write)
    this.#blank = blank
  }

  get journal(): Journal<ReplicaRecord> {
    return this.#journal
  }

  /** It does not know what it once promised and accepted, so it answers nobody. */
  get blank(): boolean {
    return this.#blank
  }

  get promised(): Term {
    return this.#journal.record.promised
  }

  get entry(): Entry | undefined {
    return this.#journal.record.entry
  }

  /** What to say to this, which rests on all that is written down by now; `undefined`: nothing. */
  answer(from: Boot, question: ReplicaBody | undefined): ReplicaBody | undefined {
    if (question?.type === 'recover') return this.#recover(question)
    if (this.#blank) return undefined
    if (question?.type === 'collect') return this.#collect(from, question)
    return question?.type === 'store' ? this.#store(from, question) : undefined
  }

  #collect(from: Boot, { term, round }: Of<'collect'>): ReplicaBody {
    if (this.#refuses(from, term)) return { type: 'superseded', term, round, promised: this.promised }
    this.#leader = from
    if (term > this.promised) this.#journal.change({ promised: term })
    return { type: 'collected', term, round, ...this.#ownEntry() }
  }

  #store(from: Boot, { round, entry }: Of<'store'>): ReplicaBody {
    const { term } = entry
    if (this.#refuses(from, term)) return { type: 'superseded', term, round, promised: this.promised }
    this.#leader = from
    const has = this.entry
    // Whatever of a term comes late is in what came before it: a leader makes each version of the one before.
    if (compareEntries(entry, has) > 0) this.#journal.change({ promised: term, entry })
    return { type: 'stored', round, term, version: this.entry?.version ?? entry.version }
  }

  #recover({ nonce }: Of<'recover'>): ReplicaBody {
    if (this.#blank) return { type: 'recovered', nonce, blank: true, promised: 0 }
    return { type: 'recovered', nonce, blank: false, promised: this.promised, ...this.#ownEntry() }
  }

  /** What others know of what it once knew; never less than it knows by now. */
  restore(promised: Term, entry: Entry | undefined): void {
    const own = this.#journal.record
    const isLater = compareEntries(entry, own.entry) > 0
    if (!this.#blank && promised <= own.promised && !isLater) return
    if (promised > own.promised) this.#leader = undefined
    this.#blank = false
    const latest = isLater ? entry : own.entry
    this.#journal.change({ promised: Math.max(promised, own.promised), ...(latest !== undefined && { entry: latest }) })
  }

  #refuses(from: Boot, term: Term): boolean {
    if (term !== this.promised) return term < this.promised
    return this.#leader !== undefined && !sameBoot(this.#leader, from)
  }

  #ownEntry(): { entry?: Entry } {
    return this.entry === undefined ? {} : { entry: this.entry }
  }
}

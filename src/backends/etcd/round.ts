import type { Comparison, Engine, Entry, LeaseId, Operation, Outcome, Revision, Transaction } from './engine.ts'
import { MAX_OPERATIONS } from './engine.ts'
import type { Keys } from './keys.ts'
import { coordinatorOf, headOf, shareOf } from './parsed.ts'
import type { CoordinatorRecord } from './records.ts'
import type { Draft, Found, Reading, Seat } from './seat.ts'

/** One seat in one transaction: what is said for it, if anything is. */
export interface Turn {
  readonly seat: Seat
  readonly draft: Draft
  /** The record, where it is to be written. */
  readonly text: string | undefined
}

/** What one transaction has found out. */
export interface Findings {
  readonly revision: Revision
  /** Whether what was to be written was. */
  readonly held: boolean
  readonly coordinator: Found<CoordinatorRecord> | undefined
  /** Which etcd this is. */
  readonly instance: string | undefined
}

/** The same, and what it has found out for each. */
export interface Carried<One extends Turn> extends Findings {
  readonly readings: ReadonlyMap<One, Reading>
}

/** The coordinator and the instance are read in each. */
const COMMON = 2
/** A session, its share and the head of its group. */
const PER_SEAT = 3
const MAX_SEATS = Math.floor((MAX_OPERATIONS - COMMON) / PER_SEAT)
/** etcd takes requests of up to 1.5 MiB, unless somebody has told it otherwise. */
const MAX_LENGTH = 2 ** 18

/** So few transactions as there may be: those that write apart from those that only read, so that a write which fails costs no reading of others. */
export const roundsOf = <One extends Turn>(turns: readonly One[]): readonly (readonly One[])[] => [
  ...chunked(turns.filter(({ text }) => text !== undefined)),
  ...chunked(turns.filter(({ text }) => text === undefined)),
]

const chunked = <One extends Turn>(turns: readonly One[]): One[][] => {
  const chunks: One[][] = []
  let length = 0
  for (const turn of turns) {
    const last = chunks.at(-1)
    length += turn.text?.length ?? 0
    if (last !== undefined && last.length < MAX_SEATS && length <= MAX_LENGTH) last.push(turn)
    else {
      chunks.push([turn])
      length = turn.text?.length ?? 0
    }
  }
  return chunks
}

/** Writes what is to be written, unless somebody has, and reads everything that a renewal needs, at one revision. */
export const carryOut = async <One extends Turn>(
  engine: Engine,
  keys: Keys,
  turns: readonly One[],
  lease: LeaseId | undefined,
): Promise<Carried<One>> => {
  const { transaction, gets } = transactionOf(keys, turns, lease)
  const outcome = await engine.transact(transaction)
  return findings(keys, turns, outcome, gets)
}

/** What is got, in order. */
type Gets = readonly string[]

const transactionOf = (
  keys: Keys,
  turns: readonly Turn[],
  lease: LeaseId | undefined,
): { readonly transaction: Transaction; readonly gets: Gets } => {
  const when: Comparison[] = []
  const puts: Operation[] = []
  const always = new Set([keys.coordinator, keys.instance])
  for (const { seat, text } of turns) {
    const key = keys.session(seat.name)
    if (text === undefined) always.add(key)
    else {
      when.push({ key, of: 'modRevision', is: seat.modRevision })
      puts.push({ type: 'put', key, value: text, ...(lease !== undefined && { lease }) })
    }
    always.add(keys.share(seat.name))
    always.add(keys.head(seat.name.group))
  }
  const then = [...always].map(getOf)
  // What was written needs no reading.
  const unwritten = when.map(({ key }) => key)
  return {
    gets: [...always, ...unwritten],
    transaction: {
      when,
      then: [...then, ...puts],
      // Where nothing is compared, nothing else can come of it.
      otherwise: when.length === 0 ? [] : [...then, ...unwritten.map(getOf)],
    },
  }
}

const getOf = (key: string): Operation => ({ type: 'get', key })

const findings = <One extends Turn>(
  keys: Keys,
  turns: readonly One[],
  { held, revision, found }: Outcome,
  gets: Gets,
): Carried<One> => {
  const entries = new Map(gets.map((key, place) => [key, found[place]]))
  const readingOf = ({ seat, draft, text }: One): Reading => {
    const written = held && text !== undefined
    const entry = entries.get(keys.session(seat.name))
    return {
      revision,
      sequence: draft.sequence,
      isSaid: written || text === undefined,
      session: written ? sessionAfter(seat, revision) : entry,
      share: foundIn(entries.get(keys.share(seat.name)), (text) => shareOf(text, seat.name), seat.share),
      head: foundIn(entries.get(keys.head(seat.name.group)), headOf, seat.head),
    }
  }
  return {
    revision,
    held,
    coordinator: foundIn(entries.get(keys.coordinator), coordinatorOf),
    instance: entries.get(keys.instance)?.value,
    readings: new Map(turns.map((turn) => [turn, readingOf(turn)])),
  }
}

const sessionAfter = ({ modRevision, createRevision }: Seat, revision: Revision) => ({
  modRevision: revision,
  createRevision: modRevision === 0 ? revision : createRevision,
})

/**
 * What an entry says; `undefined` also where somebody else has written what no one of us would. What lay there before is not read once more: a
 * share may have thousands of items.
 */
export const foundIn = <Value>(
  entry: Entry | undefined,
  read: (text: string) => Value | undefined,
  before?: Found<Value>,
): Found<Value> | undefined => {
  if (entry === undefined) return undefined
  if (entry.modRevision === before?.modRevision) return before
  const value = read(entry.value)
  if (value === undefined) return undefined
  return { value, createRevision: entry.createRevision, modRevision: entry.modRevision }
}

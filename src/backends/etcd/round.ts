import type { Comparison, Engine, Entry, LeaseId, Operation, Outcome, Revision, Transaction } from './engine.ts'
import { MAX_OPERATIONS } from './engine.ts'
import type { Keys } from './keys.ts'
import { coordinatorOf, headOf, shareOf } from './parsed.ts'
import type { CoordinatorRecord, HeadRecord, ShareRecord } from './records.ts'
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
  /** In the order of those that they are about. */
  readonly readings: readonly Reading[]
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
export const carryOut = async (
  engine: Engine,
  keys: Keys,
  turns: readonly Turn[],
  lease: LeaseId | undefined,
): Promise<Findings> => {
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
  const gets = new Set([keys.coordinator, keys.instance])
  for (const { seat, text } of turns) {
    const key = keys.session(seat.name)
    if (text !== undefined) {
      when.push({ key, of: 'modRevision', is: seat.modRevision })
      puts.push({ type: 'put', key, value: text, ...(lease !== undefined && { lease }) })
    }
    gets.add(keys.share(seat.name))
    gets.add(keys.head(seat.name.group))
  }
  const reads = turns.filter(({ text }) => text === undefined).map(({ seat }) => keys.session(seat.name))
  const all = [...gets, ...reads]
  const written = turns.filter(({ text }) => text !== undefined).map(({ seat }) => keys.session(seat.name))
  const getOf = (key: string): Operation => ({ type: 'get', key })
  return {
    gets: [...all, ...written],
    // What was written needs no reading.
    transaction: { when, then: [...all.map(getOf), ...puts], otherwise: [...all, ...written].map(getOf) },
  }
}

const findings = (keys: Keys, turns: readonly Turn[], { held, revision, found }: Outcome, gets: Gets): Findings => {
  const entries = new Map(gets.map((key, place) => [key, found[place]]))
  const readings = turns.map((turn): Reading => {
    const { seat, draft, text } = turn
    const written = held && text !== undefined
    const entry = entries.get(keys.session(seat.name))
    return {
      revision,
      sequence: draft.sequence,
      isSaid: written || text === undefined,
      session: written ? sessionAfter(seat, revision) : entry,
      share: shareIn(entries.get(keys.share(seat.name)), seat),
      head: foundIn<HeadRecord>(entries.get(keys.head(seat.name.group)), headOf),
    }
  })
  return {
    revision,
    held,
    coordinator: foundIn<CoordinatorRecord>(entries.get(keys.coordinator), coordinatorOf),
    instance: entries.get(keys.instance)?.value,
    readings,
  }
}

/** What lay there before is not read once more: a share may have thousands of items. */
const shareIn = (entry: Entry | undefined, seat: Seat): Found<ShareRecord> | undefined =>
  entry !== undefined && entry.modRevision === seat.share?.modRevision
    ? seat.share
    : foundIn<ShareRecord>(entry, (text) => shareOf(text, seat.name))

const sessionAfter = ({ modRevision, createRevision }: Seat, revision: Revision) => ({
  modRevision: revision,
  createRevision: modRevision === 0 ? revision : createRevision,
})

/** What an entry says; `undefined` also where somebody else has written what no one of us would. */
export const foundIn = <Value>(
  entry: Entry | undefined,
  read: (text: string) => Value | undefined,
): Found<Value> | undefined => {
  const value = entry === undefined ? undefined : read(entry.value)
  if (entry === undefined || value === undefined) return undefined
  return { value, createRevision: entry.createRevision, modRevision: entry.modRevision }
}

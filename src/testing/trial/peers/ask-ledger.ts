import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { FileTails } from '../../file-tails.ts'
import type { AskRecord } from '../asker.ts'
import type { House } from '../house.ts'

const FOLDER = 'asks'

export const askLogOf = (house: House, who: string): string => join(house.path(FOLDER), `${who}.ndjson`)

/** What an ask may end with while anything happens to peers. */
const OUTCOMES: ReadonlySet<string> = new Set([
  'replied',
  // Everybody who was expected is gone, or has failed.
  'exhausted',
  'CAUCUS_NO_RESPONDERS',
  'CAUCUS_TIMEOUT',
  'CAUCUS_CONNECTION_LOST',
  'CAUCUS_UNAVAILABLE',
  'CAUCUS_NO_QUORUM',
  'CAUCUS_NOT_LEADER',
  'CAUCUS_OVERLOADED',
  'CAUCUS_CLOSED',
])

/** Judges asks by their logs alone: each ends, once, with an outcome that it may have. */
export class AskLedger {
  readonly #tails: FileTails
  readonly #open = new Map<string, AskRecord>()
  readonly #faults: string[] = []
  readonly outcomes: Record<string, number> = {}
  ended = 0

  constructor(house: House) {
    mkdirSync(house.path(FOLDER), { recursive: true })
    this.#tails = new FileTails(house.path(FOLDER))
  }

  read(): void {
    for (const name of this.#tails.names()) {
      const lines = this.#tails.textOf(name).split('\n').slice(0, -1)
      for (const line of lines) this.add(JSON.parse(line) as AskRecord)
    }
  }

  add(record: AskRecord): void {
    const { who, ask, outcome } = record
    const key = `${who} ${ask}`
    if (outcome === undefined) {
      this.#open.set(key, record)
      return
    }
    if (!this.#open.delete(key)) this.#faults.push(`the ask ${ask} of ${who} ended twice`)
    this.ended++
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1
    if (!OUTCOMES.has(outcome)) this.#faults.push(`the ask ${ask} of ${who} ended with ${outcome}`)
  }

  /** What is wrong, one line each. An ask of somebody in `living` that began before `beforeNs` should have ended. */
  faults({ living, beforeNs }: { readonly living: ReadonlySet<string>; readonly beforeNs: number }): string[] {
    const late = [...this.#open.values()].filter(({ who, atNs }) => living.has(who) && atNs < beforeNs)
    return [...this.#faults, ...late.map(({ who, ask }) => `the ask ${ask} of ${who} never ended`)]
  }
}

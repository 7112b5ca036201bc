import { majorityOf } from '../../core/election/quorum.ts'
import type { Tick } from '../../core/machine.ts'
import { compareEntries, type EntryPlace } from '../../core/replication/entries.ts'
import type { ReplicaInput } from '../../core/replication/io.ts'
import type { Entry, ReplicaMessage } from '../../core/replication/messages.ts'
import { must } from './violation.ts'
import type { ReplicaProcess } from './voter.ts'

/** What one leader has asked and been answered, written down by somebody else. */
interface Sheet {
  readonly term: number
  /** The lowest and the highest number of its questions. */
  first: number
  last: number
  led: boolean
  /** It has heard of this later one. */
  later: number
  readonly boots: Map<string, string>
  readonly countsFrom: Map<string, number>
  readonly collected: Map<string, Entry | undefined>
  readonly held: Map<string, number>
}

/** Counts with each leader what reaches it: it leads, and decides, by a majority that has answered what it asked, and asks nobody twice. */
export class Counts {
  readonly #voters: number
  readonly #sheets = new Map<ReplicaProcess, Sheet>()

  constructor(voters: number) {
    this.#voters = voters
  }

  gone(voter: ReplicaProcess): void {
    this.#sheets.delete(voter)
  }

  steps(voter: ReplicaProcess, input: ReplicaInput | Tick, isNonsense: boolean): void {
    const { later = 0 } = this.#sheets.get(voter) ?? {}
    must(later === 0, 'R4', () => `${voter.bootId} has heard of a leader of ${later}, and leads on`)
    if (input.type === 'retire') this.#sheets.delete(voter)
    if (input.type === 'lead') {
      const [boots, countsFrom, collected, held] = [new Map(), new Map(), new Map(), new Map()]
      const first = Number.POSITIVE_INFINITY
      this.#sheets.set(voter, {
        term: input.term,
        first,
        last: -1,
        led: false,
        later: 0,
        boots,
        countsFrom,
        collected,
        held,
      })
    }
    const sheet = this.#sheets.get(voter)
    if (sheet === undefined || input.type !== 'message' || isNonsense) return
    const { message } = input
    if (laterTermIn(message) > sheet.term) sheet.later = laterTermIn(message)
    const { id, bootId } = message.sender
    const before = sheet.boots.get(id)
    sheet.boots.set(id, bootId)
    if (before !== undefined && before !== bootId) {
      sheet.collected.delete(id)
      sheet.held.delete(id)
      sheet.countsFrom.set(id, sheet.last + 1)
    }
    if (message.type !== 'collected' && message.type !== 'stored') return
    const { round } = message
    const asked = round >= Math.max(sheet.first, sheet.countsFrom.get(id) ?? 0) && round <= sheet.last
    if (!asked || message.term !== sheet.term) return
    if (message.type === 'collected') sheet.collected.set(id, message.entry)
    else sheet.held.set(id, Math.max(message.version, sheet.held.get(id) ?? 0))
  }

  superseded(voter: ReplicaProcess): void {
    this.#sheets.delete(voter)
  }

  leaves(voter: ReplicaProcess, to: string, message: ReplicaMessage): void {
    const sheet = this.#sheets.get(voter)
    if (sheet === undefined || (message.type !== 'collect' && message.type !== 'store')) return
    const { round } = message
    sheet.first = Math.min(sheet.first, round)
    sheet.last = Math.max(sheet.last, round)
    const answered =
      message.type === 'collect'
        ? sheet.led || sheet.collected.has(to)
        : (sheet.held.get(to) ?? 0) >= message.entry.version
    must(!answered, 'Again', () => `${voter.bootId} asks ${to} for what it has answered: ${message.type} #${round}`)
  }

  led(voter: ReplicaProcess, term: number, entry: Entry | undefined, own: boolean): void {
    const sheet = this.#sheets.get(voter)
    if (sheet === undefined) return must(false, 'Count', () => `${voter.bootId} leads in ${term} and was not asked to`)
    must(
      sheet.term === term && sheet.collected.size + Number(own) >= majorityOf(this.#voters),
      'Count',
      () => `${voter.bootId} leads in ${term} by the answers of ${[...sheet.collected.keys()]}`,
    )
    for (const [id, found] of sheet.collected)
      must(compareEntries(entry, found) >= 0, 'Count', () => `${voter.bootId} did not take what ${id} said`)
    sheet.led = true
  }

  decided(voter: ReplicaProcess, { term, version }: EntryPlace, own: boolean): void {
    const sheet = this.#sheets.get(voter)
    const holders = [...(sheet?.held ?? [])].filter(([, held]) => held >= version)
    must(
      sheet?.term === term && holders.length + Number(own) >= majorityOf(this.#voters),
      'Count',
      () => `${voter.bootId} decides ${term}.${version} by the answers of ${holders.map(([id]) => id)}`,
    )
  }
}

const laterTermIn = (message: ReplicaMessage): number => {
  if (message.type === 'collect') return message.term
  if (message.type === 'store') return message.entry.term
  return message.type === 'superseded' ? message.promised : 0
}

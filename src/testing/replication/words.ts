import { majorityOf } from '../../core/election/quorum.ts'
import type { Tick } from '../../core/machine.ts'
import { compareEntries } from '../../core/replication/entries.ts'
import type { ReplicaEffect, ReplicaInput } from '../../core/replication/io.ts'
import type { ReplicaMessage, ReplicaRecord } from '../../core/replication/messages.ts'
import { must } from './violation.ts'
import type { ReplicaProcess } from './voter.ts'

type Answer = Extract<ReplicaMessage, { type: 'recovered' }>

interface Heard {
  readonly sentAt: number
  readonly answer: Answer
}

/** Holds what a voter says against what it was told: whom it serves, and from whom it learned what it had lost. */
export class Words {
  readonly #now: () => number
  readonly #ids: readonly string[]
  /** By process and term: the one leader's process that it serves. */
  readonly #serves = new Map<string, string>()
  readonly #sentAt = new WeakMap<ReplicaMessage, number>()
  /** By the process that asks, and by whom it asks: since when that one knows. */
  readonly #toldAt = new Map<string, Map<string, number>>()
  /** What answers have to quote, by the process that asks; what it said first, it said in order to tell. */
  readonly #asks = new Map<string, string>()
  readonly #tells = new Map<string, string>()
  readonly #begun = new Set<string>()
  readonly #heard = new Map<string, Map<string, Heard[]>>()

  constructor(ids: readonly string[], now: () => number) {
    this.#ids = ids
    this.#now = now
  }

  steps(voter: ReplicaProcess, input: ReplicaInput | Tick, isNonsense: boolean): void {
    if (input.type !== 'message' || isNonsense) return
    const { message } = input
    if (message.type === 'recover') {
      const toldAt = this.#toldAt.get(message.sender.bootId) ?? new Map<string, number>()
      this.#toldAt.set(message.sender.bootId, toldAt)
      if (!toldAt.has(voter.id)) toldAt.set(voter.id, this.#now())
    }
    if (message.type !== 'recovered' || message.nonce !== this.#asks.get(voter.bootId)) return
    if (message.nonce === this.#tells.get(voter.bootId)) return
    const heard = this.#heard.get(voter.bootId) ?? new Map<string, Heard[]>()
    this.#heard.set(voter.bootId, heard)
    const { id } = message.sender
    heard.set(id, [...(heard.get(id) ?? []), { sentAt: this.#sentAt.get(message) ?? 0, answer: message }])
  }

  decided(voter: ReplicaProcess, effect: ReplicaEffect, input: ReplicaInput | Tick): void {
    if (effect.type !== 'send' || input.type !== 'message') return
    const { message } = effect
    if (message.type !== 'collected' && message.type !== 'stored') return
    const key = `${voter.bootId} ${message.term}`
    const { bootId } = input.message.sender
    const before = this.#serves.get(key) ?? bootId
    this.#serves.set(key, before)
    must(before === bootId, 'Process', () => `${voter.bootId} serves ${before} and ${bootId} in term ${message.term}`)
  }

  leaves(voter: ReplicaProcess, message: ReplicaMessage, isBlank: boolean): void {
    this.#sentAt.set(message, this.#now())
    const leads = message.type === 'collect' || message.type === 'store'
    const asks = message.type === 'recover' || (message.type === 'recovered' && message.blank)
    must(!isBlank || leads || asks, 'Blank', () => `${voter.bootId} is blank and says ${message.type}`)
    if (message.type !== 'recover') return
    this.#asks.set(voter.bootId, message.nonce)
    if (!this.#tells.has(voter.bootId)) this.#tells.set(voter.bootId, message.nonce)
  }

  /**
   * A blank voter writes something down: all others had been told before any of them said what it builds on. `crowdedAt`: when a majority was
   * blank last.
   */
  begins({ id, bootId }: ReplicaProcess, { promised, entry }: ReplicaRecord, crowdedAt: number): void {
    if (this.#begun.has(bootId)) return
    this.#begun.add(bootId)
    const others = this.#ids.filter((other) => other !== id)
    const since = Math.max(
      0,
      ...others.map((other) => this.#toldAt.get(bootId)?.get(other) ?? Number.POSITIVE_INFINITY),
    )
    let blank = 1
    let anybodyHas = false
    for (const other of others) {
      const told = (this.#heard.get(bootId)?.get(other) ?? []).filter(({ sentAt }) => sentAt >= since)
      must(told.length > 0, 'Recovery', () => `${bootId} begins, and ${other} has not answered since all were told`)
      const answers = told.map((heard) => heard.answer).filter((answer) => !answer.blank)
      if (answers.length === 0) blank++
      // Of several answers any one may be taken: what was true after all were told is enough.
      if (answers.length > 0 && answers.every((answer) => answer.entry !== undefined)) anybodyHas = true
      const learned = answers.length === 0 || answers.some((answer) => promised >= answer.promised)
      const has = answers.length === 0 || answers.some((answer) => compareEntries(entry, answer.entry) >= 0)
      must(learned && has, 'Recovery', () => `${bootId} begins below what ${other} has told it`)
    }
    must(
      blank < majorityOf(this.#ids.length) || !anybodyHas,
      'Recovery',
      () => `${bootId} begins while ${blank} are blank`,
    )
    must(
      blank < majorityOf(this.#ids.length) || crowdedAt >= since,
      'Recovery',
      () => `${bootId} begins since ${blank} were blank, though never at one time`,
    )
  }
}

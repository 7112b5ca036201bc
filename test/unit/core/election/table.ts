import { Election } from '../../../../src/core/election/election.ts'
import type { ElectionEffect, ElectionEvent, ElectionInput, ElectionOptions } from '../../../../src/core/election/io.ts'
import type { PeerBody, PeerMessage } from '../../../../src/core/election/messages.ts'
import type { ElectionRecord } from '../../../../src/core/election/record.ts'
import type { Random } from '../../../../src/core/random.ts'

export const TIMING = { heartbeatMs: 25, electionMinMs: 150, electionMaxMs: 300, leaseMs: 120 }

/** Always draws the same, so that a story says who is impatient. */
const always = (value: number): Random => ({
  next: () => value,
  below: (n) => Math.floor(value * n),
  fork: () => always(value),
})

interface UnderWay {
  readonly from: string
  readonly to: string
  readonly message: PeerMessage
}

type Effect<Type extends ElectionEffect['type']> = Extract<ElectionEffect, { type: Type }>

/** One voter of a story: its machine, its disk, and what waits for the disk. */
class Seat {
  readonly machine: Election
  readonly bootId: string
  disk: ElectionRecord | undefined
  /** Writes that are not durable yet. */
  writes: Effect<'persist'>[] = []
  waiting: Effect<'send'>[] = []
  readonly events: ElectionEvent[] = []
  /** Tethers that its machine wants closed. */
  readonly closed: string[] = []
  /** By how much more its holder clock has gained than its grantor clock. */
  sleptMs = 0

  constructor(options: ElectionOptions, disk: ElectionRecord | undefined) {
    this.machine = new Election(options)
    this.bootId = options.bootId
    this.disk = disk
  }
}

export interface TableOptions {
  readonly voters?: number
  readonly store?: boolean
  readonly timing?: Partial<typeof TIMING>
}

/** Some voters around a table, one clock for all, and every message in the hands of whoever tells the story. */
export class Table {
  readonly ids: readonly string[]
  readonly #options: TableOptions
  readonly #seats = new Map<string, Seat>()
  #underWay: UnderWay[] = []
  /** Whose disk takes its time: `write` makes it durable. */
  readonly slow = new Set<string>()
  /** Nothing goes from one to the other: `v0>v1`. */
  readonly cut = new Set<string>()
  now = 1000
  #boots = 0

  constructor(options: TableOptions = {}) {
    this.#options = options
    this.ids = Array.from({ length: options.voters ?? 3 }, (_, n) => `v${n}`)
  }

  /** All voters, founded, with v0 as their leader. */
  static led(options: TableOptions = {}): Table {
    const table = new Table(options)
    for (const id of table.ids) table.start(id)
    table.pass(700)
    return table
  }

  /** `patience`: where between the shortest and the longest election time-out its waits lie. */
  start(
    id: string,
    {
      patience = this.ids.indexOf(id) / 10,
      disk = this.#seats.get(id)?.disk as ElectionRecord | undefined,
      ...more
    }: { patience?: number; disk?: ElectionRecord | undefined } & Partial<ElectionOptions> = {},
  ): void {
    const bootId = `${id}#${++this.#boots}`
    const options = {
      cluster: 'tests',
      id,
      bootId,
      voters: this.ids,
      timing: { ...TIMING, ...this.#options.timing },
      store: this.#options.store ?? true,
      fresh: { storeId: `store-${this.#boots}`, base: 1000 + this.#boots },
      random: always(patience),
      ...more,
    }
    this.#seats.set(id, new Seat(options, disk))
    this.give(id, { type: 'started', record: disk })
  }

  /** Both hold a tether with each other from now on. */
  tie(a: string, b: string, id = `${a}-${b}`): string {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      this.give(one, { type: 'tetherOpened', id, with: { id: other, bootId: this.seat(other).bootId } })
    return id
  }

  crash(id: string): ElectionRecord | undefined {
    const { disk } = this.seat(id)
    this.#seats.delete(id)
    return disk
  }

  seat(id: string): Seat {
    const seat = this.#seats.get(id)
    if (seat === undefined) throw new Error(`nobody sits at ${id}`)
    return seat
  }

  view(id: string) {
    return this.seat(id).machine.view()
  }

  leads(id: string): boolean {
    const { machine, sleptMs } = this.seat(id)
    return machine.leads(this.now + sleptMs)
  }

  get leaders(): string[] {
    return [...this.#seats.keys()].filter((id) => this.leads(id))
  }

  give(id: string, input: ElectionInput | { type: 'woke' } | { type: 'stalled'; forMs: number }): void {
    const seat = this.seat(id)
    for (const effect of seat.machine.step(input, { grantor: this.now, holder: this.now + seat.sleptMs }))
      this.#perform(id, seat, effect)
  }

  #perform(id: string, seat: Seat, effect: ElectionEffect): void {
    if (effect.type === 'emit') seat.events.push(effect.event)
    else if (effect.type === 'persist') seat.writes.push(effect)
    else if (effect.type === 'closeTether') seat.closed.push(effect.id)
    else if (effect.after !== undefined && seat.writes.some(({ ticket }) => ticket === effect.after))
      seat.waiting.push(effect)
    else this.#underWay.push({ from: id, to: effect.to, message: effect.message })
    if (effect.type === 'persist' && !this.slow.has(id)) this.#later.push(id)
  }

  readonly #later: string[] = []

  /** The oldest write of this voter is durable now, or failed. */
  write(id: string, durable = true): void {
    const seat = this.seat(id)
    const written = seat.writes.shift()
    if (written === undefined) return
    const { ticket, record } = written
    if (durable) seat.disk = record
    const released = seat.waiting.filter(({ after }) => after === ticket)
    seat.waiting = seat.waiting.filter(({ after }) => after !== ticket)
    if (durable) for (const { to, message } of released) this.#underWay.push({ from: id, to, message })
    this.give(id, { type: durable ? 'persisted' : 'persistFailed', ticket })
  }

  /** Somebody says something to somebody, as if it came over the wire. */
  say(from: string, to: string, body: PeerBody, sender: Partial<PeerMessage['sender']> = {}): void {
    const known = this.#lastSender.get(from)
    if (known === undefined) throw new Error(`${from} has not said anything yet`)
    this.give(to, { type: 'message', from, message: { ...body, sender: { ...known, ...sender } } })
  }

  readonly #lastSender = new Map<string, PeerMessage['sender']>()

  /** What is under way, in order, as text. */
  get underWay(): string[] {
    return this.#underWay.map(({ from, to, message }) => `${from}>${to} ${message.type}`)
  }

  /** Takes what is under way off the wire; it can be handed over later. */
  intercept(): UnderWay[] {
    this.#settleDisks()
    const taken = this.#underWay
    this.#underWay = []
    return taken
  }

  hand({ from, to, message }: UnderWay): void {
    this.#lastSender.set(from, message.sender)
    if (this.#seats.has(to) && !this.cut.has(`${from}>${to}`)) this.give(to, { type: 'message', from, message })
  }

  /** Delivers until nothing is under way. */
  deliver(): void {
    for (let rounds = 0; rounds < 1000; rounds++) {
      this.#settleDisks()
      const batch = this.intercept()
      if (batch.length === 0) return
      for (const one of batch) this.hand(one)
    }
    throw new Error('they talk without end')
  }

  #settleDisks(): void {
    for (let id = this.#later.shift(); id !== undefined; id = this.#later.shift())
      if (this.#seats.has(id)) this.write(id)
  }

  /** Time passes, everybody is woken when it asked for it, and what is said arrives at once. */
  pass(ms: number): void {
    const end = this.now + ms
    this.deliver()
    for (let wakes = 0; wakes < 10_000; wakes++) {
      const next = this.#nextWake()
      if (next === undefined || next.at > end) break
      this.now = Math.max(this.now, next.at)
      this.give(next.id, { type: 'woke' })
      this.deliver()
    }
    this.now = end
  }

  #nextWake(): { id: string; at: number } | undefined {
    let best: { id: string; at: number } | undefined
    for (const [id, { machine }] of this.#seats) {
      const at = machine.wakeAt()
      if (at !== undefined && (best === undefined || at < best.at)) best = { id, at }
    }
    return best
  }

  /** Nothing goes to this voter or comes from it. */
  isolate(id: string): void {
    for (const other of this.ids) {
      this.cut.add(`${id}>${other}`)
      this.cut.add(`${other}>${id}`)
    }
  }

  join(): void {
    this.cut.clear()
  }

  said(id: string): string[] {
    return this.seat(id).events.map(({ type }) => type)
  }
}

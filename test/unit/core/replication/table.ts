import type { Sender } from '../../../../src/core/election/messages.ts'
import { seededRandom } from '../../../../src/core/random.ts'
import type { ReplicaEffect, ReplicaInput } from '../../../../src/core/replication/io.ts'
import type { Charter, ReplicaBody, ReplicaMessage, ReplicaRecord } from '../../../../src/core/replication/messages.ts'
import { Replica } from '../../../../src/core/replication/replica.ts'

export const RETRY_MS = 100

/** A charter that is known by a number. */
export const charter = (generation: number): Charter => ({
  instanceId: 'the-cluster',
  foundation: { generation, defaultCeilingMs: 0, ceilingsMs: {} },
})

type Sent = Extract<ReplicaEffect, { type: 'send' }>
type Told = Exclude<ReplicaEffect, { type: 'send' } | { type: 'persist' }>

interface Seat {
  replica: Replica
  boot: number
  /** What is on its way to the disk. */
  writing: Extract<ReplicaEffect, { type: 'persist' }>[]
  /** What waits for the disk. */
  held: Sent[]
}

/**
 * A few voters around one table. Messages lie on it until somebody passes them on, and disks write when they are told to, so that a story can
 * be told in any order.
 */
export class Table {
  readonly ids: readonly string[]
  readonly seats = new Map<string, Seat>()
  readonly disks = new Map<string, ReplicaRecord>()
  /** What is on the table: said, and not passed on. */
  said: { from: string; to: string; message: ReplicaMessage }[] = []
  /** What the leader of each voter's process was told. */
  readonly told = new Map<string, Told[]>()
  /** Whose disk writes by itself. */
  readonly slow = new Set<string>()
  readonly #store: boolean
  now = 0

  constructor(voters: number, { store = true } = {}) {
    this.ids = Array.from({ length: voters }, (_, n) => `v${n}`)
    this.#store = store
  }

  /** All of them start for the first time. */
  static begun(voters: number, options: { store?: boolean } = {}): Table {
    const table = new Table(voters, options)
    for (const id of table.ids) table.start(id)
    table.passAll()
    return table
  }

  senderOf(id: string): Sender {
    const boot = this.seats.get(id)?.boot ?? 0
    const storeId = this.#store ? `store of ${id}` : ''
    return { cluster: 'c', voters: 'all', id, bootId: `${id}#${boot}`, storeId }
  }

  /** One that nobody has told anything yet. */
  unstarted(id = 'v0', boot = 1): Replica {
    const { ids: voters } = this
    const random = seededRandom(boot)
    return new Replica({ id, bootId: `${id}#${boot}`, voters, store: this.#store, retryMs: RETRY_MS, random })
  }

  start(id: string): void {
    const boot = (this.seats.get(id)?.boot ?? 0) + 1
    const replica = this.unstarted(id, boot)
    this.seats.set(id, { replica, boot, writing: [], held: [] })
    this.told.set(id, [])
    this.step(id, { type: 'started', self: this.senderOf(id), record: this.disks.get(id) })
  }

  crash(id: string, { losesDisk = false } = {}): void {
    const seat = this.#seat(id)
    seat.writing = []
    seat.held = []
    if (losesDisk) this.disks.delete(id)
  }

  replica(id: string): Replica {
    return this.#seat(id).replica
  }

  step(id: string, input: ReplicaInput | { type: 'woke' }): void {
    const seat = this.#seat(id)
    for (const effect of seat.replica.step(input, this.now)) this.#perform(id, seat, effect)
    if (!this.slow.has(id)) this.write(id)
  }

  /** What this voter is writing is durable now; with `false`, it failed. */
  write(id: string, durable = true): void {
    const seat = this.#seat(id)
    for (let next = seat.writing.shift(); next !== undefined; next = seat.writing.shift()) {
      const { ticket, record } = next
      if (durable) this.disks.set(id, record)
      const released = seat.held.filter(({ after }) => after === ticket)
      seat.held = seat.held.filter(({ after }) => after !== ticket)
      if (durable) for (const { to, message } of released) this.said.push({ from: id, to, message })
      this.step(id, { type: durable ? 'persisted' : 'persistFailed', ticket })
    }
  }

  /** Passes on what is on the table, in order, until nothing more is said; what nobody may hear is swept off. */
  passAll(hears: (sent: { from: string; to: string; message: ReplicaMessage }) => boolean = () => true): void {
    for (let next = this.said.shift(); next !== undefined; next = this.said.shift())
      if (hears(next)) this.step(next.to, { type: 'message', from: next.from, message: next.message })
  }

  /** What this voter has on the table for that one. */
  from(id: string, to?: string): ReplicaBody[] {
    const lying = this.said.filter((sent) => sent.from === id && (to === undefined || sent.to === to))
    return lying.map(({ message: { sender: _, ...body } }) => body)
  }

  /** Says something to a voter in the name of another. */
  say(to: string, from: string, body: ReplicaBody): void {
    this.step(to, { type: 'message', from, message: { ...body, sender: this.senderOf(from) } })
  }

  /** So much later everybody whose time has come is woken. */
  later(byMs: number = RETRY_MS): void {
    this.now += byMs
    for (const [id, { replica }] of this.seats)
      if ((replica.wakeAt() ?? Number.POSITIVE_INFINITY) <= this.now) this.step(id, { type: 'woke' })
  }

  #perform(id: string, seat: Seat, effect: ReplicaEffect): void {
    if (effect.type === 'persist') seat.writing.push(effect)
    else if (effect.type !== 'send') this.told.get(id)?.push(effect)
    else if (effect.after !== undefined) seat.held.push(effect)
    else this.said.push({ from: id, to: effect.to, message: effect.message })
  }

  #seat(id: string): Seat {
    const seat = this.seats.get(id)
    if (seat === undefined) throw new Error(`nobody sits at ${id}`)
    return seat
  }
}

import type { CallerMessage } from '../../core/group/coordinator.ts'
import type { Foundation } from '../../core/group/foundation.ts'
import type { ShareMessage } from '../../core/group/messages.ts'
import type { GroupOrders, Order } from '../../core/group/orders.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Address } from '../../core/group/session.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Bench } from './bench.ts'
import type { CoordinatorProcess } from './coordinator-process.ts'
import { POLL_GROUP } from './server-room.ts'
import { must } from './violation.ts'

interface Given {
  readonly group: string
  readonly order: Order
  /** As it was when the order was read. */
  view: GroupView | undefined
}

/** What operators were told of one group. */
interface Told {
  frozen: boolean
  readonly pins: Map<number, string>
}

/**
 * O1: what operators were told to be in force is durable, is in force, and is found again after a restart; what they were refused is not,
 * and was rightly refused. Three accounts of it are compared: the answers, what the store is known to hold, and what the group says.
 */
export class OrderBook {
  readonly #bench: Bench
  #run = 0
  /** Durable, as far as this run was told. */
  #durable: Foundation | undefined
  readonly #writes = new Map<number, Foundation>()
  readonly #given = new Map<Address, Given>()
  readonly #told = new Map<string, Told>()
  /** By group, member and incarnation. */
  readonly #processes = new Map<string, string>()
  /** Processes that have gone: that they are to be drained may be forgotten at any time. */
  readonly #gone = new Set<string>()
  #last = 0
  /** Groups of which something was said in this step. */
  readonly #touched = new Set<string>()

  constructor(bench: Bench) {
    this.#bench = bench
  }

  /** A coordinator is about to begin with `foundation`, having found `stored`. */
  founded(stored: Foundation | undefined, foundation: Foundation): void {
    const [before, after] = [stored?.orders ?? {}, foundation.orders ?? {}]
    must(spelled(before) === spelled(after), 'O1', () => {
      return `the store has the orders ${spelled(before)}, and the coordinator begins with ${spelled(after)}`
    })
  }

  give(coordinator: CoordinatorProcess, group: string, order: Order): Address {
    const from = `order-${++this.#last}`
    this.#of(coordinator)
    this.#given.set(from, { group, order, view: undefined })
    return from
  }

  /** It is about to be read: what it is about may have changed since it was given. */
  taken(coordinator: CoordinatorProcess, from: Address): void {
    const given = this.#given.get(from)
    if (given !== undefined) given.view = coordinator.machine.viewOf(given.group)
  }

  /** Orders that this run of the coordinator was given and has not answered. */
  unanswered(coordinator: CoordinatorProcess): readonly string[] {
    this.#of(coordinator)
    return [...this.#given.values()].map(({ group, order }) => `${order.type} in ${group}`)
  }

  persists({ run }: CoordinatorProcess, ticket: number, foundation: Foundation): void {
    if (run === this.#run) this.#writes.set(ticket, foundation)
  }

  persisted(coordinator: CoordinatorProcess, ticket: number): void {
    this.#of(coordinator)
    this.#durable = this.#writes.get(ticket) ?? this.#durable
    for (const group of Object.keys(this.#durable?.orders ?? {})) this.#touched.add(group)
  }

  /** Another run knows what is durable, and nothing of who was not answered. */
  #of({ run, options }: CoordinatorProcess): void {
    if (run === this.#run) return
    this.#run = run
    this.#durable = options.foundation
    for (const memory of [this.#writes, this.#given, this.#told, this.#processes, this.#gone, this.#touched]) {
      memory.clear()
    }
    for (const [group, orders] of Object.entries(options.foundation.orders ?? {})) {
      this.#told.set(group, toldBy(orders))
    }
  }

  coordinatorAnswers(coordinator: CoordinatorProcess, { group, member, incarnation, bootId }: ShareMessage): void {
    this.#of(coordinator)
    this.#processes.set(`${group}/${member}/${incarnation}`, bootId)
  }

  coordinatorSaid(coordinator: CoordinatorProcess, group: string, event: GroupEvent): void {
    this.#of(coordinator)
    if (event.type === 'group.settled' || event.type === 'group.frozen' || event.type === 'group.thawed') {
      this.#touched.add(group)
    }
    if (event.type !== 'member.left' && event.type !== 'member.expired') return
    const bootId = this.#processes.get(`${group}/${event.member}/${event.incarnation}`)
    if (bootId !== undefined) this.#gone.add(bootId)
  }

  answers(coordinator: CoordinatorProcess, to: Address, message: CallerMessage): Given | undefined {
    this.#of(coordinator)
    const given = this.#given.get(to)
    if (given === undefined) return undefined
    this.#given.delete(to)
    const { group, order } = given
    this.#touched.add(group)
    if (message.type === 'failed') {
      must(this.#mayRefuse(given, message.code), 'O1', () => {
        return `${spelled(order)} in ${group} was refused with ${message.code}: ${message.message}`
      })
      return undefined
    }
    must(message.type === 'ordered', 'O1', () => `${spelled(order)} was answered with ${message.type}`)
    must(!isNonsense(given), 'O1', () => `${spelled(order)} in ${group} was taken, and makes no sense there`)
    const told = this.#told.get(group) ?? toldBy({})
    this.#told.set(group, told)
    if (order.type === 'freeze' || order.type === 'thaw') told.frozen = order.type === 'freeze'
    if (order.type === 'pin') told.pins.set(order.partition, order.member)
    if (order.type === 'unpin') told.pins.delete(order.partition)
    return given
  }

  #mayRefuse(given: Given, code: string): boolean {
    const { group, order, view } = given
    if (code === 'CAUCUS_BACKEND') return this.#bench.conditions.faults.has('storeFailure')
    // Some wait for the store that are not answered.
    if (code === 'CAUCUS_OVERLOADED') return this.#given.size >= 16
    if (code === 'CAUCUS_NOT_FOUND' && order.type === 'unpin') {
      return this.#told.get(group)?.pins.has(order.partition) !== true
    }
    return view === undefined || isNonsense(given)
  }

  /** Once the step is over. */
  judge(coordinator: CoordinatorProcess): void {
    if (this.#touched.size === 0) return
    const groups = [...this.#touched]
    this.#touched.clear()
    if (coordinator.run !== this.#run) return
    for (const group of groups) this.#compare(coordinator, group)
  }

  #compare(coordinator: CoordinatorProcess, group: string): void {
    const durable = toldBy(this.#durable?.orders?.[group] ?? {})
    const told = this.#told.get(group) ?? toldBy({})
    must(same(durable, told), 'O1', () => {
      return `operators were told that ${shown(told)} is in force in ${group}, and durable is ${shown(durable)}`
    })
    const view = coordinator.machine.viewOf(group)
    if (view === undefined || group === POLL_GROUP || typeof view.share === 'string') return
    const { partitions } = view.share
    const pins = new Map(view.pins?.map(({ partition, member }) => [partition, member]))
    const inForce = { frozen: view.frozen === true, pins }
    // The group may have had more partitions when it was ordered.
    for (const partition of durable.pins.keys()) if (partition >= partitions) durable.pins.delete(partition)
    for (const partition of pins.keys()) if (partition >= partitions) pins.delete(partition)
    must(same(durable, inForce), 'O1', () => {
      return `in ${group} ${shown(inForce)} is in force, and durable is ${shown(durable)}`
    })
    this.#compareDrained(view)
  }

  #compareDrained({ name, members }: GroupView): void {
    const durable = new Set(this.#durable?.orders?.[name]?.drained)
    for (const { id, incarnation, drained = false } of members) {
      const bootId = this.#processes.get(`${name}/${id}/${incarnation}`)
      if (bootId === undefined || this.#gone.has(bootId)) continue
      must(drained === durable.has(bootId), 'O1', () => {
        return `${bootId} of ${name} is ${drained ? '' : 'not '}drained, and durable is the contrary`
      })
    }
  }
}

const toldBy = ({ frozen, pins = {} }: GroupOrders): Told => ({
  frozen: frozen === true,
  pins: new Map(Object.entries(pins).map(([partition, member]) => [Number(partition), member])),
})

const spelled = (value: unknown): string => JSON.stringify(value)
const shown = ({ frozen, pins }: Told): string => spelled({ frozen, pins: sorted(pins) })
const same = (a: Told, b: Told): boolean => shown(a) === shown(b)
const sorted = (pins: ReadonlyMap<number, string>) => [...pins].sort(([a], [b]) => a - b)

/** It is about what is not there, or about a group that has nothing of the kind. Of a group without anybody, orders may be taken back. */
const isNonsense = ({ group, order, view }: Given): boolean => {
  if (group === POLL_GROUP) return true
  if (view === undefined || order.type === 'unpin') return false
  if (order.type === 'drain' || order.type === 'undrain') return view.members.every(({ id }) => id !== order.member)
  if (typeof view.share === 'string') return true
  if (order.type !== 'pin') return false
  return !(Number.isInteger(order.partition) && order.partition >= 0 && order.partition < view.share.partitions)
}

import type { GroupEvent } from '../../../src/core/group/reasons.ts'
import type { GroupView } from '../../../src/core/group/view.ts'

/** What a group shares out. */
export type Kind = 'partitions' | 'slots' | 'tenure' | 'once' | 'none'

/**
 * `held`: somebody may act on it. `revoked`: it was asked to let go, and has not yet. `kept`: for a static member that has stopped. `free`:
 * nobody may act on it now.
 */
export type Phase = 'held' | 'revoked' | 'kept' | 'free'

/** One partition, index or tenure, and whose it is. */
export interface Cell {
  readonly owner: string | undefined
  readonly phase: Phase
  /** Of its grant, as far as that is known. */
  readonly epoch?: number
}

/** Somebody who is in the group. */
export interface Person {
  readonly id: string
  readonly weight: number
  readonly drained: boolean
  readonly isStatic: boolean
  /** What it says of itself; not known of somebody who came or went in what is remembered. */
  readonly metadata: unknown
}

export const FREE: Cell = { owner: undefined, phase: 'free' }

/** A group at one moment: who was there, and who had what. Events carry it on to the next one. */
export class Picture {
  kind: Kind
  state: 'settled' | 'settling'
  epoch: number
  frozen: boolean
  /** By partition, index less one, or 0. */
  cells: Cell[]
  readonly members: Map<string, Person>
  readonly pins: Map<number, string>
  /** What somebody had who went: his place may be kept. */
  readonly #left = new Map<string, readonly number[]>()

  constructor(of: Pick<Picture, 'kind' | 'state' | 'epoch' | 'frozen' | 'cells' | 'members' | 'pins'>) {
    this.kind = of.kind
    this.state = of.state
    this.epoch = of.epoch
    this.frozen = of.frozen
    this.cells = [...of.cells]
    this.members = new Map(of.members)
    this.pins = new Map(of.pins)
  }

  clone(): Picture {
    return new Picture(this)
  }

  apply(event: GroupEvent): void {
    switch (event.type) {
      case 'member.joined':
      case 'service.registered':
        this.#join(event.member)
        break
      case 'member.left':
      case 'member.expired':
      case 'service.withdrawn':
        this.#leave(event.member)
        break
      case 'group.settling':
        this.state = 'settling'
        break
      case 'group.settled':
        this.state = 'settled'
        this.epoch = event.epoch
        break
      case 'group.frozen':
      case 'group.thawed':
        this.frozen = event.type === 'group.frozen'
        break
      case 'member.drained':
      case 'member.undrained':
        this.#change(event.member, { drained: event.type === 'member.drained' })
        break
      case 'member.weighed':
        this.#change(event.member, { weight: event.weight })
        break
      case 'partition.pinned':
        this.pins.set(event.partition, event.member)
        break
      case 'partition.unpinned':
        this.pins.delete(event.partition)
        break
      case 'place.kept':
        for (const at of this.#left.get(event.member) ?? []) {
          if (this.cells[at]?.phase === 'free') this.cells[at] = { owner: event.member, phase: 'kept' }
        }
        break
      case 'place.freed':
        for (const [at, { owner, phase }] of this.cells.entries()) {
          if (owner === event.member && phase === 'kept') this.cells[at] = FREE
        }
        break
      case 'once.finished':
      case 'once.lost':
        this.#set(0, FREE)
        break
      default:
        this.#move(event)
    }
  }

  #move(event: GroupEvent): void {
    const moved = movedBy(event)
    if (moved === undefined) return
    const { at, member, phase, epoch, total } = moved
    this.#set(at, { owner: member, phase, epoch })
    if (total === undefined) return
    // An index beyond the new total is nobody's for good.
    while (this.cells.length > total && this.cells.at(-1)?.phase === 'free') this.cells.pop()
    while (this.cells.length < total) this.cells.push(FREE)
  }

  #set(at: number, cell: Cell): void {
    while (this.cells.length < at) this.cells.push(FREE)
    this.cells[at] = cell
  }

  #join(id: string): void {
    const before = this.members.get(id)
    if (before === undefined) {
      this.members.set(id, { id, weight: 1, drained: false, isStatic: false, metadata: undefined })
    }
  }

  #leave(id: string): void {
    this.members.delete(id)
    const had: number[] = []
    for (const [at, { owner, phase }] of this.cells.entries()) {
      if (owner !== id || phase === 'kept') continue
      had.push(at)
      this.cells[at] = FREE
    }
    this.#left.set(id, had)
    // Only who has just gone may have its place kept.
    if (this.#left.size > 64) this.#left.delete(this.#left.keys().next().value ?? '')
  }

  #change(id: string, change: Partial<Person>): void {
    const person = this.members.get(id)
    if (person !== undefined) this.members.set(id, { ...person, ...change })
  }
}

export interface Moved {
  readonly at: number
  readonly member: string
  readonly phase: 'held' | 'revoked'
  readonly epoch: number
  readonly total?: number
}

/** Which cell an event is about, and whose it is from then on. */
export const movedBy = (event: GroupEvent): Moved | undefined => {
  switch (event.type) {
    case 'partition.granted':
      return { at: event.partition, member: event.member, phase: 'held', epoch: event.epoch }
    case 'partition.revoked':
      return { at: event.partition, member: event.member, phase: 'revoked', epoch: event.epoch }
    case 'slot.granted':
      return { at: event.index - 1, member: event.member, phase: 'held', epoch: event.epoch, total: event.total }
    case 'slot.revoked':
      return { at: event.index - 1, member: event.member, phase: 'revoked', epoch: event.epoch }
    case 'tenure.granted':
    case 'once.granted':
      return { at: 0, member: event.member, phase: 'held', epoch: event.epoch }
    case 'tenure.revoked':
      return { at: 0, member: event.member, phase: 'revoked', epoch: event.epoch }
    default:
      return undefined
  }
}

const kindOf = ({ share }: GroupView): Kind => {
  if (typeof share !== 'string') return 'partitions'
  return share === 'index' ? 'slots' : share
}

const countOf = ({ share, total }: GroupView): number => {
  if (typeof share !== 'string') return share.partitions
  if (share === 'index') return total
  return share === 'none' ? 0 : 1
}

/** The group as the server shows it now. */
export const pictureOf = (view: GroupView): Picture => {
  const cells = new Array<Cell>(countOf(view)).fill(FREE)
  const kind = kindOf(view)
  for (const { id, partitions = [], index } of view.kept ?? []) {
    for (const at of partitions) cells[at] = { owner: id, phase: 'kept' }
    if (index !== undefined) cells[index - 1] = { owner: id, phase: 'kept' }
  }
  for (const { id, partitions = [], index, leads, runs, epoch, revoked = [] } of view.members) {
    const own: Cell = { owner: id, phase: 'held', epoch }
    for (const at of partitions) cells[at] = own
    if (index !== undefined) cells[index - 1] = own
    if (leads === true || runs === true) cells[0] = own
    for (const item of revoked) cells[kind === 'slots' ? item - 1 : item] = { ...own, phase: 'revoked' }
  }
  const members = view.members.map(({ id, weight = 1, drained = false, static: isStatic = false, metadata }) => {
    return [id, { id, weight, drained, isStatic, metadata }] as const
  })
  return new Picture({
    kind,
    state: view.state === 'settled' ? 'settled' : 'settling',
    epoch: view.epoch,
    frozen: view.frozen ?? false,
    cells,
    members: new Map(members),
    pins: new Map((view.pins ?? []).map(({ partition, member }) => [partition, member])),
  })
}

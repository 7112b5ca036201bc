import type { Epoch } from '../lease.ts'
import type { Group } from './group.ts'
import type { Vacancy } from './kept-places.ts'
import type { GroupState, Holding, Incarnation, ShareKind } from './messages.ts'
import type { PollGroup } from './poll-group.ts'
import type { Session, Tenure } from './session.ts'

/** A member as others see it. `epoch` is that of its latest grant, 0 before the first. */
export interface MemberView {
  readonly id: string
  readonly incarnation: Incarnation
  readonly index?: number
  readonly partitions?: readonly number[]
  /** Of an election: it has the tenure, and `epoch` is its token. */
  readonly leads?: true
  /** Of what runs only once: it runs it, and `epoch` is its token. */
  readonly runs?: true
  readonly epoch: Epoch
  readonly metadata: unknown
  /** Unless it is 1; a group of indexes has none. */
  readonly weight?: number
  readonly static?: true
  /** An operator has it drained: it is given nothing. */
  readonly drained?: true
  /** What it was asked to let go of, and has not yet. */
  readonly revoked?: readonly number[]
}

/** A place of somebody who has stopped and may come back. */
export interface KeptPlace {
  readonly id: string
  readonly index?: number
  readonly partitions?: readonly number[]
  /** Unless it is 1. */
  readonly weight?: number
}

/** A group as others see it. */
export interface GroupView {
  readonly name: string
  readonly state: GroupState
  readonly epoch: Epoch
  readonly total: number
  readonly share: ShareKind
  readonly members: readonly MemberView[]
  /** Places that are kept for members with `static` who have stopped. They count in `total`. */
  readonly kept?: readonly KeptPlace[]
  /** An operator froze it: no partition is taken from a member that lives. */
  readonly frozen?: true
  /** Where operators pinned partitions to, by partition. */
  readonly pins?: readonly { readonly partition: number; readonly member: string }[]
}

/** What is to be known of a group besides its members. */
export interface GroupHead {
  readonly state: GroupState
  readonly epoch: Epoch
  /** How many members it has. */
  readonly members: number
  readonly share: ShareKind
  /** Places that are kept for members with `static` who have stopped. */
  readonly kept?: readonly KeptPlace[]
}

export const headOfGroup = (group: Group): GroupHead => {
  const { state, epoch, sessions, share } = group
  const kept = keptPlaces(group)
  return { state, epoch, members: sessions.size, share, ...(kept.length > 0 && { kept }) }
}

const keptPlaces = (group: Group): KeptPlace[] =>
  [...group.kept.values()].map((place) => viewOfPlace(place, group.keptFor(place.id), group.share))

export const viewOfGroup = (group: Group): GroupView => {
  const { name, state, epoch, share } = group
  const members = [...group.sessions.values()].map((session) => viewOfMember(session, share))
  const kept = keptPlaces(group)
  const pins = [...group.orders.pins].map(([partition, member]) => ({ partition, member }))
  return {
    name,
    state,
    epoch,
    total: members.length + kept.length,
    share,
    members: sorted(members),
    ...(kept.length > 0 && { kept }),
    ...(group.orders.frozen && { frozen: true }),
    ...(pins.length > 0 && { pins }),
  }
}

const viewOfMember = (session: Session, share: ShareKind): MemberView => {
  const held: Tenure[] = []
  const revoked: Tenure[] = []
  for (const tenure of session.tenures.values()) {
    if (tenure.state === 'revoked') revoked.push(tenure)
    else if (tenure.until === undefined) held.push(tenure)
  }
  return memberView(session, { held, revoked }, share)
}

/** What is known of a member, wherever that lies. */
export type MemberFacts = Pick<Session, 'id' | 'incarnation' | 'metadata' | 'weight' | 'static' | 'drained'>

/** What a member holds, and what of it it was asked to let go of. */
export interface MemberItems {
  readonly held: readonly Pick<Holding, 'item' | 'epoch'>[]
  readonly revoked: readonly Pick<Holding, 'item'>[]
}

/** A member as others see it, by what it holds of a group that shares in that way. */
export const memberView = (facts: MemberFacts, { held, revoked }: MemberItems, share: ShareKind): MemberView => {
  const { id, incarnation, metadata } = facts
  return {
    id,
    incarnation,
    ...placeOf(ascending(held.map(({ item }) => item)), share),
    epoch: held.reduce((highest, { epoch }) => Math.max(highest, epoch), 0),
    metadata,
    ...weightIn(facts, share),
    ...(facts.static && { static: true }),
    ...(facts.drained && { drained: true }),
    ...(revoked.length > 0 && { revoked: ascending(revoked.map(({ item }) => item)) }),
  }
}

const placeOf = (items: readonly number[], share: ShareKind) => {
  const [first] = items
  if (share === 'none') return {}
  if (share === 'tenure') return first === undefined ? {} : ({ leads: true } as const)
  if (share === 'once') return first === undefined ? {} : ({ runs: true } as const)
  if (share !== 'index') return { partitions: items }
  return first === undefined ? {} : { index: first }
}

const viewOfPlace = ({ id, weight }: Vacancy, items: readonly number[], share: ShareKind): KeptPlace => {
  return { id, ...placeOf(ascending([...items]), share), ...weightIn({ weight }, share) }
}

const weightIn = ({ weight }: { readonly weight: number }, share: ShareKind) =>
  typeof share !== 'string' && weight !== 1 ? { weight } : {}

const ascending = (items: number[]): number[] => items.sort((a, b) => a - b)

export const viewOfPollGroup = (group: PollGroup): GroupView => {
  const { name, state, epoch } = group
  const members = group.members.map(({ id, incarnation, index }): MemberView => {
    const known = { id, incarnation, metadata: null }
    return index === undefined ? { ...known, epoch: 0 } : { ...known, index, epoch }
  })
  return { name, state, epoch, total: members.length, share: 'index', members: sorted(members) }
}

/** By index, or who leads first, then by seniority: the order in which people look for somebody, and in which candidates take turns. */
export const sorted = (members: MemberView[]): MemberView[] =>
  members.sort((a, b) => placeIn(a) - placeIn(b) || a.incarnation - b.incarnation)

const placeIn = ({ index, leads, runs }: MemberView): number =>
  leads === true || runs === true ? 0 : (index ?? Number.MAX_SAFE_INTEGER)

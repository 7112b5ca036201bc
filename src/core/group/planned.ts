import { orderMembers } from '../assignment/modulo.ts'
import { type Change, type Plan, plan } from '../assignment/plan.ts'
import type { Owners } from '../assignment/sticky.ts'
import { idOf } from '../assignment/weights.ts'
import type { GroupView } from './view.ts'

/** A member of a group of indexes whose place would be another; `null`: none. */
export interface Renumbered {
  readonly member: string
  readonly from: number | null
  readonly to: number | null
}

export interface Renumbering {
  readonly renumbered: readonly Renumbered[]
  readonly total: { readonly from: number; readonly to: number }
}

/** What the group itself would plan, from what others see of it. */
export const movesOf = (view: GroupView, partitions: number, { leave = [], ...change }: Change): Plan => {
  const { members, kept = [], frozen = false, pins = [] } = view
  const owners: (string | undefined)[] = new Array<string | undefined>(partitions).fill(undefined)
  for (const place of [...kept, ...members])
    for (const partition of place.partitions ?? []) owners[partition] = place.id
  const drained = members.filter((member) => member.drained === true).map(({ id }) => id)
  return plan(
    {
      members: [...members, ...kept].map(({ id, weight = 1 }) => ({ id, weight })),
      owners: owners satisfies Owners,
      pins: new Map(pins.map(({ partition, member }) => [partition, member])),
      frozen,
    },
    { ...change, leave: [...leave, ...drained] },
  )
}

/** Who of a group of indexes would get another one. */
export const renumberedBy = (view: GroupView, { join = [], leave = [] }: Change): Renumbering => {
  const { members, kept = [] } = view
  const now = [...members, ...kept]
    .filter(({ index }) => index !== undefined)
    .sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
  const gone = new Set([...leave, ...members.filter(({ drained }) => drained === true).map(({ id }) => id)])
  const latest = Math.max(0, ...members.map(({ incarnation }) => incarnation))
  const present = [
    ...kept.map(({ id }) => ({ id, incarnation: 0 })),
    ...members.map(({ id, incarnation }) => ({ id, incarnation })),
    ...join.map((each, i) => ({ id: idOf(each), incarnation: latest + 1 + i })),
  ].filter(({ id }) => !gone.has(id))
  const after = orderMembers(
    now.map(({ id }) => id),
    present,
  )
  const before = new Map(now.map(({ id, index = 0 }) => [id, index]))
  const then = new Map(after.map((id, place) => [id, place + 1]))
  const renumbered = [...new Set([...before.keys(), ...after])]
    .map((member) => ({ member, from: before.get(member) ?? null, to: then.get(member) ?? null }))
    .filter(({ from, to }) => from !== to)
  return { renumbered, total: { from: now.length, to: after.length } }
}

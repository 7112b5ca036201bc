import { expect } from 'vitest'
import { explainWhy, type Subject } from '../../../../src/core/group/explain.ts'
import type { GroupPast } from '../../../../src/core/group/past.ts'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { GroupView, MemberView } from '../../../../src/core/group/view.ts'

const NOON = 1_700_049_600_000 // 12:00:00 UTC of some day

/** A past in which one thing happened a second, the last of them `ago` seconds before noon. */
export const past = (
  events: readonly GroupEvent[],
  { ago = 1, ...more }: Partial<GroupPast> & { ago?: number } = {},
): GroupPast => ({
  events: events.map((event, i) => ({
    revision: `7-${i + 1}`,
    atMs: NOON - (ago + events.length - 1 - i) * 1_000,
    event,
  })),
  forgotten: false,
  more: false,
  sinceMs: NOON - 3_600_000,
  nowMs: NOON,
  ...more,
})

export const member = (id: string, more: Partial<MemberView> = {}): MemberView => ({
  id,
  incarnation: 1,
  epoch: 5,
  metadata: null,
  partitions: [],
  ...more,
})
export const view = (members: readonly MemberView[], more: Partial<GroupView> = {}): GroupView => ({
  name: 'g',
  state: 'settled',
  epoch: 5,
  total: members.length,
  share: { partitions: 8 },
  members,
  ...more,
})

export const joined = (id: string, because: 'joined' | 'adopted' = 'joined'): GroupEvent => ({
  type: 'member.joined',
  member: id,
  incarnation: 1,
  because,
})
export const ended = (id: string, because: 'left' | 'expired' | 'evicted' | 'fenced'): GroupEvent => ({
  type: because === 'expired' ? 'member.expired' : 'member.left',
  member: id,
  incarnation: 1,
  because,
})
export type Because = GroupEvent extends infer E ? (E extends { because: infer B } ? B : never) : never
export const settling = (because: Because, id?: string): GroupEvent => ({
  type: 'group.settling',
  because,
  ...(id !== undefined && { member: id }),
})
export const settled = (epoch = 5): GroupEvent => ({ type: 'group.settled', epoch, members: 2 })
export const granted = (partition: number, id: string, because: Because, epoch = 5): GroupEvent => ({
  type: 'partition.granted',
  partition,
  member: id,
  epoch,
  because,
})
export const revoked = (partition: number, id: string, because: Because = 'rebalance'): GroupEvent => ({
  type: 'partition.revoked',
  partition,
  member: id,
  epoch: 4,
  because,
})

export const pinned = (partition: number, id: string): GroupEvent => ({
  type: 'partition.pinned',
  partition,
  member: id,
})
export const drainOf = (id: string): GroupEvent => ({ type: 'member.drained', member: id })

export const FIRST = [joined('a'), settling('joined', 'a'), granted(3, 'a', 'unclaimed', 2), settled(1)]
export const MOVED = [joined('b'), settling('joined', 'b'), revoked(3, 'a'), granted(3, 'b', 'released'), settled()]

const why = (of: GroupView | undefined, before: GroupPast, subject: Subject) => {
  const { sentence, events, forgotten } = explainWhy(of, before, subject)
  expect(sentence).toMatch(/^[^.].*\.$/)
  expect(sentence).not.toMatch(/undefined|NaN|\[object| {2}|,,|\.\./)
  const at = events.map(({ atMs }) => atMs)
  expect(at).toEqual([...at].sort((left, right) => left - right))
  return { sentence, forgotten, behind: events.map(({ event }) => event.type) }
}
export const ofPartition = (of: GroupView | undefined, before: GroupPast, partition = 3) =>
  why(of, before, { type: 'partition', partition })
export const ofMember = (of: GroupView | undefined, before: GroupPast, id: string) =>
  why(of, before, { type: 'member', member: id })
export const ofGroup = (of: GroupView | undefined, before: GroupPast) => why(of, before, { type: 'group' })

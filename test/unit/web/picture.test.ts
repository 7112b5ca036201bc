import { expect, test } from 'vitest'
import type { PastEvent } from '../../../src/core/group/past.ts'
import type { GroupEvent } from '../../../src/core/group/reasons.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import { beforeAll, countAt, isAfter, pictureAfter } from '../../../web/src/model/past.ts'
import { type Picture, pictureOf } from '../../../web/src/model/picture.ts'

const view = (change: Partial<GroupView> = {}): GroupView => ({
  name: 'jobs',
  state: 'settled',
  epoch: 5,
  total: 2,
  share: { partitions: 4 },
  members: [
    { id: 'a', incarnation: 1, partitions: [0, 1], epoch: 5, metadata: { zone: 'x' } },
    { id: 'b', incarnation: 2, partitions: [2], revoked: [3], epoch: 5, metadata: null },
  ],
  ...change,
})
const past = (...events: GroupEvent[]): PastEvent[] =>
  events.map((event, i) => ({ revision: `7-${i + 1}`, atMs: 1_000 * (i + 1), event }))
const owners = (picture: Picture): string =>
  picture.cells.map(({ owner = '-', phase }) => (phase === 'held' ? owner : `${owner}?`)).join(' ')

const moved = (type: 'partition.granted' | 'partition.revoked', partition: number, member: string): GroupEvent => {
  return { type, partition, member, epoch: 5, because: 'rebalance' }
}
const granted = (partition: number, member: string) => moved('partition.granted', partition, member)
const revoked = (partition: number, member: string) => moved('partition.revoked', partition, member)
const joined = (member: string): GroupEvent => ({ type: 'member.joined', member, incarnation: 1, because: 'joined' })
const expired = (member: string): GroupEvent => ({ type: 'member.expired', member, incarnation: 1, because: 'expired' })

test('a view becomes a picture: what is held, what is to be let go, and what is nobody’s', () => {
  expect(owners(pictureOf(view()))).toBe('a a b b?')
  expect(owners(pictureOf(view({ members: [], kept: [{ id: 's', partitions: [1] }] })))).toBe('-? s? -? -?')
  const slots = view({ share: 'index', members: [{ id: 'a', incarnation: 1, index: 2, epoch: 1, metadata: null }] })
  expect(owners(pictureOf(slots))).toBe('-? a')
  const tenure = view({
    share: 'tenure',
    members: [{ id: 'a', incarnation: 1, leads: true, epoch: 1, metadata: null }],
  })
  expect(owners(pictureOf(tenure))).toBe('a')
  expect(pictureOf(view({ share: 'none', members: [] })).cells).toEqual([])
})

test('events carry a picture on: revoke, then grant; who goes leaves nothing in its name', () => {
  const picture = pictureOf(view())
  picture.apply({ type: 'group.settling', because: 'expired', member: 'b' })
  expect(picture.state).toBe('settling')
  picture.apply(expired('b'))
  expect(owners(picture)).toBe('a a -? -?')
  picture.apply({ type: 'place.kept', member: 'b', because: 'expired' })
  expect(owners(picture)).toBe('a a b? b?')
  picture.apply({ type: 'place.freed', member: 'b', because: 'graced' })
  expect(owners(picture)).toBe('a a -? -?')
  picture.apply(granted(2, 'a'))
  picture.apply({ type: 'group.settled', epoch: 6, members: 1 })
  expect([owners(picture), picture.epoch, picture.state, picture.members.size]).toEqual(['a a a -?', 6, 'settled', 1])
})

test('the past is told backwards from the present, and forwards again to the same', () => {
  const events = past(joined('b'), revoked(2, 'a'), revoked(3, 'a'), granted(2, 'b'), granted(3, 'b'), revoked(3, 'b'))
  const now = pictureOf(view())
  const base = beforeAll(now, events)
  expect(owners(base)).toBe('a a a a')
  expect([...base.members.keys()]).toEqual(['a'])
  expect(owners(pictureAfter(base, events, 2))).toBe('a a a? a')
  expect(owners(pictureAfter(base, events, 4))).toBe('a a b a?')
  expect(pictureAfter(base, events, events.length).cells).toEqual(now.cells)
  expect(owners(now)).toBe('a a b b?')
})

test('somebody of whom only the going is known was there before', () => {
  const events = past(expired('gone'), { type: 'member.drained', member: 'a' }, { type: 'group.frozen' })
  const base = beforeAll(pictureOf(view({ frozen: true })), events)
  expect([...base.members.keys()].sort()).toEqual(['a', 'b', 'gone'])
  expect(base.members.get('a')?.drained).toBe(false)
  expect(base.frozen).toBe(false)
  expect(pictureAfter(base, events, 3).members.get('a')?.drained).toBe(true)
})

test('a group of indexes grows and shrinks with its total', () => {
  const slots = pictureOf(view({ share: 'index', total: 0, members: [] }))
  const slot = { epoch: 1, because: 'settled' } as const
  slots.apply({ type: 'slot.granted', index: 1, total: 2, member: 'a', ...slot })
  expect(owners(slots)).toBe('a -?')
  slots.apply({ type: 'slot.granted', index: 2, total: 2, member: 'b', ...slot })
  slots.apply(expired('b'))
  slots.apply({ type: 'slot.granted', index: 1, total: 1, member: 'a', ...slot })
  expect(owners(slots)).toBe('a')
})

test('a moment is found among the events, and revisions are compared as numbers', () => {
  const events = past(joined('a'), joined('b'), joined('c'))
  expect([0, 999, 1_000, 2_500, 9_000].map((atMs) => countAt(events, atMs))).toEqual([0, 0, 1, 2, 3])
  expect(isAfter('7-10', '7-9')).toBe(true)
  expect(isAfter('7-9', '7-10')).toBe(false)
  expect(isAfter('8-1', '7-10')).toBe(true)
  expect(isAfter('7-1', undefined)).toBe(true)
})

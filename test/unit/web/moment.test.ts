import { expect, test } from 'vitest'
import { explainWhy } from '../../../src/core/group/explain.ts'
import type { GroupEvent } from '../../../src/core/group/reasons.ts'
import type { GroupView } from '../../../src/core/group/view.ts'
import type { RecordedEvent } from '../../../src/ports/hosting.ts'
import { pastAt, viewOfPicture } from '../../../web/src/model/moment.ts'
import { beforeAll, pictureAfter } from '../../../web/src/model/past.ts'
import { pictureOf } from '../../../web/src/model/picture.ts'
import { planOf } from '../../../web/src/model/plans.ts'

const START_MS = 6 * 3_600_000
const view: GroupView = {
  name: 'jobs',
  state: 'settled',
  epoch: 7,
  total: 3,
  share: { partitions: 4 },
  members: [
    { id: 'a', incarnation: 1, partitions: [0, 1], epoch: 5, metadata: { zone: 'x' } },
    { id: 'b', incarnation: 2, partitions: [2], revoked: [3], epoch: 7, metadata: null, weight: 2, drained: true },
  ],
  kept: [{ id: 's', partitions: [] }],
  frozen: true,
  pins: [{ partition: 2, member: 'b' }],
}
const record = (...events: GroupEvent[]): RecordedEvent[] =>
  events.map((event, i) => ({ revision: `7-${i + 1}`, atMs: START_MS + 1_000 * (i + 1), group: 'jobs', event }))
const granted = (partition: number, member: string, epoch: number): GroupEvent => {
  return { type: 'partition.granted', partition, member, epoch, because: 'released' }
}
const joined = (member: string): GroupEvent => ({ type: 'member.joined', member, incarnation: 1, because: 'joined' })

test('a picture becomes the view again that it was made of', () => {
  const { kept: _kept, ...rest } = view
  expect(viewOfPicture('jobs', pictureOf({ ...view, kept: [] }))).toEqual({ ...rest, total: 2 })
  const kept = viewOfPicture('jobs', pictureOf({ ...view, kept: [{ id: 's', partitions: [3] }], members: [] }))
  expect(kept).toMatchObject({ total: 1, kept: [{ id: 's', partitions: [3] }] })

  const slots: GroupView = {
    name: 'mail',
    state: 'settling',
    epoch: 3,
    total: 2,
    share: 'index',
    members: [
      { id: 'a', incarnation: 1, index: 1, epoch: 3, metadata: null },
      { id: 'b', incarnation: 2, epoch: 0, metadata: null, revoked: [2] },
    ],
  }
  expect(viewOfPicture('mail', pictureOf(slots))).toEqual(slots)
  const election: GroupView = {
    ...slots,
    name: 'election/x',
    share: 'tenure',
    members: [
      { id: 'a', incarnation: 1, leads: true, epoch: 9, metadata: null },
      { id: 'b', incarnation: 2, epoch: 0, metadata: null, static: true },
    ],
  }
  expect(viewOfPicture('election/x', pictureOf(election))).toEqual(election)
  const once = viewOfPicture('once/x/1', pictureOf({ ...election, share: 'once' }))
  expect(once.members[0]).toMatchObject({ runs: true })
})

test('why something was as it was is told of the moment that the slider shows', () => {
  const events = record(
    joined('a'),
    { type: 'group.settling', because: 'joined', member: 'a' },
    granted(0, 'a', 1),
    joined('b'),
    { type: 'group.settling', because: 'joined', member: 'b' },
    { type: 'partition.revoked', partition: 0, member: 'a', epoch: 1, because: 'rebalance' },
    granted(0, 'b', 2),
  )
  const now = pictureOf({
    ...view,
    share: { partitions: 1 },
    pins: [],
    members: [
      { id: 'a', incarnation: 1, partitions: [], epoch: 1, metadata: null },
      { id: 'b', incarnation: 2, partitions: [0], epoch: 2, metadata: null },
    ],
  })
  const known = { events, forgotten: false, sinceMs: START_MS }
  const told = (count: number, nowMs = 0) => {
    const picture = pictureAfter(beforeAll(now, events), events, count)
    const past = pastAt(known, count, nowMs)
    return explainWhy(viewOfPicture('jobs', picture), past, { type: 'partition', partition: 0 }).sentence
  }
  expect(told(0)).toMatch(/^Partition 0 is with nobody/)
  expect(told(3)).toMatch(/^Partition 0 is with a, which got it at epoch 1 less than a second ago \(06:00:03 UTC\)/)
  expect(told(6)).toMatch(/^Partition 0 is on its way from a/)
  expect(told(7)).toMatch(
    /^Partition 0 is with b, which got it at epoch 2 less than a second ago .* because a had let go/,
  )
  expect(told(7, START_MS + 17_000)).toMatch(/epoch 2 10 s ago/)
})

test('an election of the past has the leader and the token that it had then', () => {
  const tenure = (member: string, epoch: number): GroupEvent => {
    return { type: 'tenure.granted', member, epoch, because: 'released' }
  }
  const events = record(joined('a'), tenure('a', 4), joined('b'), tenure('b', 9))
  const now = pictureOf({
    ...view,
    share: 'tenure',
    pins: [],
    members: [
      { id: 'b', incarnation: 2, leads: true, epoch: 9, metadata: null },
      { id: 'a', incarnation: 1, epoch: 4, metadata: null },
    ],
  })
  const known = { events, forgotten: false, sinceMs: START_MS }
  const picture = pictureAfter(beforeAll(now, events), events, 3)
  const { sentence } = explainWhy(viewOfPicture('election/x', picture), pastAt(known, 3, 0), { type: 'group' })
  expect(sentence).toMatch(/^a leads with the token 4 since 1 s ago .* b waits\.$/)
})

const four: GroupView = {
  ...view,
  share: { partitions: 4 },
  kept: [],
  pins: [],
  members: [
    { id: 'a', incarnation: 1, partitions: [0, 1], epoch: 5, metadata: null },
    { id: 'b', incarnation: 2, partitions: [2, 3], epoch: 5, metadata: null },
  ],
}
const { frozen: _frozen, ...calm } = four

test('before anything is done it is said what would move, and from whom to whom', () => {
  expect(planOf(calm, { what: 'drain', member: 'b' })).toEqual({
    sentence: 'Plan: 2 partitions would move to 1 member; the fewest that fair loads allow: 2.',
    ways: [{ from: 'b', to: 'a', count: 2 }],
  })
  expect(planOf(calm, { what: 'freeze' }).sentence).toBe('Plan: nothing would move.')
  expect(planOf(calm, { what: 'pin', partition: 0, member: 'b' }).ways).toContainEqual({ from: 'a', to: 'b', count: 1 })
  expect(planOf({ ...calm, pins: [{ partition: 0, member: 'a' }] }, { what: 'unpin', partition: 0 }).ways).toEqual([])
  expect(planOf(calm, { what: 'ask', come: 2, go: [] }).ways).toEqual([
    { from: 'a', to: 'newcomer-1', count: 1 },
    { from: 'b', to: 'newcomer-2', count: 1 },
  ])
  expect(planOf(calm, { what: 'ask', come: 0, go: ['a', 'b'] })).toMatchObject({
    sentence: 'Plan: 4 partitions would be nobody’s; the fewest that fair loads allow: 4.',
    ways: [
      { from: 'a', to: 'nobody', count: 2 },
      { from: 'b', to: 'nobody', count: 2 },
    ],
  })
  expect(planOf(calm, { what: 'ask', come: 0, go: ['z'] }).sentence).toMatch(/^There is no plan: .*z/)
})

test('what waits behind a drain or a freeze is a plan too', () => {
  const idle = { id: 'c', incarnation: 3, partitions: [], epoch: 0, metadata: null }
  const frozen = { ...four, members: [...four.members, idle] }
  expect(planOf(frozen, { what: 'ask', come: 0, go: [] }).sentence).toBe('Plan: nothing would move.')
  expect(planOf(frozen, { what: 'thaw' }).sentence).toMatch(/^Plan: 1 partition would move to 1 member/)
  const drained = { ...calm, members: [...calm.members, { ...idle, drained: true as const }] }
  expect(planOf(drained, { what: 'undrain', member: 'c' }).ways).toEqual([{ from: 'b', to: 'c', count: 1 }])
})

test('of indexes it is said who is numbered anew, and of what is not shared out that nothing moves', () => {
  const slots: GroupView = {
    ...calm,
    share: 'index',
    members: [
      { id: 'a', incarnation: 1, index: 1, epoch: 3, metadata: null },
      { id: 'b', incarnation: 2, index: 2, epoch: 3, metadata: null },
    ],
  }
  expect(planOf(slots, { what: 'evict', member: 'a' }).sentence).toBe(
    'Plan: the total goes from 2 to 1, and 2 members would get another index or none.',
  )
  expect(planOf({ ...slots, share: 'tenure' }, { what: 'drain', member: 'a' }).sentence).toMatch(/longest follows/)
  expect(planOf({ ...slots, share: 'none' }, { what: 'drain', member: 'a' }).sentence).toMatch(/nothing moves/)
})

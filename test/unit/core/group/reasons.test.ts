import { describe, expect, test } from 'vitest'
import { type Because, explain, type GroupEvent } from '../../../../src/core/group/reasons.ts'

/** Every reason there is: a missing one does not compile. */
const REASONS: Record<Because, true> = {
  joined: true,
  left: true,
  expired: true,
  fenced: true,
  evicted: true,
  rebalance: true,
  released: true,
  adopted: true,
  unclaimed: true,
  'drain-overrun': true,
  settled: true,
  weighed: true,
  returned: true,
  renumbered: true,
  graced: true,
  drained: true,
  undrained: true,
  thawed: true,
  pinned: true,
  unpinned: true,
}

/** One event of each type: a missing one does not compile. */
const eventsOf = (because: Because): Record<GroupEvent['type'], GroupEvent> => {
  const member = 'worker-7'
  const instance = { host: 'a.example', port: 8080, tags: [], weight: 1, status: 'up' } as const
  return {
    'member.joined': { type: 'member.joined', member, incarnation: 3, because },
    'member.left': { type: 'member.left', member, incarnation: 3, because },
    'member.expired': { type: 'member.expired', member, incarnation: 3, because },
    'member.drained': { type: 'member.drained', member },
    'member.undrained': { type: 'member.undrained', member },
    'member.weighed': { type: 'member.weighed', member, weight: 3 },
    'partition.pinned': { type: 'partition.pinned', partition: 11, member },
    'partition.unpinned': { type: 'partition.unpinned', partition: 11 },
    'group.settling': { type: 'group.settling', because, member },
    'group.frozen': { type: 'group.frozen' },
    'group.thawed': { type: 'group.thawed' },
    'place.kept': { type: 'place.kept', member, because },
    'place.freed': { type: 'place.freed', member, because },
    'group.settled': { type: 'group.settled', epoch: 42, members: 5 },
    'partition.revoked': { type: 'partition.revoked', partition: 11, member, epoch: 42, because },
    'partition.granted': { type: 'partition.granted', partition: 11, member, epoch: 42, because },
    'slot.revoked': { type: 'slot.revoked', index: 2, total: 9, member, epoch: 42, because },
    'slot.granted': { type: 'slot.granted', index: 2, total: 9, member, epoch: 42, because },
    'tenure.revoked': { type: 'tenure.revoked', member, epoch: 42, because },
    'tenure.granted': { type: 'tenure.granted', member, epoch: 42, because },
    'once.granted': { type: 'once.granted', member, epoch: 42 },
    'once.finished': { type: 'once.finished', member, epoch: 42, outcome: 'failed' },
    'once.lost': { type: 'once.lost', member, epoch: 42 },
    'service.registered': { type: 'service.registered', member, incarnation: 3, because, instance },
    'service.updated': { type: 'service.updated', member, incarnation: 3, instance },
    'service.withdrawn': { type: 'service.withdrawn', member, incarnation: 3, because },
  }
}

describe('what happened is explained', () => {
  test.each(Object.keys(REASONS) as Because[])(
    'in one sentence, for every event that is because of "%s"',
    (because) => {
      for (const event of Object.values(eventsOf(because))) {
        const sentence = explain(event)
        expect(sentence).toMatch(/^[A-Za-z].*[^.]\.$/)
        expect(sentence).not.toMatch(/undefined|NaN|\[object/)
        if ('member' in event) expect(sentence).toContain(event.member)
        if ('partition' in event) expect(sentence).toContain('11')
        if ('index' in event) expect(sentence).toContain('2 of 9')
      }
    },
  )

  test('by different words for different reasons', () => {
    const sentences = (Object.keys(REASONS) as Because[]).map((because) => explain(eventsOf(because)['slot.granted']))
    expect(new Set(sentences).size).toBe(sentences.length)
  })

  test.each<[GroupEvent, string]>([
    [eventsOf('joined')['member.joined'], 'worker-7 joined.'],
    [eventsOf('adopted')['member.joined'], 'worker-7 is a member again: it came back after the coordinator changed.'],
    [
      eventsOf('pinned')['partition.revoked'],
      'Partition 11 was taken back from worker-7: an operator pinned it to another member.',
    ],
    [
      eventsOf('drained')['partition.revoked'],
      'Partition 11 was taken back from worker-7: an operator has that member drained.',
    ],
    [
      eventsOf('released')['tenure.granted'],
      'worker-7 leads with the token 42: whoever had it before had let go of it.',
    ],
    [
      eventsOf('drained')['tenure.revoked'],
      'worker-7 was asked to let go of the tenure of token 42: an operator has that member drained.',
    ],
    [{ type: 'group.settled', epoch: 2, members: 1 }, 'The group settled with 1 member at epoch 2.'],
  ])('in words that fit what happened: %j', (event, sentence) => {
    expect(explain(event)).toBe(sentence)
  })

  test('with an id that could be taken for words in quotes', () => {
    const member = 'a joined. The group'
    expect(explain({ type: 'member.drained', member })).toBe(
      'An operator has "a joined. The group" drained: it is given nothing more.',
    )
  })
})

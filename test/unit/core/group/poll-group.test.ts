import { describe, expect, test } from 'vitest'
import { PollGroup, pollBarrierMs } from '../../../../src/core/group/poll-group.ts'

const SETTINGS = { timeoutMs: 400, settleMs: 100, settleCapMs: 500, pollIntervalMs: 300 }
const SETTLING = { status: 'SETTLING' }

const group = (barrierUntil = 0) => {
  let epoch = 0
  const polls = new PollGroup('bloc', SETTINGS, barrierUntil, {
    nextEpoch: () => ++epoch,
    hasEpoch: () => true,
    emit: () => {},
  })
  const wakeUpTo = (now: number) => {
    for (let at = polls.wakeAt(); at !== undefined && at <= now; at = polls.wakeAt()) polls.woke(Math.max(at, 0))
  }
  const poll = (id: string, now: number) => {
    wakeUpTo(now)
    return polls.poll(id, now)
  }
  return { polls, poll }
}

describe('a group of poll clients', () => {
  test('registers, renews and reads in one call', () => {
    const { poll } = group()
    expect(poll('a', 0)).toEqual(SETTLING)
    expect(poll('b', 10)).toEqual(SETTLING)
    expect(poll('a', 110)).toMatchObject({ status: 'SETTLED', index: 1, total: 2 })
    expect(poll('b', 120)).toMatchObject({ status: 'SETTLED', index: 2, total: 2 })
  })

  test('reads SETTLING as soon as somebody joins, and until nobody can believe in the old view any more', () => {
    const { poll } = group()
    poll('a', 0)
    expect(poll('a', 200)).toMatchObject({ status: 'SETTLED', index: 1, total: 1 })
    expect(poll('b', 210)).toEqual(SETTLING)
    const free = 200 + pollBarrierMs(SETTINGS.pollIntervalMs)
    for (let now = 300; now < free; now += 100) {
      expect(poll('a', now)).toEqual(SETTLING)
      expect(poll('b', now)).toEqual(SETTLING)
    }
    expect(poll('a', free + 1)).toMatchObject({ index: 1, total: 2 })
    expect(poll('b', free + 2)).toMatchObject({ index: 2, total: 2 })
  })

  test('neither a SETTLING answer, nor a later poll, nor a leave ends what a client may believe', () => {
    const { polls, poll } = group()
    poll('a', 0)
    poll('b', 0)
    poll('a', 200)
    poll('b', 200)
    expect(polls.remove('b', 'left', 250)).toBe(true)
    const free = 200 + pollBarrierMs(SETTINGS.pollIntervalMs)
    for (let now = 300; now < free; now += 100) expect(poll('a', now)).toEqual(SETTLING)
    expect(poll('a', free + 1)).toMatchObject({ index: 1, total: 1 })
  })

  test('after a start nothing is given before the clients of an earlier server have stopped believing', () => {
    const barrier = pollBarrierMs(SETTINGS.pollIntervalMs)
    const { poll } = group(barrier)
    for (let now = 0; now < barrier; now += 100) expect(poll('a', now)).toEqual(SETTLING)
    expect(poll('a', barrier + 1)).toMatchObject({ index: 1, total: 1 })
  })

  test('drops who was not heard for the time-out', () => {
    const { polls, poll } = group()
    poll('a', 0)
    poll('b', 0)
    poll('a', 350)
    poll('a', 402)
    expect(polls.members.map(({ id }) => id)).toEqual(['a'])
  })

  test('a newcomer that is gone before it settles costs the others no new view', () => {
    const { polls, poll } = group()
    poll('a', 0)
    poll('a', 200)
    const { epoch } = polls
    poll('b', 210)
    polls.remove('b', 'left', 220)
    expect(poll('a', 330)).toMatchObject({ index: 1, total: 1 })
    expect(polls.epoch).toBe(epoch)
  })

  test('a member of the view that comes back under the same id may be somebody else: the barrier holds', () => {
    const { polls, poll } = group()
    poll('a', 0)
    poll('a', 200)
    polls.remove('a', 'left', 210)
    expect(poll('a', 220)).toEqual(SETTLING)
    expect(poll('a', 400)).toEqual(SETTLING)
  })

  test('removing somebody unknown changes nothing', () => {
    const { polls, poll } = group()
    poll('a', 0)
    poll('a', 200)
    expect(polls.remove('nobody', 'left', 210)).toBe(false)
    expect(poll('a', 220)).toMatchObject({ status: 'SETTLED' })
  })
})

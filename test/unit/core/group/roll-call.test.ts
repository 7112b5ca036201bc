import { describe, expect, test } from 'vitest'
import { grantMs } from '../../../../src/core/lease.ts'
import { FOUR, SETTINGS, Table } from './table.ts'

const GRANT_MS = grantMs(SETTINGS.leaseMs)

/** Ann and Bob have two partitions each, and the first start's ceiling has passed. */
const seated = (): Table => {
  const table = new Table()
  table.sit('ann', FOUR)
  table.sit('bob', FOUR)
  table.pass(GRANT_MS + 400)
  return table
}

describe('after a stop in good order', () => {
  test('nobody waits for a ceiling once everybody who held something has answered', () => {
    const table = seated()
    table.leave('bob')
    table.stop()
    expect(table.foundation.roll).toEqual({ g: ['boot-1'] })
    table.restart()
    table.relink('ann')
    table.pass(SETTINGS.settleMs)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('a group that nobody was in gives its first shares at once', () => {
    const table = seated()
    table.leave('ann')
    table.leave('bob')
    table.stop()
    expect(table.foundation.roll).toEqual({})
    table.restart()
    table.sit('cy', 'index')
    table.pass(SETTINGS.settleMs)
    expect(table.items('cy')).toEqual([1])
  })

  test('whoever does not answer is waited for, as long as it can still believe', () => {
    const table = seated()
    const ann = table.seats.get('ann')
    table.leave('bob')
    table.pass(300)
    if (ann !== undefined) ann.reachable = false
    table.stop()
    const stoppedAt = table.now
    table.restart()
    table.sit('cy', FOUR)
    while (table.items('ann').length > 0) {
      expect(table.items('cy')).toEqual([])
      table.pass(50)
    }
    expect(table.now - stoppedAt).toBeGreaterThan(SETTINGS.leaseMs / 2)
    table.pass(GRANT_MS)
    expect(table.items('cy')).toEqual([0, 1, 2, 3])
  })

  test('its own last word is an answer', () => {
    const table = seated()
    for (const seat of table.seats.values()) seat.drainsAtOnce = false
    table.leave('bob')
    table.stop()
    expect(table.foundation.roll).toEqual({ g: ['boot-1', 'boot-2'] })
    table.restart()
    table.relink()
    table.pass(SETTINGS.settleMs)
    table.finish('bob')
    table.pass(SETTINGS.settleMs)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('a claim to places of another numbering is no answer: they may still be believed in', () => {
    const table = seated()
    table.stop()
    table.restart({ groups: new Map([['g', { ...SETTINGS, share: { partitions: 8 } }]]) })
    table.relink('ann')
    table.relink('bob')
    const restartedAt = table.now
    table.sit('cy', { partitions: 8 })
    table.pass(SETTINGS.settleMs + 10)
    expect(table.items('cy')).toEqual([])
    table.pass(restartedAt + GRANT_MS - table.now + 10)
    expect(table.items('cy')).toHaveLength(8)
  })

  test('the roll is used once: a crash after that leaves none', () => {
    const table = seated()
    table.stop()
    table.restart()
    expect(table.foundation.roll).toBeUndefined()
  })

  test('there is none while somebody of before a crash may hold something unheard', () => {
    const table = seated()
    table.restart()
    table.relink('ann')
    table.pass(GRANT_MS / 2)
    table.stop()
    expect(table.foundation.roll).toBeUndefined()
    table.pass(GRANT_MS)
    table.stop()
    expect(table.foundation.roll).toEqual({ g: ['boot-1', 'boot-2'] })
  })

  test('a second stop hands on those who have not answered yet', () => {
    const table = seated()
    table.stop()
    table.restart()
    table.relink('ann')
    table.stop()
    expect(table.foundation.roll?.g?.toSorted()).toEqual(['boot-1', 'boot-2'])
  })

  test('poll clients answer no roll: whoever has their group next waits for all that they may believe', () => {
    const poll = { group: 'g', pollIntervalMs: 2_000, timeoutMs: 2_000, settleMs: 100, settleCapMs: 500 }
    const table = new Table({ poll })
    table.coordinator.step({ type: 'polled', from: 'p', member: 'p' }, table.now)
    table.pass(150)
    table.coordinator.step({ type: 'polled', from: 'p', member: 'p' }, table.now)
    table.stop()
    expect(table.foundation.roll).toEqual({ g: [''] })
    table.foundation = { ...table.foundation, ceilingsMs: { g: 6_000 } }
    table.restart({ poll: { ...poll, group: 'another' } })
    table.sit('ann', 'index')
    table.pass(5_000)
    expect(table.items('ann')).toEqual([])
    table.pass(2_000)
    expect(table.items('ann')).toEqual([1])
  })
})

import { describe, expect, test } from 'vitest'
import { isDirect } from '../../../../src/core/election/tethers.ts'
import { Table } from './table.ts'

/** Three voters, each tied to both others, with v0 as their leader, which has named its tethers and has an acknowledgement of each. */
const tied = (options: ConstructorParameters<typeof Table>[0] = {}): Table => {
  const table = Table.led(options)
  for (const [index, a] of table.ids.entries()) for (const b of table.ids.slice(index + 1)) table.tie(a, b)
  table.pass(50)
  return table
}

const ends = (table: Table, id: string, tether: string): void => table.give(id, { type: 'tetherEnded', id: tether })

describe('a leader whose process ends', () => {
  test('is followed by another one at once, without waiting for any promise', () => {
    const table = tied()
    const { now } = table
    table.crash('v0')
    ends(table, 'v1', 'v0-v1')
    ends(table, 'v2', 'v0-v2')
    table.deliver()
    expect(table.now).toBe(now)
    expect(table.leaders).toHaveLength(1)
    expect(table.view('v1').leader).toEqual(table.view('v2').leader)
    expect(table.said('v1')).toContain('leader.lost')
  })

  test.each([['v1'], ['v2']])('is followed even if %s hears of it a little later', (late) => {
    const table = tied()
    const { now } = table
    table.crash('v0')
    const early = late === 'v1' ? 'v2' : 'v1'
    ends(table, early, `v0-${early}`)
    table.deliver()
    expect(table.leaders).toEqual([])
    ends(table, late, `v0-${late}`)
    table.deliver()
    expect(table.leaders).toEqual([late])
    expect(table.now).toBe(now)
  })

  test('is followed by the first in the order of ids when all ask in one breath, whoever is heard first', () => {
    for (const backwards of [false, true]) {
      const table = tied({ voters: 5 })
      table.crash('v0')
      for (const id of ['v1', 'v2', 'v3', 'v4']) ends(table, id, `v0-${id}`)
      const asked = table.intercept()
      for (const question of backwards ? asked.reverse() : asked) table.hand(question)
      table.deliver()
      expect(table.leaders).toEqual(['v1'])
      expect(table.view('v1').term).toBe(2)
    }
  })

  test('is asked about again soon where others did not know of it yet', () => {
    const table = tied()
    table.crash('v0')
    ends(table, 'v1', 'v0-v1')
    table.intercept()
    // v2 learns of it without a word of its own: what it asks is lost.
    ends(table, 'v2', 'v0-v2')
    table.intercept()
    table.pass(50)
    expect(table.leaders).toHaveLength(1)
  })

  test('is not followed while the promises of a majority stand', () => {
    const table = tied()
    table.crash('v0')
    ends(table, 'v1', 'v0-v1')
    table.pass(100)
    expect(table.leaders).toEqual([])
    expect(table.view('v2').role).toBe('follower')
    table.pass(300)
    expect(table.leaders).toHaveLength(1)
  })

  test('binds nobody by its last words, which come after its end', () => {
    const table = tied()
    table.now = table.seat('v0').machine.wakeAt() ?? 0
    table.give('v0', { type: 'woke' })
    const late = table.intercept()
    table.crash('v0')
    ends(table, 'v1', 'v0-v1')
    ends(table, 'v2', 'v0-v2')
    const asked = table.intercept()
    for (const beat of late) table.hand(beat)
    for (const question of asked) table.hand(question)
    table.deliver()
    expect(table.leaders).toHaveLength(1)
  })
})

describe('the end of a tether proves nothing', () => {
  const stands = (table: Table): void => {
    table.deliver()
    expect(table.leaders).toEqual(['v0'])
    expect(table.view('v1')).toMatchObject({ role: 'follower', term: 1, leader: { id: 'v0' } })
  }

  test('when it was reset', () => {
    const table = tied()
    for (const id of ['v1', 'v2']) table.give(id, { type: 'tetherLost', id: `v0-${id}` })
    stands(table)
  })

  test('to whoever has closed it, or had it fail', () => {
    const table = tied()
    table.give('v1', { type: 'untether' })
    table.give('v2', { type: 'tetherLost', id: 'v0-v2' })
    expect(table.seat('v1').closed.sort()).toEqual(['v0-v1', 'v1-v2'])
    ends(table, 'v1', 'v0-v1')
    ends(table, 'v2', 'v0-v2')
    stands(table)
  })

  test('of anybody but the leader', () => {
    const table = tied()
    ends(table, 'v1', 'v1-v2')
    ends(table, 'v0', 'v0-v1')
    stands(table)
  })

  test('that was opened after the last acknowledgement', () => {
    const table = Table.led()
    table.deliver()
    table.tie('v0', 'v1')
    ends(table, 'v1', 'v0-v1')
    stands(table)
  })

  test('that only one side holds for open', () => {
    const table = Table.led()
    const { bootId } = table.seat('v0')
    table.give('v1', { type: 'tetherOpened', id: 'half', with: { id: 'v0', bootId } })
    table.pass(50)
    ends(table, 'v1', 'half')
    stands(table)
  })

  test('with another process of the same id', () => {
    const table = Table.led()
    for (const id of ['v0', 'v1'])
      table.give(id, { type: 'tetherOpened', id: 'other', with: { id: id === 'v0' ? 'v1' : 'v0', bootId: 'v0#0' } })
    table.pass(50)
    ends(table, 'v1', 'other')
    stands(table)
  })
})

describe('a leader', () => {
  test('lets go before it closes its tethers, and its voters elect another one at once', () => {
    const table = tied()
    table.give('v0', { type: 'untether' })
    expect(table.leads('v0')).toBe(false)
    expect(table.seat('v0').closed.sort()).toEqual(['v0-v1', 'v0-v2'])
    ends(table, 'v1', 'v0-v1')
    ends(table, 'v2', 'v0-v2')
    table.deliver()
    expect(table.leaders).toHaveLength(1)
    expect(table.leaders).not.toContain('v0')
  })

  test('takes no acknowledgement that quotes a tether which is not open at its own end any more', () => {
    const table = tied()
    table.now = table.seat('v0').machine.wakeAt() ?? 0
    table.give('v0', { type: 'woke' })
    for (const beat of table.intercept()) table.hand(beat)
    const { leaseUntil } = table.view('v0')
    for (const id of ['v0-v1', 'v0-v2']) table.give('v0', { type: 'tetherLost', id })
    for (const late of table.intercept()) table.hand(late)
    expect(table.view('v0').leaseUntil).toBe(leaseUntil)
    // The next ones quote nothing, and count.
    table.pass(25)
    expect(table.view('v0').leaseUntil).toBeGreaterThan(leaseUntil)
  })

  test('stays when a follower ends', () => {
    const table = tied()
    table.crash('v2')
    ends(table, 'v0', 'v0-v2')
    ends(table, 'v1', 'v1-v2')
    table.pass(1_000)
    expect(table.leaders).toEqual(['v0'])
    expect(table.view('v0').term).toBe(1)
  })

  test('names to each voter its own tether, and quotes none where there is none', () => {
    const table = Table.led()
    table.tie('v0', 'v1')
    table.now = table.seat('v0').machine.wakeAt() ?? 0
    table.give('v0', { type: 'woke' })
    const beats = table.intercept()
    const named = beats.map(({ to, message }) => [to, 'tether' in message ? message.tether : undefined])
    expect(Object.fromEntries(named)).toEqual({ v1: 'v0-v1', v2: undefined })
    for (const beat of beats) table.hand(beat)
    const quoted = table
      .intercept()
      .map(({ from, message }) => [from, 'tether' in message ? message.tether : undefined])
    expect(Object.fromEntries(quoted)).toEqual({ v1: 'v0-v1', v2: undefined })
  })
})

test('a connection is direct when both ends see the same two addresses', () => {
  const own = { local: '10.0.0.1:40000', remote: '10.0.0.2:9000' }
  expect(isDirect(own, { local: '10.0.0.2:9000', remote: '10.0.0.1:40000' })).toBe(true)
  expect(isDirect(own, { local: '10.0.0.2:9000', remote: '10.0.0.9:51000' })).toBe(false)
  expect(isDirect(own, { local: '172.17.0.2:9000', remote: '10.0.0.1:40000' })).toBe(false)
})

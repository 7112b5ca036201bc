import { describe, expect, test } from 'vitest'
import { Table, TIMING } from './table.ts'

describe('a transfer', () => {
  test('makes another voter the leader at once, without waiting for any promise', () => {
    const table = Table.led()
    table.give('v0', { type: 'transfer', to: 'v2' })
    expect(table.leads('v0')).toBe(false)
    table.deliver()
    expect(table.leaders).toEqual(['v2'])
    expect(table.view('v2').term).toBe(2)
    expect(table.view('v0').leader).toMatchObject({ id: 'v2' })
  })

  test('lets go first: whatever is acknowledged afterwards gives nothing back', () => {
    const table = Table.led()
    table.now = table.seat('v0').machine.wakeAt() ?? 0
    table.give('v0', { type: 'woke' })
    for (const beat of table.intercept()) table.hand(beat)
    const acknowledgements = table.intercept()
    table.give('v0', { type: 'transfer' })
    for (const late of acknowledgements) table.hand(late)
    expect(table.leads('v0')).toBe(false)
    expect(table.view('v0').role).toBe('follower')
  })

  test('that never arrives costs an ordinary election, and the same term never again', () => {
    const table = Table.led()
    table.give('v0', { type: 'transfer', to: 'v2' })
    table.intercept()
    table.pass(1_000)
    expect(table.leaders).toHaveLength(1)
    expect(table.view(table.leaders[0] ?? '').term).toBe(2)
  })

  test('of an earlier term is ignored', () => {
    const table = Table.led()
    table.give('v0', { type: 'transfer', to: 'v2' })
    const late = table.intercept()
    table.pass(1_000)
    const { term } = table.view('v2')
    for (const one of late) table.hand(one)
    expect(table.view('v2').term).toBe(term)
  })

  test('from somebody who does not lead is ignored', () => {
    const table = Table.led()
    table.deliver()
    table.say('v2', 'v1', { type: 'timeoutNow', term: 1 })
    expect(table.view('v1')).toMatchObject({ role: 'follower', term: 1 })
  })

  test('overrides the promise to the leader that let go, and to no other', () => {
    const table = Table.led()
    table.deliver()
    const leader = { id: 'v0', bootId: table.seat('v0').bootId, term: 1 }
    table.say('v2', 'v1', { type: 'vote', term: 9, round: 1, overriding: { ...leader, term: 7 } })
    table.say('v2', 'v1', { type: 'vote', term: 9, round: 1, overriding: { ...leader, bootId: 'earlier' } })
    expect(table.underWay).toEqual([])
    table.say('v2', 'v1', { type: 'vote', term: 9, round: 1, overriding: leader })
    expect(table.intercept().map(({ message }) => message)).toMatchObject([{ type: 'voted', granted: true }])
  })

  test('is not believed by the very leader that has not let go', () => {
    const table = Table.led()
    table.deliver()
    const overriding = { id: 'v0', bootId: table.seat('v0').bootId, term: 1 }
    table.say('v2', 'v0', { type: 'vote', term: 9, round: 1, overriding })
    expect(table.leads('v0')).toBe(true)
  })

  test('is refused by whoever does not lead, and to whoever is not there', () => {
    const table = Table.led()
    table.give('v1', { type: 'transfer' })
    table.give('v0', { type: 'transfer', to: 'nobody' })
    expect(table.said('v1').at(-1)).toBe('transfer.refused')
    expect(table.said('v0').at(-1)).toBe('transfer.refused')
    expect(table.leaders).toEqual(['v0'])
  })
})

describe('a leader that is stopped', () => {
  test('hands over, and votes as long as it lives: another voter may sit out', () => {
    const table = Table.led()
    const disk = table.crash('v2')
    table.start('v2', { disk })
    table.pass(30)
    table.give('v0', { type: 'stop' })
    table.deliver()
    expect(table.leaders).toEqual(['v1'])
    table.pass(5_000)
    expect(table.leaders).toEqual(['v1'])
  })

  test('is followed by one whose restart moves the leadership no more than it must', () => {
    const table = Table.led()
    for (const id of table.ids) {
      table.give(id, { type: 'stop' })
      table.deliver()
      expect(table.leaders).toHaveLength(1)
      table.start(id, { disk: table.crash(id) })
      table.pass(700)
    }
    expect(table.leaders).toHaveLength(1)
  })
})

test('a voter of a later term says so, and the leader lets go and is elected above it at once', () => {
  const table = Table.led()
  table.isolate('v2')
  table.pass(500)
  // It won a pre-vote, and was cut off before anybody voted.
  const disk = table.crash('v2')
  if (disk === undefined) throw new Error('it had a disk')
  table.start('v2', { disk: { ...disk, term: 5, vote: { id: 'v2', bootId: 'earlier' }, follows: undefined } })
  table.join()
  table.pass(50)
  expect(table.leaders).toEqual(['v0'])
  expect(table.view('v0').term).toBe(6)
  expect(table.view('v2').leader).toMatchObject({ id: 'v0', term: 6 })
})

describe('what rests on the election', () => {
  test('knows of a later term already: the leader is elected above it at once', () => {
    const table = Table.led()
    table.give('v0', { type: 'superseded', term: 5 })
    expect(table.leads('v0')).toBe(false)
    table.deliver()
    expect([table.leaders, table.view('v0').term]).toEqual([['v0'], 6])
  })

  test('knows of another leader of this very term, where nothing is written down', () => {
    const table = Table.led()
    const { term } = table.view('v0')
    table.give('v0', { type: 'superseded', term })
    table.deliver()
    expect([table.leaders, table.view('v0').term]).toEqual([['v0'], term + 1])
  })

  test('is not heard where the lease is over: somebody may lead by then', () => {
    const table = Table.led()
    table.now += TIMING.leaseMs
    const before = table.view('v0')
    table.give('v0', { type: 'superseded', term: 5 })
    expect(table.view('v0').term).toBe(before.term)
    table.give('v1', { type: 'superseded', term: 5 })
    expect(table.view('v1').term).toBe(before.term)
  })
})

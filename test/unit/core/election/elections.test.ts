import { describe, expect, test } from 'vitest'
import { epochOf } from '../../../../src/core/lease.ts'
import { Table } from './table.ts'

describe('three voters', () => {
  test('found a cluster, and the most impatient of them leads', () => {
    const table = Table.led()
    expect(table.leaders).toEqual(['v0'])
    for (const id of table.ids) expect(table.view(id).leader).toMatchObject({ id: 'v0', term: 1 })
  })

  test('tell the leader, too, who leads, with a token of its term', () => {
    const table = Table.led()
    const { base } = table.seat('v0').disk?.founding ?? { base: 0 }
    expect(table.view('v0').leader).toMatchObject({ id: 'v0', generation: base + 1, token: epochOf(base + 1, 0) })
  })

  test('keep their leader for as long as it is heard', () => {
    const table = Table.led()
    table.pass(60_000)
    expect(table.view('v0')).toMatchObject({ role: 'leader', term: 1 })
    expect(table.said('v0').filter((event) => event === 'leader.elected')).toHaveLength(1)
  })

  test('elect another one when it is gone, with a higher token', () => {
    const table = Table.led()
    const before = table.view('v1').leader?.token ?? 0
    table.crash('v0')
    table.pass(400)
    expect(table.leaders).toEqual(['v1'])
    expect(table.view('v2').leader?.token).toBeGreaterThan(before)
  })

  test('elect nobody when two are gone, and the last one says that it knows of none', () => {
    const table = Table.led()
    table.crash('v0')
    table.crash('v1')
    table.pass(5_000)
    expect(table.leaders).toEqual([])
    expect(table.view('v2').leader).toBeUndefined()
    // It only ever asked whether it would be elected, so it disturbs nobody when the others are back.
    expect(table.view('v2').term).toBe(1)
  })
})

test('one voter alone leads by itself, and again after a restart, one term later', () => {
  const table = Table.led({ voters: 1 })
  expect(table.leaders).toEqual(['v0'])
  const disk = table.crash('v0')
  table.start('v0', { disk })
  expect(table.view('v0').role).toBe('sittingOut')
  table.pass(700)
  expect(table.view('v0')).toMatchObject({ role: 'leader', term: 2 })
})

test('of two voters neither leads without the other', () => {
  const table = Table.led({ voters: 2 })
  expect(table.leaders).toEqual(['v0'])
  table.crash('v1')
  table.pass(121)
  expect(table.leaders).toEqual([])
  table.pass(2_000)
  expect(table.leaders).toEqual([])
})

describe('a leader that is cut off', () => {
  test('does not lead any more when its lease is over, whether its timers fire or not', () => {
    const table = Table.led()
    table.isolate('v0')
    // Nobody wakes it.
    table.now += 121
    expect(table.view('v0').role).toBe('leader')
    expect(table.leads('v0')).toBe(false)
  })

  test('lets go, and follows whoever was elected meanwhile', () => {
    const table = Table.led()
    table.isolate('v0')
    table.pass(1_000)
    expect(table.view('v0').role).not.toBe('leader')
    expect(table.leaders).toEqual(['v1'])
    table.join()
    table.pass(100)
    expect(table.view('v0').leader).toMatchObject({ id: 'v1', term: 2 })
  })

  test('leads on in its term when it is back before anybody else was elected', () => {
    const table = Table.led()
    table.isolate('v0')
    table.pass(130)
    expect(table.leads('v0')).toBe(false)
    table.join()
    table.pass(30)
    expect(table.leads('v0')).toBe(true)
    expect(table.view('v0').term).toBe(1)
    expect(table.said('v0').slice(-3)).toEqual(['leader.elected', 'leader.lost', 'leader.elected'])
  })
})

describe('a leader whose machine sleeps', () => {
  test('counts the sleep: it does not lead when it wakes', () => {
    const table = Table.led()
    // The monotonic clock stood still meanwhile.
    table.seat('v0').sleptMs = 5_000
    expect(table.leads('v0')).toBe(false)
  })
})

describe('the lease of a leader', () => {
  test('runs from the send of the heartbeat, however long the answers take', () => {
    const table = Table.led()
    table.pass(25)
    table.deliver()
    // The next round is sent, and its answers wait somewhere.
    const round = table.seat('v0').machine.wakeAt() ?? 0
    table.now = round
    table.give('v0', { type: 'woke' })
    for (const beat of table.intercept()) table.hand(beat)
    const answers = table.intercept()
    expect(answers.map(({ message }) => message.type)).toEqual(['acked', 'acked'])
    table.now = round + 100
    for (const answer of answers) table.hand(answer)
    expect(table.view('v0').leaseUntil).toBe(round + 120)
  })

  test('is what a majority promised at least: of three voters, the leader and the longer of two promises', () => {
    const table = Table.led()
    const beat = () => {
      const at = table.seat('v0').machine.wakeAt() ?? 0
      table.now = at
      table.give('v0', { type: 'woke' })
      const round = table.intercept()[0]?.message
      return { at, round: round?.type === 'beat' ? round.round : 0 }
    }
    // Long enough for what was promised before to be over.
    table.isolate('v0')
    table.pass(125)
    const { at, round } = beat()
    const ack = (id: string, promiseMs: number) =>
      table.say(id, 'v0', { type: 'acked', term: 1, round, promiseMs, eligible: true })
    ack('v1', 40)
    expect(table.view('v0').leaseUntil).toBeCloseTo(at + (40 * 0.99) / 1.01)
    ack('v2', 80)
    expect(table.view('v0').leaseUntil).toBeCloseTo(at + (80 * 0.99) / 1.01)
  })
})

test('half of four voters elect nobody', () => {
  const table = Table.led({ voters: 4 })
  expect(table.leaders).toEqual(['v0'])
  for (const a of ['v0', 'v1'])
    for (const b of ['v2', 'v3']) {
      table.cut.add(`${a}>${b}`)
      table.cut.add(`${b}>${a}`)
    }
  table.pass(5_000)
  expect(table.leaders).toEqual([])
})

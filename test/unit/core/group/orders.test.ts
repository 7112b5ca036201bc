import { describe, expect, test } from 'vitest'
import { MAX_DRAINED, withOrder } from '../../../../src/core/group/orders.ts'
import { grantMs } from '../../../../src/core/lease.ts'
import { FOUR, SETTINGS, Table } from './table.ts'

const EIGHT = { partitions: 8 } as const
const GRANT_MS = grantMs(SETTINGS.leaseMs)

const seated = (share: 'index' | typeof FOUR | typeof EIGHT, ...names: string[]): Table => {
  const table = new Table()
  for (const name of names) table.sit(name, share)
  table.pass(400)
  table.events.length = 0
  return table
}
const revoked = (table: Table): number => table.events.filter(({ type }) => type === 'partition.revoked').length

describe('weights', () => {
  test('a member of weight 3 has three times what one of weight 1 has', () => {
    const table = new Table()
    table.sit('ann', EIGHT)
    table.sit('bob', EIGHT, { weight: 3 })
    table.pass(400)
    expect([table.items('ann').length, table.items('bob').length]).toEqual([2, 6])
    expect(table.view()?.members.map(({ weight }) => weight)).toEqual([undefined, 3])
  })

  test('a new weight moves only what it must', () => {
    const table = seated(EIGHT, 'ann', 'bob')
    table.weigh('bob', 3)
    table.pass(400)
    expect(table.items('bob')).toHaveLength(6)
    expect(revoked(table)).toBe(2)
    expect(table.events.slice(0, 2)).toEqual([
      { type: 'member.weighed', member: 'bob', weight: 3 },
      { type: 'group.settling', because: 'weighed', member: 'bob' },
    ])
  })

  test('a member of weight 0 has nothing, and may be alone with that', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.weigh('ann', 0)
    table.weigh('bob', 0)
    table.pass(600)
    expect([table.items('ann'), table.items('bob')]).toEqual([[], []])
    expect(table.state()).toBe('settled')
  })

  test('of indexes there are none: it is said to whoever brings one', () => {
    const table = new Table()
    const ann = table.sit('ann', 'index', { weight: 2 })
    expect(ann.refusedWith).toBe('CAUCUS_CONFLICT')
  })
})

describe('a frozen group', () => {
  test('takes nothing from anybody who lives, and is fair again once it is thawed', () => {
    const table = seated(FOUR, 'ann')
    expect(table.order({ type: 'freeze' })).toEqual({ type: 'ordered' })
    table.sit('bob', FOUR)
    table.pass(500)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
    expect(table.view()).toMatchObject({ frozen: true, state: 'settled' })
    table.order({ type: 'thaw' })
    table.pass(500)
    expect(table.items('bob')).toHaveLength(2)
    expect(table.view()?.frozen).toBeUndefined()
  })

  test('still gives what has nobody', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'freeze' })
    table.leave('bob')
    table.pass(500)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })
})

describe('a pinned partition', () => {
  test('goes to its member, with a drain like any other move, and stays there', () => {
    const table = seated(FOUR, 'ann', 'bob')
    expect(table.items('ann')).toContain(0)
    table.order({ type: 'pin', partition: 0, member: 'bob' })
    table.pass(400)
    expect(table.items('bob')).toContain(0)
    expect(table.items('ann')).toHaveLength(2)
    table.sit('cy', FOUR)
    table.pass(400)
    expect(table.items('bob')).toContain(0)
    expect(table.view()?.pins).toEqual([{ partition: 0, member: 'bob' }])
  })

  test('is given to another one while its member is not there, and back', () => {
    const table = seated(FOUR, 'ann')
    table.order({ type: 'pin', partition: 2, member: 'bob' })
    table.pass(400)
    expect(table.items('ann')).toContain(2)
    table.sit('bob', FOUR)
    table.pass(400)
    expect(table.items('bob')).toContain(2)
  })

  test('is anybody’s once the pin is taken away', () => {
    const table = seated(FOUR, 'ann', 'bob')
    for (const partition of [0, 1, 2]) table.order({ type: 'pin', partition, member: 'bob' })
    table.pass(400)
    expect(table.items('bob')).toEqual([0, 1, 2])
    table.order({ type: 'unpin', partition: 1 })
    table.order({ type: 'unpin', partition: 2 })
    table.pass(400)
    expect(table.items('bob')).toHaveLength(2)
  })
})

describe('a member that is drained', () => {
  test('gives everything back and stays a member without a share, until that is undone', () => {
    const table = seated(FOUR, 'ann', 'bob')
    expect(table.order({ type: 'drain', member: 'bob' })).toEqual({ type: 'ordered' })
    table.pass(400)
    expect([table.items('ann'), table.items('bob')]).toEqual([[0, 1, 2, 3], []])
    expect(table.view()?.members.find(({ id }) => id === 'bob')).toMatchObject({ drained: true, partitions: [] })
    expect(table.events).toContainEqual(expect.objectContaining({ type: 'partition.revoked', because: 'drained' }))
    table.order({ type: 'undrain', member: 'bob' })
    table.pass(400)
    expect(table.items('bob')).toHaveLength(2)
  })

  test('leaves the numbering of a group of indexes', () => {
    const table = seated('index', 'ann', 'bob', 'cy')
    table.order({ type: 'drain', member: 'bob' })
    table.pass(400)
    expect(table.holds('cy')[0]).toMatchObject({ item: 2, of: 2 })
    expect(table.holds('bob')).toEqual([])
  })

  test('is that process: the next one under its id is given work', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'drain', member: 'bob' })
    table.pass(400)
    table.leave('bob')
    table.sit('bob (again)', FOUR)
    table.pass(400)
    expect(table.items('bob (again)')).toHaveLength(2)
  })

  test('is still drained when it fell silent and comes back', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'drain', member: 'bob' })
    table.pass(400)
    for (const seat of table.seats.values()) if (seat.name === 'bob') seat.reachable = false
    table.pass(GRANT_MS + 500)
    for (const seat of table.seats.values()) if (seat.name === 'bob') seat.reachable = true
    table.relink('bob')
    table.pass(500)
    expect(table.items('bob')).toEqual([])
    expect(table.view()?.members.find(({ id }) => id === 'bob')).toMatchObject({ drained: true })
  })

  test('is not given work again on its way out', () => {
    const table = seated(FOUR, 'ann', 'bob')
    for (const seat of table.seats.values()) seat.drainsAtOnce = false
    table.leave('bob')
    table.order({ type: 'drain', member: 'bob' })
    table.order({ type: 'undrain', member: 'bob' })
    table.finish('bob')
    table.pass(400)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('may be the only one: then nobody has anything', () => {
    const table = seated(FOUR, 'ann')
    table.order({ type: 'drain', member: 'ann' })
    table.pass(400)
    expect(table.items('ann')).toEqual([])
    expect(table.state()).toBe('settled')
  })
})

describe('orders', () => {
  test('are durable before they are in force, and found again after a restart', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'freeze' })
    table.order({ type: 'pin', partition: 3, member: 'ann' })
    table.order({ type: 'drain', member: 'bob' })
    table.pass(400)
    expect(table.foundation.orders).toEqual({ g: { frozen: true, pins: { 3: 'ann' }, drained: ['boot-2'] } })
    table.restart()
    table.relink()
    table.pass(GRANT_MS + 500)
    expect(table.view()).toMatchObject({ frozen: true, pins: [{ partition: 3, member: 'ann' }] })
    expect([table.items('ann'), table.items('bob')]).toEqual([[0, 1, 2, 3], []])
  })

  test('that are given again change nothing: no write, no event, no settling', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'pin', partition: 0, member: 'bob' })
    table.order({ type: 'freeze' })
    table.pass(400)
    table.events.length = 0
    const { foundation } = table
    expect(table.order({ type: 'pin', partition: 0, member: 'bob' })).toEqual({ type: 'ordered' })
    expect(table.order({ type: 'freeze' })).toEqual({ type: 'ordered' })
    expect([table.foundation, table.events, table.state()]).toEqual([foundation, [], 'settled'])
  })

  test('that are taken back leave nothing behind', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.order({ type: 'freeze' })
    table.order({ type: 'pin', partition: 3, member: 'ann' })
    table.order({ type: 'drain', member: 'bob' })
    table.order({ type: 'undrain', member: 'bob' })
    table.order({ type: 'unpin', partition: 3 })
    table.order({ type: 'thaw' })
    expect(table.foundation.orders).toEqual({})
  })

  test('that are given in the wrong place are refused, with the reason', () => {
    const table = seated(FOUR, 'ann')
    const code = (answer: ReturnType<Table['order']>) => (answer?.type === 'failed' ? answer.code : answer?.type)
    expect(code(table.order({ type: 'pin', partition: 4, member: 'ann' }))).toBe('CAUCUS_INVALID_ARGUMENT')
    expect(code(table.order({ type: 'unpin', partition: 1 }))).toBe('CAUCUS_NOT_FOUND')
    expect(code(table.order({ type: 'drain', member: 'bob' }))).toBe('CAUCUS_NOT_FOUND')
    const indexes = seated('index', 'ann')
    expect(code(indexes.order({ type: 'freeze' }))).toBe('CAUCUS_CONFLICT')
    expect(code(new Table().order({ type: 'freeze' }))).toBe('CAUCUS_NOT_FOUND')
  })

  test('about a member called __proto__ are orders like any other', () => {
    const orders = withOrder({}, { type: 'pin', partition: 1, member: '__proto__' }, undefined)
    expect(orders).toEqual({ pins: { 1: '__proto__' } })
  })

  test('drain a bounded number', () => {
    const orders = Array.from({ length: MAX_DRAINED }, (_, each) => `boot-${each}`)
    const next = withOrder({ drained: orders }, { type: 'drain', member: 'a' }, 'boot-5')
    expect(next.drained).toHaveLength(MAX_DRAINED)
  })
})

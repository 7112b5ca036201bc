import { describe, expect, test } from 'vitest'
import { grantMs } from '../../../../src/core/lease.ts'
import { FOUR, join, SETTINGS, Table } from './table.ts'

describe('a group of indexes', () => {
  test('settles after a quiet time, and gives everybody a place in the same view', () => {
    const table = new Table()
    for (const name of ['ann', 'bob', 'cy']) table.sit(name)
    expect(table.holds('ann')).toEqual([])
    table.pass(SETTINGS.settleMs)
    const [ann] = table.holds('ann')
    expect(table.items('bob')).toEqual([2])
    expect(table.items('cy')).toEqual([3])
    expect(ann).toEqual({ item: 1, of: 3, epoch: table.coordinator.viewOf('g')?.epoch })
  })

  test('survivors keep their order, at a higher epoch', () => {
    const table = new Table()
    for (const name of ['ann', 'bob', 'cy']) table.sit(name)
    table.pass(300)
    const [before] = table.holds('cy')
    table.leave('bob')
    table.pass(300)
    const [after] = table.holds('cy')
    expect(after).toMatchObject({ item: 2, of: 2 })
    expect(after?.epoch).toBeGreaterThan(before?.epoch ?? 0)
  })

  test('keeps its places while it debounces, and takes them back only when that ends', () => {
    const table = new Table()
    const ann = table.sit('ann', 'index', { drainsAtOnce: false })
    table.pass(300)
    table.sit('bob')
    table.pass(SETTINGS.settleMs - 1)
    expect(table.items('ann')).toEqual([1])
    table.pass(1)
    expect(table.items('ann')).toEqual([])
    expect(ann.member.draining).toHaveLength(1)
    expect(table.items('bob')).toEqual([])
    table.finish('ann')
    expect([table.items('ann'), table.items('bob')]).toEqual([[1], [2]])
  })

  test('nothing moves when somebody comes and goes before it settles', () => {
    const table = new Table()
    table.sit('ann')
    table.pass(300)
    const before = table.holds('ann')
    table.sit('bob')
    table.pass(50)
    table.leave('bob')
    table.pass(300)
    expect(table.holds('ann')).toEqual(before)
    expect(table.state()).toBe('settled')
  })

  test('steady churn cannot keep it settling for ever', () => {
    const table = new Table()
    table.sit('ann')
    for (let i = 0; i < 12; i++) {
      table.sit(`guest${i}`)
      table.pass(SETTINGS.settleMs - 10)
    }
    expect(table.events.filter(({ type }) => type === 'slot.granted').length).toBeGreaterThan(0)
  })

  test('a member that let its place lapse gets one again, in a new view for all', () => {
    const table = new Table()
    table.sit('ann')
    const bob = table.sit('bob')
    table.pass(300)
    bob.awake = false
    // Its last renewal was sent at 200: it stops believing at 1150, and is taken for gone at 1220.
    table.pass(870)
    table.wake('bob')
    table.pass(1)
    expect(bob.lost).toEqual(['lapsed'])
    table.pass(600)
    expect(table.items('ann')).toEqual([1])
    expect(table.items('bob')).toEqual([2])
  })
})

describe('a lease', () => {
  test('is over for a frozen member that reads its share on waking, though no timer has fired', () => {
    const table = new Table()
    const ann = table.sit('ann')
    table.pass(300)
    ann.awake = false
    table.pass(SETTINGS.leaseMs)
    expect(ann.member.view().held.size).toBe(1)
    expect(table.holds('ann')).toEqual([])
  })

  test('runs from the send of the renewal, not from the answer', () => {
    const table = new Table()
    const ann = table.sit('ann')
    table.pass(200)
    ann.awake = false
    table.wake('ann')
    const until = ann.member.view().validUntil
    expect(until).toBeLessThanOrEqual(table.now + SETTINGS.leaseMs - 50)
  })

  test('nobody else gets what a crashed member held before the grant time has run', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    const bob = table.sit('bob', FOUR)
    table.pass(300)
    bob.reachable = false
    const lastRenewal = 200
    table.pass(lastRenewal + grantMs(SETTINGS.leaseMs) - table.now - 1)
    expect(table.items('ann')).toHaveLength(2)
    table.pass(300)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('an older renewal that arrives late changes nothing', () => {
    const table = new Table()
    table.say(join('ann', 'boot-x', 5))
    table.say(join('ann', 'boot-x', 4))
    expect(table.sent.filter(({ type }) => type === 'share')).toHaveLength(1)
  })

  test('a lost push is repaired by the next answer', () => {
    const table = new Table()
    const ann = table.sit('ann', FOUR)
    ann.reachable = false
    table.pass(SETTINGS.settleMs)
    expect(table.holds('ann')).toEqual([])
    ann.reachable = true
    table.pass(200)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })
})

describe('a partition that moves', () => {
  const moving = () => {
    const table = new Table()
    const ann = table.sit('ann', FOUR, { drainsAtOnce: false })
    table.pass(300)
    table.sit('bob', FOUR)
    table.pass(SETTINGS.settleMs)
    return { table, ann }
  }

  test('is granted only after its earlier owner acknowledged; the others never pause', () => {
    const { table } = moving()
    expect(table.items('ann')).toHaveLength(2)
    expect(table.items('bob')).toEqual([])
    table.finish('ann')
    expect(table.items('bob')).toHaveLength(2)
    expect([...table.items('ann'), ...table.items('bob')].sort()).toEqual([0, 1, 2, 3])
  })

  test('waits for the lease of an owner whose drain overruns its limit, and is never forced', () => {
    const { table, ann } = moving()
    table.pass(SETTINGS.drainLimitMs + 1)
    expect(table.items('bob')).toEqual([])
    const [draining] = ann.member.draining
    const until = draining === undefined ? 0 : (ann.member.drainUntil(draining) ?? 0)
    table.pass(until - table.now)
    expect(table.items('bob')).toEqual([])
    table.pass(SETTINGS.leaseMs)
    expect(table.items('bob')).toHaveLength(2)
  })

  test('comes back to its owner at a higher epoch, never at the same', () => {
    const { table } = moving()
    const before = new Map(table.holds('ann').map(({ item, epoch }) => [item, epoch]))
    table.finish('ann')
    table.leave('bob')
    table.pass(300)
    const moved = table.holds('ann').filter(({ item }) => !before.has(item))
    expect(moved).toHaveLength(2)
    for (const { epoch } of moved) expect(epoch).toBeGreaterThan(Math.max(...before.values()))
  })
})

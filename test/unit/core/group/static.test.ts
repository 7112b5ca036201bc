import { describe, expect, test } from 'vitest'
import { grantMs } from '../../../../src/core/lease.ts'
import { FOUR, SETTINGS, Table } from './table.ts'

const STATIC = { static: true } as const
const GRANT_MS = grantMs(SETTINGS.leaseMs)

const seated = (share: 'index' | typeof FOUR, ...names: string[]): Table => {
  const table = new Table()
  for (const name of names) table.sit(name, share, STATIC)
  table.pass(400)
  table.events.length = 0
  return table
}
const told = (table: Table): string[] => table.events.map(({ type }) => type)

describe('the place of a static member of partitions', () => {
  test('stays free when it leaves: nobody gets it, and the group does not even settle', () => {
    const table = seated(FOUR, 'ann', 'bob')
    const mine = table.items('ann')
    table.leave('bob')
    table.pass(500)
    expect(told(table)).toEqual(['place.kept', 'member.left'])
    expect(table.items('ann')).toEqual(mine)
    expect(table.view()).toMatchObject({ state: 'settled', total: 2, kept: [{ id: 'bob', partitions: [1, 3] }] })
  })

  test('is given back to its next process, at higher epochs, and nothing else moves', () => {
    const table = seated(FOUR, 'ann', 'bob')
    const [anns, bobs] = [table.holds('ann'), table.holds('bob')]
    table.leave('bob')
    table.pass(500)
    table.sit('bob (again)', FOUR, STATIC)
    table.pass(500)
    expect(table.holds('ann')).toEqual(anns)
    expect(table.items('bob (again)')).toEqual(bobs.map(({ item }) => item))
    for (const [place, { epoch }] of table.holds('bob (again)').entries()) {
      expect(epoch).toBeGreaterThan(bobs[place]?.epoch ?? 0)
    }
    expect(told(table)).not.toContain('partition.revoked')
    expect(table.view()?.kept).toBeUndefined()
  })

  test('is not given back before the earlier process can have stopped believing', () => {
    const table = seated(FOUR, 'ann', 'bob')
    const [bob] = [...table.seats.values()].filter(({ name }) => name === 'bob')
    if (bob !== undefined) bob.awake = false
    table.pass(100)
    table.sit('bob (again)', FOUR, STATIC)
    table.pass(GRANT_MS - 400)
    expect(table.items('bob (again)')).toEqual([])
    expect(table.items('bob')).toEqual([1, 3])
    table.pass(500)
    expect(table.items('bob')).toEqual([])
    expect(table.items('bob (again)')).toEqual([1, 3])
  })

  test('counts in every plan: who joins meanwhile takes no more than a third', () => {
    const table = seated({ partitions: 4 }, 'ann', 'bob')
    table.leave('bob')
    table.pass(200)
    table.sit('cy', FOUR)
    table.pass(500)
    const [kept] = table.view()?.kept ?? []
    expect(kept?.partitions).toHaveLength(1)
    expect(table.items('ann').length + table.items('cy').length).toBe(3)
  })

  test('is anybody’s after the grace', () => {
    const table = seated(FOUR, 'ann', 'bob')
    table.leave('bob')
    table.pass(SETTINGS.staticGraceMs + SETTINGS.settleMs + 10)
    expect(told(table)).toContain('place.freed')
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
    expect(table.view()?.total).toBe(1)
  })

  test('is kept for one that fell silent, too, for the rest of the grace', () => {
    const table = seated(FOUR, 'ann', 'bob')
    for (const seat of table.seats.values()) if (seat.name === 'bob') seat.reachable = false
    table.pass(GRANT_MS + 300)
    expect(told(table)).toEqual(['place.kept', 'member.expired'])
    table.pass(SETTINGS.staticGraceMs)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('is freed at once by an eviction, before or after it stopped', () => {
    const table = seated(FOUR, 'ann', 'bob', 'cy')
    table.evict('bob')
    table.leave('cy')
    table.pass(10)
    table.evict('cy')
    table.pass(GRANT_MS + 500)
    expect(table.view()?.kept).toBeUndefined()
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('a grace of nothing keeps nothing', () => {
    const table = new Table({ defaults: { ...SETTINGS, staticGraceMs: 0 } })
    table.sit('ann', FOUR)
    table.sit('bob', FOUR, STATIC)
    table.pass(400)
    table.leave('bob')
    table.pass(400)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })
})

describe('the place of a static member of indexes', () => {
  test('stays empty when it leaves: the others keep index and total', () => {
    const table = seated('index', 'ann', 'bob', 'cy')
    const before = table.holds('cy')
    table.leave('bob')
    table.pass(500)
    expect(table.holds('cy')).toEqual(before)
    expect(table.view()).toMatchObject({ total: 3, kept: [{ id: 'bob', index: 2 }] })
  })

  test('is given back in a new view, in which the others never stop working', () => {
    const table = seated('index', 'ann', 'bob', 'cy')
    const before = table.holds('cy')[0]
    const ann = table.seats.get('ann')
    table.leave('bob')
    table.pass(200)
    table.sit('bob (again)', 'index', STATIC)
    table.pass(SETTINGS.settleMs - 1)
    expect(table.items('cy')).toEqual([3])
    table.pass(1)
    const after = table.holds('cy')[0]
    expect(after).toMatchObject({ item: 3, of: 3 })
    expect(after?.epoch).toBeGreaterThan(before?.epoch ?? 0)
    expect(table.holds('bob (again)')[0]).toEqual({ ...after, item: 2 })
    expect(told(table)).not.toContain('slot.revoked')
    expect(ann?.member.draining).toEqual([])
    expect(ann?.lost).toEqual([])
  })

  test('a newer process under an id interrupts nobody else either', () => {
    const table = seated('index', 'ann', 'bob', 'cy')
    table.sit('bob (again)', 'index')
    table.pass(GRANT_MS + 500)
    expect(told(table)).not.toContain('slot.revoked')
    expect([table.items('ann'), table.items('bob (again)'), table.items('cy')]).toEqual([[1], [2], [3]])
  })

  test('a leave that crosses with the new view is finished under the epoch of the old one, before anybody else has the place', () => {
    const table = seated('index', 'ann', 'bob', 'cy')
    const cy = table.seats.get('cy')
    if (cy === undefined) throw new Error('cy is there')
    table.leave('bob')
    table.sit('bob (again)', 'index', STATIC)
    table.pass(SETTINGS.settleMs - 1)
    // The new view is on its way to cy when it begins to leave, and it has something to finish.
    cy.awake = false
    table.pass(1)
    cy.drainsAtOnce = false
    table.leave('cy')
    table.wake('cy')
    table.pass(200)
    expect(cy.member.draining).toHaveLength(1)
    expect(table.view()?.members.find(({ id }) => id === 'cy')?.revoked).toEqual([3])
    table.sit('dee', 'index')
    table.pass(200)
    expect(table.items('dee')).toEqual([])
    table.finish('cy')
    table.pass(500)
    expect(table.items('dee')).toEqual([4])
  })

  test('a member that has stopped before it had a place has none to keep', () => {
    const table = new Table()
    table.sit('ann', 'index', STATIC)
    table.leave('ann')
    table.pass(500)
    expect(table.view()?.kept).toBeUndefined()
  })
})

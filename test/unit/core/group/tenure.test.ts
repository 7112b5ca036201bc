import { describe, expect, test } from 'vitest'
import { electionNameFault, electionOf, groupOfElection } from '../../../../src/core/group/elections.ts'
import { grantMs } from '../../../../src/core/lease.ts'
import { FOUR, join, SETTINGS, Table } from './table.ts'

const GRANT_MS = grantMs(SETTINGS.leaseMs)
const GROUP = groupOfElection('e')

const seated = (...names: string[]): Table => {
  const table = new Table({}, GROUP)
  for (const name of names) table.sit(name, 'tenure')
  return table
}
/** Who believes to lead at this instant. */
const leaders = (table: Table): string[] => [...table.seats.keys()].filter((name) => table.items(name).length > 0)
const tokenOf = (table: Table, name: string): number => table.holds(name)[0]?.epoch ?? 0
const told = (table: Table): string[] => table.events.map(({ type }) => type)

describe('a tenure', () => {
  test('is given in the very step in which the first candidate comes, and nobody waits for a settle time', () => {
    const table = seated('ann')
    expect(leaders(table)).toEqual(['ann'])
    expect(told(table)).toEqual(['member.joined', 'group.settling', 'tenure.granted', 'group.settled'])
    expect(table.view()).toMatchObject({
      share: 'tenure',
      state: 'settled',
      members: [{ id: 'ann', leads: true, epoch: tokenOf(table, 'ann') }],
    })
    expect(table.view()?.members[0]).not.toHaveProperty('partitions')
  })

  test('is not moved by who comes or goes, and is renewed without end', () => {
    const table = seated('ann', 'bob', 'cid')
    const token = tokenOf(table, 'ann')
    for (const name of ['dan', 'eve']) {
      table.sit(name, 'tenure')
      table.pass(500)
    }
    table.leave('bob')
    table.evict('cid')
    table.pass(5_000)
    expect([leaders(table), tokenOf(table, 'ann')]).toEqual([['ann'], token])
    expect(told(table)).not.toContain('tenure.revoked')
  })

  test('goes on in the order in which they came, at once when the one before resigns, with a higher token each time', () => {
    const table = seated('ann', 'bob', 'cid')
    let token = 0
    for (const name of ['ann', 'bob', 'cid']) {
      expect(leaders(table)).toEqual([name])
      expect(tokenOf(table, name)).toBeGreaterThan(token)
      token = tokenOf(table, name)
      table.leave(name)
    }
    expect(leaders(table)).toEqual([])
  })

  test('is let go of only when the work under it has ended', () => {
    const table = new Table({}, GROUP)
    table.sit('ann', 'tenure', { drainsAtOnce: false })
    table.sit('bob', 'tenure')
    table.leave('ann')
    table.pass(300)
    expect(leaders(table)).toEqual([])
    table.finish('ann')
    expect(leaders(table)).toEqual(['bob'])
  })

  test('of work that does not end within the drain limit lasts as long as its lease', () => {
    const table = new Table({}, GROUP)
    table.sit('ann', 'tenure', { drainsAtOnce: false })
    table.sit('bob', 'tenure')
    table.leave('ann')
    table.pass(SETTINGS.drainLimitMs + 500)
    expect(leaders(table)).toEqual([])
    table.pass(GRANT_MS)
    expect(leaders(table)).toEqual(['bob'])
  })

  test('of one that falls silent goes to the next when nobody can believe in it any more, and not before', () => {
    const table = seated('ann', 'bob')
    const ann = table.seats.get('ann')
    if (ann !== undefined) ann.reachable = false
    const since = table.now
    while (!leaders(table).includes('bob')) {
      table.pass(10)
      expect(leaders(table).length).toBeLessThan(2)
    }
    expect(table.now - since).toBeGreaterThanOrEqual(SETTINGS.leaseMs - 250)
    expect(table.now - since).toBeLessThanOrEqual(GRANT_MS + 20)
  })

  test('is not kept for a namesake of the one that had it', () => {
    const table = seated('ann', 'bob')
    table.sit('ann (again)', 'tenure')
    table.pass(2_000)
    expect(leaders(table)).toEqual(['bob'])
    table.leave('bob')
    expect(leaders(table)).toEqual(['ann (again)'])
  })

  test('of a drained candidate goes to the next, and back when the order is taken back', () => {
    const table = seated('ann', 'bob')
    table.order({ type: 'drain', member: 'ann' })
    expect(leaders(table)).toEqual(['bob'])
    table.leave('bob')
    expect(leaders(table)).toEqual([])
    expect(table.view()).toMatchObject({ state: 'settled', members: [{ id: 'ann', drained: true }] })
    table.order({ type: 'undrain', member: 'ann' })
    expect(leaders(table)).toEqual(['ann'])
  })
})

describe('after a restart of the coordinator', () => {
  test('whoever leads goes on under its token, and the others keep their turn', () => {
    const table = seated('ann', 'bob', 'cid')
    const token = tokenOf(table, 'ann')
    table.restart()
    // In another order than the one in which they came.
    table.relink('cid', 'bob', 'ann')
    table.pass(100)
    expect([leaders(table), tokenOf(table, 'ann')]).toEqual([['ann'], token])
    table.leave('ann')
    expect(leaders(table)).toEqual(['bob'])
    expect(tokenOf(table, 'bob')).toBeGreaterThan(token)
  })

  test('nobody leads before every lease of before has run out, unless the one that had it says so', () => {
    const table = seated('ann', 'bob')
    const ann = table.seats.get('ann')
    if (ann !== undefined) ann.reachable = false
    table.restart()
    table.relink('bob')
    table.pass(GRANT_MS - 10)
    expect(leaders(table)).not.toContain('bob')
    table.pass(20)
    expect(leaders(table)).toEqual(['bob'])
  })

  test('the first of an election waits like that, too: somebody may lead who was not heard yet', () => {
    const table = new Table({ fresh: false }, GROUP)
    table.sit('ann', 'tenure')
    expect(leaders(table)).toEqual([])
    table.pass(GRANT_MS + 1)
    expect(leaders(table)).toEqual(['ann'])
  })
})

describe('what is no election', () => {
  const refusals = (table: Table) =>
    table.sent.flatMap((message) => (message.type === 'refused' ? [[message.code, message.message]] : []))

  test('is a group of another name, and a group of such a name that is shared otherwise', () => {
    const table = new Table()
    table.say({ ...join('ann', 'a'), share: 'tenure' })
    table.say({ ...join('ann', 'a'), group: GROUP })
    table.say({ ...join('ann', 'a'), group: GROUP, share: 'index' })
    table.say({ ...join('ann', 'a'), group: GROUP, share: FOUR })
    expect(refusals(table).map(([code]) => code)).toEqual(new Array(4).fill('CAUCUS_CONFLICT'))
    expect(refusals(table)[0]?.[1]).toContain('"g" is no election')
    expect(refusals(table)[1]?.[1]).toContain('"election/e" is the name of an election')
    expect(table.coordinator.view().groups).toEqual([])
  })

  test('is one with weights or with places that are kept', () => {
    const table = new Table({}, GROUP)
    table.say({ ...join('ann', 'a'), group: GROUP, share: 'tenure', weight: 2 })
    table.say({ ...join('ann', 'b'), group: GROUP, share: 'tenure', static: true })
    expect(refusals(table).map(([code]) => code)).toEqual(['CAUCUS_CONFLICT', 'CAUCUS_CONFLICT'])
  })

  test('cannot be frozen or pinned', () => {
    const table = seated('ann')
    expect(table.order({ type: 'freeze' })).toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect(table.order({ type: 'pin', partition: 0, member: 'ann' })).toMatchObject({ code: 'CAUCUS_CONFLICT' })
  })

  test('whoever is there need not say again that it is a candidate', () => {
    const table = new Table({}, GROUP)
    table.say({ ...join('ann', 'a'), group: GROUP, share: 'tenure' })
    table.say({ ...join('ann', 'a', 2), group: GROUP })
    expect(refusals(table)).toEqual([])
  })
})

describe('the name of an election', () => {
  test('is that of a group with a prefix', () => {
    expect(electionOf(groupOfElection('a/b'))).toBe('a/b')
    expect([electionOf('elections'), electionOf('g')]).toEqual([undefined, undefined])
  })

  test.each([
    ['', 'election name is empty'],
    ['..', 'which no URL can name'],
    [7, 'must be a string, not number'],
    ['a\nb', 'has a control character'],
    ['é'.repeat(60), 'election name is longer than 119 bytes'],
  ])('is not %j', (name, fault) => {
    expect(electionNameFault(name)).toContain(fault)
  })

  test('is up to 119 bytes long', () => {
    expect(electionNameFault('x'.repeat(119))).toBeUndefined()
  })
})

test('whoever takes leave long after it was followed by another process of its id hears of that', () => {
  const table = seated('ann')
  table.seats.get('ann')!.awake = false
  table.pass(3 * GRANT_MS)
  table.sit('ann (again)', 'tenure')
  table.seats.get('ann')!.awake = true
  table.leave('ann')
  expect(table.seats.get('ann')?.refusedWith).toBe('CAUCUS_FENCED')
  expect(table.seats.get('ann')?.member.view().state).toBe('fenced')
  expect(leaders(table)).toEqual(['ann (again)'])
  // The newer one, too, may go in peace.
  table.leave('ann (again)')
  expect(table.seats.get('ann (again)')?.member.view().state).toBe('left')
})

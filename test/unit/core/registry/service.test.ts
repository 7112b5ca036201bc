import { describe, expect, test } from 'vitest'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import { grantMs } from '../../../../src/core/lease.ts'
import { join, SETTINGS, Table } from '../group/table.ts'

const GROUP = 'service/search'
const GRANT_MS = grantMs(SETTINGS.leaseMs)
const ADDRESS = { host: '10.0.0.7', port: 80 }

/** A service with somebody at each of the ports from 1 on. */
const serving = (...names: string[]): Table => {
  const table = new Table({}, GROUP)
  for (const [place, name] of names.entries()) table.sit(name, 'none', { metadata: { ...ADDRESS, port: place + 1 } })
  return table
}
const pictureOf = (table: Table) => table.coordinator.service('search', table.now)
const seen = (table: Table): readonly string[] => pictureOf(table).instances.map(({ id }) => id)
const told = (events: readonly GroupEvent[]): readonly string[] =>
  events.map((event) =>
    [event.type, 'member' in event ? event.member : '', 'because' in event ? event.because : ''].join(' '),
  )
/** A process that speaks plain HTTP: it says everything each time, and quotes no generation. */
const put = (member: string, bootId: string, sequence: number, more: object = {}) => ({
  ...join(member, bootId, sequence),
  group: GROUP,
  share: 'none' as const,
  metadata: ADDRESS,
  ...more,
})

describe('a service', () => {
  test('never settles, and gives nobody anything', () => {
    const table = serving('ann', 'bob')
    table.pass(3 * GRANT_MS)
    expect(table.view()).toMatchObject({ state: 'settled', epoch: 0, total: 2, share: 'none' })
    expect(seen(table)).toEqual(['ann', 'bob'])
    expect(told(table.events)).toEqual(['service.registered ann joined', 'service.registered bob joined'])
  })

  test('tells what an instance says when that changes, and when it goes', () => {
    const table = serving('ann')
    const member = table.seats.get('ann')?.member
    member?.step({ type: 'metadata', metadata: { ...ADDRESS, status: 'draining' } }, table.now)
    table.pass(500)
    table.leave('ann')
    expect(told(table.events)).toEqual([
      'service.registered ann joined',
      'service.updated ann ',
      'service.withdrawn ann left',
    ])
    expect(table.events[1]).toMatchObject({ instance: { ...ADDRESS, status: 'draining', tags: [], weight: 1 } })
  })

  test('has lost whoever is silent for its lease, and finds it again as soon as it is heard', () => {
    const table = serving('ann')
    table.pass(500)
    const ann = table.seats.get('ann')
    if (ann === undefined) throw new Error('ann is at the table')
    ann.reachable = false
    table.pass(GRANT_MS)
    expect(seen(table)).toEqual([])
    ann.reachable = true
    // With its first renewal it has not said where it is, since that was known; it does so at once.
    table.pass(200)
    expect(seen(table)).toEqual(['ann'])
    expect(told(table.events)).toEqual([
      'service.registered ann joined',
      'service.withdrawn ann expired',
      'service.registered ann joined',
    ])
  })

  test('lets a newer process take the place of an older one, and never the other way round', () => {
    const table = new Table({}, GROUP)
    table.say(put('ann', 'older', 1, { metadata: { ...ADDRESS, port: 1 } }))
    const [{ incarnation } = { incarnation: 0 }] = pictureOf(table).instances
    table.say(put('ann', 'newer', 1, { metadata: { ...ADDRESS, port: 2 } }))
    table.say(put('ann', 'older', 2, { metadata: { ...ADDRESS, port: 1 } }))
    for (let sequence = 2; sequence < 12; sequence++) {
      table.pass(GRANT_MS / 2)
      table.say(put('ann', 'newer', sequence, { metadata: { ...ADDRESS, port: 2 } }))
    }
    table.say(put('ann', 'older', 3, { metadata: { ...ADDRESS, port: 1 }, incarnation, generation: 10 }))
    expect(pictureOf(table).instances).toMatchObject([{ id: 'ann', port: 2 }])
    expect(told(table.events)).toEqual([
      'service.registered ann joined',
      'service.withdrawn ann fenced',
      'service.registered ann joined',
    ])
  })

  test('shows an instance as draining while an operator has it drained', () => {
    const table = serving('ann')
    expect(table.order({ type: 'drain', member: 'ann' })).toEqual({ type: 'ordered' })
    expect(pictureOf(table).instances).toMatchObject([{ status: 'draining' }])
    table.order({ type: 'undrain', member: 'ann' })
    expect(pictureOf(table).instances).toMatchObject([{ status: 'up' }])
    expect(table.order({ type: 'freeze' })).toMatchObject({ type: 'failed', code: 'CAUCUS_CONFLICT' })
    expect(told(table.events)).toEqual([
      'service.registered ann joined',
      'member.drained ann ',
      'service.updated ann ',
      'member.undrained ann ',
      'service.updated ann ',
    ])
  })

  test('refuses what is no instance, and leaves the one that is there as it was', () => {
    const table = new Table({}, GROUP)
    table.say(put('ann', 'boot', 1))
    const before = pictureOf(table)
    table.say(put('ann', 'boot', 2, { metadata: { ...ADDRESS, port: 0 } }))
    expect(table.sent.at(-1)).toMatchObject({ type: 'refused', code: 'CAUCUS_INVALID_ARGUMENT' })
    expect(pictureOf(table)).toEqual(before)
    for (const more of [{ share: 'index' }, { share: undefined }, { group: 'g' }, { weight: 2 }, { static: true }]) {
      table.say({ ...put('bob', 'b', 1), ...more } as ReturnType<typeof put>)
      expect([more, table.sent.at(-1)]).toMatchObject([more, { type: 'refused', code: 'CAUCUS_CONFLICT' }])
    }
    expect(seen(table)).toEqual(['ann'])
  })
})

describe('after a restart of its coordinator a service', () => {
  test('may be incomplete until all leases of before have run out, and says so', () => {
    const table = serving('ann', 'bob')
    table.restart()
    expect(pictureOf(table)).toEqual({ instances: [], incompleteForMs: GRANT_MS })
    table.relink('ann')
    expect(seen(table)).toEqual(['ann'])
    expect(table.events.at(-1)).toMatchObject({ type: 'service.registered', member: 'ann', because: 'adopted' })
    table.pass(300)
    expect(pictureOf(table).incompleteForMs).toBe(GRANT_MS - 300)
    table.pass(GRANT_MS)
    expect(pictureOf(table).incompleteForMs).toBe(0)
  })

  test('is complete once everybody is back, if the stop was in good order', () => {
    const table = serving('ann', 'bob')
    table.stop()
    expect(table.foundation.roll).toEqual({ [GROUP]: ['boot-1', 'boot-2'] })
    table.restart()
    table.relink('ann')
    expect(pictureOf(table).incompleteForMs).toBeGreaterThan(0)
    table.relink('bob')
    expect(pictureOf(table)).toMatchObject({ incompleteForMs: 0, instances: [{ id: 'ann' }, { id: 'bob' }] })
  })
})

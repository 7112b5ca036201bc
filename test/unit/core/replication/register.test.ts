import { describe, expect, test } from 'vitest'
import { charter, Table } from './table.ts'

/** Three voters, of which v0 leads in term 1 and has saved a first charter. */
const led = (voters = 3): Table => {
  const table = Table.begun(voters)
  table.step('v0', { type: 'lead', term: 1 })
  table.passAll()
  table.step('v0', { type: 'save', request: 1, charter: charter(1) })
  table.passAll()
  return table
}

describe('a leader', () => {
  test('finds nothing in a new cluster, saves a charter, and the next leader finds that', () => {
    const table = Table.begun(3)
    table.step('v0', { type: 'lead', term: 1 })
    table.passAll()
    expect(table.told.get('v0')).toEqual([{ type: 'led', term: 1 }])
    table.step('v0', { type: 'save', request: 7, charter: charter(1) })
    table.passAll()
    expect(table.told.get('v0')?.at(-1)).toEqual({ type: 'saved', request: 7 })
    table.step('v1', { type: 'lead', term: 2 })
    table.passAll()
    const entry = { term: 1, version: 1, charter: charter(1) }
    expect(table.told.get('v1')).toEqual([{ type: 'led', term: 2, entry }])
  })

  test('alone in its cluster needs nobody but its own disk', () => {
    const table = Table.begun(1)
    table.slow.add('v0')
    table.step('v0', { type: 'lead', term: 1 })
    expect(table.told.get('v0')).toEqual([])
    table.write('v0')
    expect(table.told.get('v0')).toEqual([{ type: 'led', term: 1 }])
  })

  test('does not count itself before its own disk has it', () => {
    const table = led()
    table.slow.add('v0')
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    // Nobody else hears of it.
    table.passAll(() => false)
    table.say('v0', 'v1', { type: 'stored', round: 0, term: 1, version: 2 })
    expect(table.told.get('v0')).not.toContainEqual({ type: 'saved', request: 2 })
    table.later()
    table.passAll(({ from, to }) => [from, to].includes('v1'))
    expect(table.told.get('v0')).not.toContainEqual({ type: 'saved', request: 2 })
    table.write('v0')
    expect(table.told.get('v0')).toContainEqual({ type: 'saved', request: 2 })
  })

  test('asks those again that did not answer, and only them', () => {
    const table = led()
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    table.passAll(({ from, to }) => ![from, to].includes('v2'))
    expect(table.told.get('v0')).toContainEqual({ type: 'saved', request: 2 })
    table.later()
    expect(table.from('v0', 'v1')).toEqual([])
    expect(table.from('v0', 'v2')).toMatchObject([{ type: 'store', entry: { term: 1, version: 2 } }])
    table.passAll()
    expect(table.replica('v2').view().entry?.version).toBe(2)
    expect(table.replica('v0').wakeAt()).toBeUndefined()
  })

  test('gives whoever is slow what is latest, and not all that was in between', () => {
    const table = led()
    for (const request of [2, 3, 4]) table.step('v0', { type: 'save', request, charter: charter(request) })
    expect(table.from('v0', 'v1')).toMatchObject([{ type: 'store', entry: { version: 2 } }])
    table.passAll()
    expect(table.replica('v1').view().entry).toEqual({ term: 1, version: 4, charter: charter(4) })
    const saved = table.told.get('v0')?.filter(({ type }) => type === 'saved')
    expect(saved).toEqual([1, 2, 3, 4].map((request) => ({ type: 'saved', request })))
  })

  test('takes the latest of what a majority has, by term first', () => {
    const table = led(5)
    // Three versions of term 1 are on v0 alone, one of term 2 is on v1 and v2.
    for (const request of [2, 3]) {
      table.step('v0', { type: 'save', request, charter: charter(request) })
      table.passAll(() => false)
    }
    table.step('v1', { type: 'lead', term: 2 })
    table.passAll(({ from, to }) => ![from, to].includes('v0'))
    table.step('v1', { type: 'save', request: 1, charter: charter(20) })
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v1' || id === 'v2'))
    table.step('v2', { type: 'lead', term: 3 })
    table.passAll(({ from, to }) => [from, to].every((id) => ['v0', 'v2', 'v3'].includes(id)))
    const entry = { term: 2, version: 1, charter: charter(20) }
    expect(table.told.get('v2')).toEqual([{ type: 'led', term: 3, entry }])
  })

  test('that was frozen decides nothing any more once a later one has collected', () => {
    const table = led()
    table.step('v1', { type: 'lead', term: 2 })
    table.passAll(({ from, to }) => ![from, to].includes('v0'))
    expect(table.told.get('v1')).toMatchObject([{ type: 'led', term: 2, entry: { version: 1 } }])
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    table.passAll()
    expect(table.told.get('v0')?.slice(-2)).toEqual([
      { type: 'failed', request: 2, because: 'superseded' },
      { type: 'superseded', term: 2 },
    ])
    expect(table.replica('v1').view().entry?.version).toBe(1)
  })

  test('hears of a later one from whatever that one says, and from itself before it asks anybody', () => {
    const table = led()
    table.say('v0', 'v2', { type: 'collect', term: 3, round: 1 })
    expect(table.told.get('v0')?.at(-1)).toEqual({ type: 'superseded', term: 3 })
    table.said = []
    table.step('v0', { type: 'lead', term: 2 })
    expect(table.told.get('v0')?.at(-1)).toEqual({ type: 'superseded', term: 3 })
    expect(table.from('v0')).toEqual([])
  })

  test('that retires fails what waits, and takes no answers to it', () => {
    const table = led()
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    table.step('v0', { type: 'retire' })
    table.passAll()
    expect(table.told.get('v0')?.at(-1)).toEqual({ type: 'failed', request: 2, because: 'retired' })
    table.step('v0', { type: 'save', request: 3, charter: charter(3) })
    expect(table.told.get('v0')?.at(-1)).toEqual({ type: 'failed', request: 3, because: 'retired' })
    expect(table.replica('v0').wakeAt()).toBeUndefined()
  })

  test('that leads once more in the same term never gives a version twice', () => {
    const table = led()
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    const late = table.said.filter(({ to }) => to === 'v2')
    table.passAll(() => false)
    table.step('v0', { type: 'retire' })
    table.step('v0', { type: 'lead', term: 1 })
    table.passAll()
    table.step('v0', { type: 'save', request: 3, charter: charter(3) })
    table.passAll()
    expect(table.replica('v1').view().entry).toEqual({ term: 1, version: 3, charter: charter(3) })
    // What was on its way for longer does not take its place.
    table.said.push(...late)
    table.passAll()
    expect(table.replica('v2').view().entry?.version).toBe(3)
  })
})

test('a request before anybody leads is answered, and a lead before the start is a fault of the driver', () => {
  const table = Table.begun(3)
  table.step('v0', { type: 'save', request: 1, charter: charter(1) })
  expect(table.told.get('v0')).toEqual([{ type: 'failed', request: 1, because: 'retired' }])
  expect(() => table.unstarted().step({ type: 'lead', term: 1 }, 0)).toThrow('nobody leads before it has started')
  expect(() => table.step('v0', { type: 'lead', term: 1e308 })).toThrow('a term is a whole number')
})

import { describe, expect, test } from 'vitest'
import { MAX_TERM } from '../../../../src/core/election/messages.ts'
import type { ReplicaBody } from '../../../../src/core/replication/messages.ts'
import { charter, Table } from './table.ts'

const entry = (term: number, version: number) => ({ term, version, charter: charter(100 * term + version) })

describe('a voter', () => {
  test('answers when its promise and what it accepted are durable, and not before', () => {
    const table = Table.begun(3)
    table.slow.add('v1')
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 9 })
    expect(table.from('v1')).toEqual([])
    table.write('v1')
    expect(table.from('v1', 'v0')).toEqual([{ type: 'collected', term: 4, round: 9 }])
    expect(table.disks.get('v1')).toEqual({ storeId: 'store of v1', promised: 4 })
    table.said = []
    table.say('v1', 'v0', { type: 'store', round: 10, entry: entry(4, 1) })
    expect(table.from('v1')).toEqual([])
    table.write('v1')
    expect(table.from('v1', 'v0')).toEqual([{ type: 'stored', round: 10, term: 4, version: 1 }])
    expect(table.disks.get('v1')?.entry).toEqual(entry(4, 1))
  })

  test('says nothing that rests on a write that failed, and writes it again', () => {
    const table = Table.begun(3)
    table.slow.add('v1')
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 9 })
    table.write('v1', false)
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 9 })
    expect(table.from('v1')).toEqual([])
    table.later()
    table.write('v1')
    expect(table.disks.get('v1')?.promised).toBe(4)
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 9 })
    expect(table.from('v1', 'v0')).toEqual([{ type: 'collected', term: 4, round: 9 }])
  })

  test('tells an earlier leader that it has answered a later one', () => {
    const table = Table.begun(3)
    table.say('v1', 'v0', { type: 'store', round: 1, entry: entry(4, 1) })
    table.said = []
    table.say('v1', 'v2', { type: 'collect', term: 3, round: 5 })
    table.say('v1', 'v2', { type: 'store', round: 6, entry: entry(3, 8) })
    expect(table.from('v1', 'v2')).toEqual([
      { type: 'superseded', term: 3, round: 5, promised: 4 },
      { type: 'superseded', term: 3, round: 6, promised: 4 },
    ])
    expect(table.replica('v1').view()).toMatchObject({ promised: 4, entry: { term: 4, version: 1 } })
  })

  test('keeps its promise over a restart', () => {
    const table = Table.begun(3)
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 1 })
    table.crash('v1')
    table.start('v1')
    table.said = []
    table.say('v1', 'v2', { type: 'collect', term: 3, round: 1 })
    expect(table.from('v1', 'v2')).toMatchObject([{ type: 'superseded', promised: 4 }])
  })

  test('acknowledges an older version with the newer one that it has, and writes nothing', () => {
    const table = Table.begun(3)
    table.say('v1', 'v0', { type: 'store', round: 3, entry: entry(4, 3) })
    table.slow.add('v1')
    table.said = []
    table.say('v1', 'v0', { type: 'store', round: 4, entry: entry(4, 2) })
    expect(table.from('v1', 'v0')).toEqual([{ type: 'stored', round: 4, term: 4, version: 3 }])
    expect(table.disks.get('v1')?.entry).toEqual(entry(4, 3))
  })

  test('serves one process in a term, where a term may have had two leaders', () => {
    const table = Table.begun(3, { store: false })
    table.say('v1', 'v0', { type: 'collect', term: 4, round: 1 })
    table.said = []
    table.say('v1', 'v2', { type: 'store', round: 7, entry: entry(4, 1) })
    expect(table.from('v1', 'v2')).toEqual([{ type: 'superseded', term: 4, round: 7, promised: 4 }])
    // Which ends the other one, if it was asked by that one.
    table.step('v2', { type: 'lead', term: 4 })
    table.passAll(({ from, to }) => from !== 'v0' && to !== 'v0')
    expect(table.told.get('v2')?.at(-1)).toEqual({ type: 'superseded', term: 4 })
  })

  test('is not led by an answer that another process of its id has asked for', () => {
    const table = Table.begun(3, { store: false })
    table.step('v0', { type: 'lead', term: 4 })
    table.say('v0', 'v1', { type: 'superseded', term: 4, round: 12, promised: 4 })
    expect(table.told.get('v0')).toEqual([])
  })
})

test.each<[string, unknown]>([
  ['a term beyond all whole numbers', { type: 'collect', term: 2 ** 53, round: 1 }],
  ['a term beyond all terms', { type: 'collect', term: MAX_TERM + 1, round: 1 }],
  ['a huge term', { type: 'collect', term: 1e308, round: 1 }],
  ['no term', { type: 'collect', term: 0, round: 1 }],
  ['half a round', { type: 'collect', term: 9, round: 0.5 }],
  ['a version that is none', { type: 'store', round: 1, entry: { term: 9, version: 0, charter: charter(1) } }],
  ['an entry without a charter', { type: 'store', round: 1, entry: { term: 9, version: 1 } }],
  ['no entry', { type: 'store', round: 1, entry: null }],
  ['another type', { type: 'constructor' }],
  ['a number for a nonce', { type: 'recover', nonce: 5 }],
])('%s changes nothing and is not answered', (_what, said) => {
  const table = Table.begun(3)
  const before = table.replica('v1').view()
  // What no type allows is the point.
  table.say('v1', 'v0', said as ReplicaBody)
  expect(table.from('v1')).toEqual([])
  expect(table.replica('v1').view()).toEqual(before)
})

test('nobody but a voter is listened to, and nobody listens to itself', () => {
  const table = Table.begun(3)
  for (const from of ['v9', 'v1']) table.say('v1', from, { type: 'collect', term: 9, round: 1 })
  expect(table.from('v1')).toEqual([])
  expect(table.replica('v1').view().promised).toBe(0)
})

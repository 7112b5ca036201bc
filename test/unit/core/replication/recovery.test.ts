import { describe, expect, test } from 'vitest'
import { charter, Table } from './table.ts'

const only = <T>(all: readonly T[]): T => {
  expect(all).toHaveLength(1)
  return all[0] as T
}

/** Voters that all have the charter which v0 saved in term 1. */
const saved = (voters: number, options: { store?: boolean } = {}): Table => {
  const table = Table.begun(voters, options)
  table.step('v0', { type: 'lead', term: 1 })
  table.passAll()
  table.step('v0', { type: 'save', request: 1, charter: charter(1) })
  table.passAll()
  return table
}

describe('a blank voter', () => {
  test('begins with nothing at the first start, when all are blank', () => {
    const table = Table.begun(3)
    for (const id of table.ids) expect(table.replica(id).view()).toEqual({ blank: false, waitingFor: [], promised: 0 })
    expect(table.disks.get('v2')).toEqual({ storeId: 'store of v2', promised: 0 })
  })

  test('answers no leader before it knows again what it knew', () => {
    const table = saved(3)
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    table.passAll(() => false)
    table.say('v2', 'v0', { type: 'collect', term: 5, round: 1 })
    table.say('v2', 'v0', { type: 'store', round: 2, entry: { term: 5, version: 1, charter: charter(2) } })
    expect(table.from('v2')).toEqual([])
    table.say('v2', 'v0', { type: 'recover', nonce: 'n' })
    expect(table.from('v2', 'v0')).toEqual([{ type: 'recovered', nonce: 'n', blank: true, promised: 0 }])
    expect(table.replica('v2').view()).toMatchObject({ blank: true, waitingFor: ['v0', 'v1'] })
  })

  test('takes the highest promise and the latest entry of all others', () => {
    const table = saved(3)
    table.say('v1', 'v0', { type: 'collect', term: 6, round: 1 })
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    table.passAll()
    expect(table.disks.get('v2')).toEqual({
      storeId: 'store of v2',
      promised: 6,
      entry: { term: 1, version: 1, charter: charter(1) },
    })
  })

  test('waits for every one of them, and asks again', () => {
    const table = saved(3)
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    table.passAll(({ from, to }) => ![from, to].includes('v1'))
    expect(table.replica('v2').view()).toMatchObject({ blank: true, waitingFor: ['v1'] })
    table.later()
    expect(table.from('v2', 'v0')).toEqual([])
    expect(table.from('v2', 'v1')).toMatchObject([{ type: 'recover' }])
    table.passAll()
    expect(table.replica('v2').view().blank).toBe(false)
  })

  test('does not build on what was said before all others knew that it is blank', () => {
    const table = saved(3)
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    table.passAll(({ from, to }) => ![from, to].includes('v1'))
    // Meanwhile v0, which has answered, accepts something else.
    table.say('v0', 'v1', { type: 'store', round: 1, entry: { term: 2, version: 1, charter: charter(2) } })
    table.passAll(() => false)
    table.later()
    table.passAll()
    expect(table.replica('v2').view()).toMatchObject({ blank: false, promised: 2, entry: { term: 2, version: 1 } })
  })

  test('does not begin where a majority is blank and somebody has accepted something', () => {
    const table = saved(3)
    for (const id of ['v1', 'v2']) table.crash(id, { losesDisk: true })
    for (const id of ['v1', 'v2']) table.start(id)
    table.passAll()
    expect(table.replica('v1').view()).toMatchObject({ blank: true, waitingFor: ['v2'] })
    expect(table.replica('v2').view()).toMatchObject({ blank: true, waitingFor: ['v1'] })
  })

  test('does not take it for a first start that a majority was blank one after the other', () => {
    const table = Table.begun(5)
    const near = ({ from, to }: { from: string; to: string }) =>
      [from, to].every((id) => ['v0', 'v1', 'v2'].includes(id))
    table.step('v0', { type: 'lead', term: 1 })
    table.passAll(near)
    table.step('v0', { type: 'save', request: 1, charter: charter(1) })
    table.passAll(near)
    const about = (name: string) => (sent: { message: { type: string } }) =>
      'nonce' in sent.message && String(sent.message.nonce).startsWith(name)
    const loses = (id: string) => {
      table.crash(id, { losesDisk: true })
      table.start(id)
    }
    loses('v0')
    table.passAll((sent) => about('v0#2')(sent) && !('nonce' in sent.message && sent.message.nonce.endsWith('/2')))
    loses('v1')
    table.later()
    table.passAll((sent) => about('v0#2')(sent) && near(sent) && ![sent.from, sent.to].includes('v2'))
    // The second one recovers, and a third one is lost: never more than two at one time.
    table.later()
    table.passAll(about('v1#2'))
    expect(table.disks.get('v1')?.entry?.version).toBe(1)
    loses('v2')
    table.later()
    table.passAll(about('v0#2'))
    expect(table.replica('v0').view()).toMatchObject({ blank: true, waitingFor: ['v1', 'v2'] })
    table.later()
    table.passAll()
    expect(table.disks.get('v0')?.entry?.version).toBe(1)
  })

  test('of five begins beside another one that is blank', () => {
    const table = saved(5)
    for (const id of ['v3', 'v4']) table.crash(id, { losesDisk: true })
    for (const id of ['v3', 'v4']) table.start(id)
    table.passAll()
    for (const id of ['v3', 'v4']) expect(table.disks.get(id)?.entry?.version).toBe(1)
  })

  test('of two begins with what the other one knows', () => {
    const table = saved(2)
    table.crash('v1', { losesDisk: true })
    table.start('v1')
    table.passAll()
    expect(table.disks.get('v1')?.entry?.version).toBe(1)
  })

  test('takes no answers to an earlier attempt, and none of those that are for somebody else', () => {
    const table = saved(3)
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    const nonce = 'v2#1/0/2'
    for (const from of ['v0', 'v1']) table.say('v2', from, { type: 'recovered', nonce, blank: false, promised: 0 })
    expect(table.replica('v2').view().blank).toBe(true)
  })

  test('is one that has the file of another store', () => {
    const table = saved(3)
    const record = table.disks.get('v2')
    table.crash('v2')
    if (record !== undefined) table.disks.set('v2', { ...record, storeId: 'store of somebody else', promised: 9 })
    table.start('v2')
    expect(table.replica('v2').view()).toMatchObject({ blank: true, promised: 0 })
    table.passAll()
    expect(table.disks.get('v2')).toMatchObject({ storeId: 'store of v2', promised: 1 })
  })

  test('may lead, and counts the others until it has recovered', () => {
    const table = saved(3)
    table.crash('v2', { losesDisk: true })
    table.start('v2')
    // What it asks in order to recover is lost, and what it asks as a leader is not.
    table.step('v2', { type: 'lead', term: 3 })
    table.passAll(({ message }) => message.type !== 'recover' || message.sender.id !== 'v2')
    expect(table.told.get('v2')).toMatchObject([{ type: 'led', term: 3, entry: { term: 1, version: 1 } }])
    expect(table.replica('v2').view().blank).toBe(true)
    table.step('v2', { type: 'save', request: 1, charter: charter(3) })
    table.later()
    table.passAll()
    expect(table.told.get('v2')?.at(-1)).toEqual({ type: 'saved', request: 1 })
    table.later()
    table.passAll()
    expect(table.disks.get('v2')).toMatchObject({ promised: 3, entry: { term: 3, version: 1 } })
  })
})

describe('a leader does not count', () => {
  /** v0 of five has stored a charter at v1, which loses its disk. */
  const halfDecided = () => {
    const table = saved(5)
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v1'))
    table.crash('v1', { losesDisk: true })
    return table
  }

  test('what a voter has stored, once that voter says that it is blank', () => {
    const table = halfDecided()
    table.start('v1')
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v1'))
    table.later()
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v2'))
    // It and v2 are two of five; with the lost answer they would be three.
    expect(table.told.get('v0')).not.toContainEqual({ type: 'saved', request: 2 })
    table.later()
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v3'))
    expect(table.told.get('v0')).toContainEqual({ type: 'saved', request: 2 })
  })

  test('an answer of the lost process that arrives later still', () => {
    const table = saved(5)
    table.step('v0', { type: 'save', request: 2, charter: charter(2) })
    const asked = table.said.filter(({ to }) => to === 'v1')
    table.said = asked
    table.step('v1', { type: 'message', from: 'v0', message: only(asked).message })
    const late = only(table.said.filter(({ from }) => from === 'v1'))
    expect(late.message.type).toBe('stored')
    table.said = []
    table.crash('v1', { losesDisk: true })
    table.start('v1')
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v1'))
    table.step('v0', { type: 'message', from: 'v1', message: late.message })
    table.later()
    table.passAll(({ from, to }) => [from, to].every((id) => id === 'v0' || id === 'v2'))
    expect(table.told.get('v0')).not.toContainEqual({ type: 'saved', request: 2 })
  })
})

test('voters without a store are never blank, and have the charter again after each of them has restarted', () => {
  const table = saved(3, { store: false })
  for (const id of ['v1', 'v2', 'v0']) {
    table.crash(id)
    table.start(id)
    expect(table.replica(id).view().blank).toBe(false)
    table.passAll()
    table.later()
    table.passAll()
  }
  table.step('v2', { type: 'lead', term: 2 })
  table.passAll()
  expect(table.told.get('v2')).toMatchObject([{ type: 'led', term: 2, entry: { charter: charter(1) } }])
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { DemoEvent } from '../../../src/demo/events.ts'
import type { Picture } from '../../../src/demo/group.ts'
import { PARTITIONS } from '../../../src/demo/results.ts'
import { parseView } from '../../../src/demo/views.ts'
import { Whole } from '../../../src/demo/whole.ts'
import { folderWith } from './folder.ts'

/** A group in which these members share everything. */
const groupOf = (...ids: string[]): Picture => ({
  state: 'settled',
  members: ids.map((id, at) => ({
    id,
    partitions: Array.from({ length: PARTITIONS }, (_, n) => n).filter((n) => n % ids.length === at),
  })),
})

const watching = () => {
  const world = { picture: groupOf('w1', 'w2') as Picture | undefined, expected: ['w1', 'w2'] }
  const told: DemoEvent[] = []
  const ended = new AbortController()
  const whole = new Whole({
    look: async () => world.picture,
    expected: () => world.expected,
    signal: ended.signal,
    tell: (event) => told.push(event),
    patiently: true,
  })
  const folder = folderWith()
  whole.begin(folder)
  return { world, told, ended, whole, folder }
}
const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 20_000 })
const viewsIn = (folder: string) =>
  readFileSync(join(folder, 'views.ndjson'), 'utf8').trimEnd().split('\n').map(parseView)

test('however many wait for the group to be whole, it is told once', async () => {
  const { whole, told, folder } = watching()
  expect(whole.isSo).toBe(false)
  await Promise.all([whole.again(0), whole.again(0)])
  expect(told).toMatchObject([{ type: 'whole', moved: 0, shares: { w1: PARTITIONS / 2, w2: PARTITIONS / 2 } }])
  expect([whole.isSo, viewsIn(folder).length]).toEqual([true, 1])
  whole.close()
})

test('who watches hears of everybody who comes and goes, and nothing of the end', async () => {
  const { whole, world, told } = watching()
  const watched = whole.watch()
  await until(() => told.length === 1)
  world.expected = ['w1']
  await until(() => !whole.isSo)
  world.picture = groupOf('w1')
  await until(() => told.length === 2)
  expect(told[1]).toMatchObject({ shares: { w1: PARTITIONS }, moved: PARTITIONS / 2, minimumMoves: PARTITIONS / 2 })
  world.expected = []
  whole.close()
  world.picture = groupOf()
  await watched
  expect([told.length, whole.isClosed]).toEqual([2, true])
  await expect(whole.again(0)).rejects.toThrow()
})

test('what ends the demo ends every wait with its reason', async () => {
  const { whole, world, ended } = watching()
  world.picture = undefined
  const waiting = expect(whole.again(0)).rejects.toThrow('enough')
  ended.abort(new Error('enough'))
  await waiting
})

test('a new round begins with who has what', async () => {
  const { whole, folder } = watching()
  await whole.again(0)
  const next = folderWith()
  whole.begin(next)
  expect(viewsIn(next)).toEqual(viewsIn(folder))
  whole.close()
})

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LineLog, LogReader } from '../../../src/demo/log.ts'
import { folderWith } from './folder.ts'

test('a reader gives each line once, of every log whose name begins so', () => {
  const folder = folderWith()
  const one = new LineLog(join(folder, 'results-w1.ndjson'))
  const reader = new LogReader(folder, 'results-')
  expect(reader.lines()).toEqual([])
  one.append([{ n: 1 }, { n: 2 }])
  expect(reader.lines()).toEqual(['{"n":1}', '{"n":2}'])
  const two = new LineLog(join(folder, 'results-w2.ndjson'))
  const other = new LineLog(join(folder, 'intervals-w2.ndjson'))
  two.append([{ n: 3 }])
  other.append([{ n: 4 }])
  one.append([])
  expect(reader.lines()).toEqual(['{"n":3}'])
  for (const log of [one, two, other]) log.close()
})

test('a line that was cut off by kill -9 is not taken for one', () => {
  const folder = folderWith({ 'results-w1.ndjson': '{"n":1}\n{"n":2' })
  const reader = new LogReader(folder, 'results-')
  expect(reader.lines()).toEqual(['{"n":1}'])
  expect(reader.lines()).toEqual([])
})

test('a line of which a part was there already is read as a whole, also through a character of several bytes', () => {
  const folder = folderWith({ 'results-w1.ndjson': '' })
  const file = join(folder, 'results-w1.ndjson')
  const reader = new LogReader(folder, 'results-')
  const bytes = Buffer.from('{"path":"日本"}\n')
  appendFileSync(file, bytes.subarray(0, 10))
  expect(reader.lines()).toEqual([])
  appendFileSync(file, bytes.subarray(10))
  expect(reader.lines()).toEqual(['{"path":"日本"}'])
})

test('nobody writes into the log of somebody else', () => {
  const folder = folderWith({ 'results-w1.ndjson': '' })
  expect(() => new LineLog(join(folder, 'results-w1.ndjson'))).toThrow('EEXIST')
})

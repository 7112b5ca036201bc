import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { partitionOf } from '../../../src/core/hash.ts'
import { Hasher, type Ownership } from '../../../src/demo/hasher.ts'
import type { FromWorker } from '../../../src/demo/messages.ts'
import { PARTITIONS, type Result } from '../../../src/demo/results.ts'
import { readIntervals } from '../../../src/testing/intervals.ts'
import { folderWith } from './folder.ts'

const FILES = ['a', 'b', 'c', 'd', 'e', 'f']
const partition = (path: string) => partitionOf(path, PARTITIONS)

let folder: string
let dir: string
let over: AbortController
let running: Promise<void> | undefined
let said: FromWorker[]
beforeEach(() => {
  folder = folderWith()
  dir = folderWith(Object.fromEntries(FILES.map((path) => [path, path])))
  over = new AbortController()
  said = []
})
afterEach(async () => {
  over.abort()
  await running
})

const everything = () => new Map(FILES.map((path) => [partition(path), 5]))
const owning = (held: () => ReadonlyMap<number, number>): Ownership => ({
  held,
  token: (key) => held().get(partition(key)),
})
const start = (ownership: Ownership, released = FILES.length) => {
  const order = { id: 'w9', reach: { type: 'servers' as const, urls: [] }, group: 'demo', folder, dir }
  const hasher = new Hasher(order, FILES, ownership, (message) => said.push(message))
  hasher.release(released)
  running = hasher.run(over.signal)
  return hasher
}
const results = (): Result[] =>
  readFileSync(join(folder, 'results-w9.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
const paths = () => results().map(({ path }) => path)
/** Waits for a state, however long the machine takes. */
const until = async (isSo: () => boolean) => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}
/** Long enough for a mistake to show, and short enough if there is none. */
const aFewTurns = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a worker', () => {
  test('stops for good when its round is over, whatever is released then', async () => {
    const hasher = start(owning(everything), 2)
    await until(() => results().length === 2)
    hasher.close()
    hasher.release(FILES.length)
    await running
    expect(results()).toHaveLength(2)
  })

  test('hashes the files that it owns, in the order of the list, each with the epoch of its grant', async () => {
    start(owning(everything))
    await until(() => results().length === FILES.length)
    expect(paths()).toEqual(FILES)
    expect(results()[0]).toMatchObject({ path: 'a', epoch: 5, who: 'w9', bytes: 1, partition: partition('a') })
  })

  test('begins no file before its time', async () => {
    const hasher = start(owning(everything), 2)
    await until(() => results().length === 2)
    await aFewTurns()
    expect(paths()).toEqual(['a', 'b'])
    hasher.release(3)
    await until(() => results().length === 3)
  })

  test('leaves files of others alone', async () => {
    start(owning(() => new Map([[partition('b'), 7]])))
    await until(() => results().length > 0)
    await aFewTurns()
    expect(paths()).toEqual(['b'])
  })

  test('says nothing about a file that it lost while it hashed it', async () => {
    let asked = 0
    const ownership = owning(everything)
    start({ held: ownership.held, token: (key) => (key === 'a' && ++asked > 1 ? undefined : ownership.token(key)) })
    await until(() => results().length === 0 && asked > 3)
    expect(paths()).not.toContain('a')
  })

  test('that takes a partition over reads what its earlier owner has done, and does the rest', async () => {
    const done = {
      path: 'a',
      partition: partition('a'),
      epoch: 2,
      who: 'w1',
      hash: 'f'.repeat(64),
      bytes: 1,
      mtimeMs: 1,
    }
    appendFileSync(join(folder, 'results-w1.ndjson'), `${JSON.stringify(done)}\n{"path":"b"`)
    start(owning(everything))
    await until(() => results().length === FILES.length - 1)
    expect(paths()).toEqual(FILES.slice(1))
  })

  test('says why a file has no hash', async () => {
    dir = folderWith({ a: 'a' })
    start(owning(everything))
    await until(() => results().length === FILES.length)
    expect(results()[1]).toMatchObject({ path: 'b', problem: 'vanished', epoch: 5 })
  })

  test('claims what it holds before its first result, and nothing more once it has finished', async () => {
    const hasher = start(owning(everything))
    await until(() => results().length === FILES.length)
    hasher.finish()
    const claims = readIntervals(join(folder, 'intervals-w9.ndjson'))
    expect(new Set(claims.map(({ what }) => what)).size).toBe(everything().size)
    expect(claims.every(({ who, epoch }) => who === 'w9' && epoch === 5)).toBe(true)
    await aFewTurns()
    expect(readIntervals(join(folder, 'intervals-w9.ndjson'))).toEqual(claims)
  })
})

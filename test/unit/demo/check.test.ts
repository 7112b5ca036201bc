import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { partitionOf } from '../../../src/core/hash.ts'
import { check } from '../../../src/demo/check.ts'
import { thing } from '../../../src/demo/claims.ts'
import { PARTITIONS } from '../../../src/demo/results.ts'
import { faultsOf, summaryOf } from '../../../src/demo/summary.ts'
import { formatSums } from '../../../src/demo/sums.ts'
import { folderWith } from './folder.ts'

const HASH = 'a'.repeat(64)
const partition = (path: string) => partitionOf(path, PARTITIONS)

/** A run of two workers over two files, after which nothing is wrong until a test spoils something. */
let dir: string
let folder: string
let results: object[]
let intervals: object[]
let sums: { path: string; hash: string }[]

const result = (path: string, over: object = {}) => {
  const { size, mtimeMs } = statSync(join(dir, path))
  return { path, partition: partition(path), epoch: 3, who: 'w1', hash: HASH, bytes: size, mtimeMs, ...over }
}
const claim = (path: string, over: object = {}) => {
  return { who: 'w1', what: thing(partition(path)), epoch: 3, startNs: 100, endNs: 200, ...over }
}

beforeEach(() => {
  dir = folderWith({ 'a.txt': 'a', 'sub/b.txt': 'b' })
  folder = folderWith()
  results = [result('a.txt'), result('sub/b.txt')]
  intervals = [claim('a.txt'), claim('sub/b.txt')]
  sums = [
    { path: 'a.txt', hash: HASH },
    { path: 'sub/b.txt', hash: HASH },
  ]
})

const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('')

const judge = async (torn = '') => {
  const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text)
  write('files.ndjson', lines(['a.txt', 'sub/b.txt']))
  write('results-w1.ndjson', lines(results) + torn)
  write('intervals-w1.ndjson', lines(intervals) + torn)
  write('views.ndjson', lines([{ members: ['w1'], owners: ['w1'] }]))
  write('SHA256SUMS', formatSums(sums))
  return await check({ folder, dir, output: join(folder, 'SHA256SUMS'), isOurs: () => false })
}

describe('the check holds', () => {
  test('when every file is there once and had one owner', async () => {
    const report = await judge()
    expect(report).toMatchObject({
      ok: true,
      files: 2,
      hashed: 2,
      missing: [],
      duplicates: [],
      overlaps: [],
      faults: [],
    })
    expect(summaryOf(report, { killed: 1, frozen: 1, joined: 1 })).toEqual({
      type: 'summary',
      ok: true,
      files: 2,
      hashed: 2,
      missing: 0,
      duplicates: 0,
      overlaps: 0,
      killed: 1,
      frozen: 1,
      joined: 1,
      moved: 0,
      minimumMoves: 0,
    })
  })

  test('when somebody was killed in the middle of a line', async () => {
    expect(await judge('{"path":"sub')).toMatchObject({ ok: true })
  })

  test('when a later owner did a file again', async () => {
    results.push(result('a.txt', { epoch: 5, who: 'w2' }))
    intervals.push(claim('a.txt', { epoch: 5, who: 'w2', startNs: 300, endNs: 400 }))
    expect(await judge()).toMatchObject({ ok: true, hashed: 2, again: 1 })
  })

  test('when a file vanished or changed after it was hashed, could not be read, or appeared: it says so', async () => {
    rmSync(join(dir, 'a.txt'))
    writeFileSync(join(dir, 'sub/b.txt'), 'longer')
    writeFileSync(join(dir, 'new'), 'new')
    sums = []
    expect(await judge()).toMatchObject({
      ok: true,
      hashed: 0,
      reported: [
        { path: 'a.txt', reason: 'vanished' },
        { path: 'sub/b.txt', reason: 'changed after it was hashed' },
      ],
      appeared: ['new'],
    })
    const { hash, ...unread } = result('sub/b.txt')
    expect(hash).toBe(HASH)
    results = [results[0] ?? {}, { ...unread, problem: 'may not be read' }]
    expect((await judge()).reported.at(1)).toEqual({ path: 'sub/b.txt', reason: 'may not be read' })
  })
})

describe('the check fails', () => {
  const faults = async () => {
    const report = await judge()
    expect(report.ok).toBe(false)
    return faultsOf(report)
  }

  test('when a file was left out of the output', async () => {
    sums.pop()
    expect(await faults()).toEqual(['left out: sub/b.txt'])
  })

  test('when nobody ever did a file', async () => {
    results.pop()
    sums.pop()
    expect(await faults()).toEqual(['left out: sub/b.txt'])
  })

  test('when a file is in the output twice', async () => {
    sums.push({ path: 'a.txt', hash: HASH })
    expect(await faults()).toEqual(['done twice: a.txt'])
  })

  test('when a file was done twice under one grant', async () => {
    results.push(result('a.txt'))
    expect(await faults()).toEqual(['done twice: a.txt'])
  })

  test('when two owned a partition at one instant', async () => {
    intervals.push(claim('a.txt', { who: 'w2', epoch: 4, startNs: 150, endNs: 1e6 }))
    expect(await faults()).toEqual([
      `two owners of ${thing(partition('a.txt'))}: w1 (epoch 3) and w2 (epoch 4) for 0.0 ms`,
    ])
  })

  test('when somebody worked without ever owning the partition', async () => {
    intervals.shift()
    expect(await faults()).toEqual(['w1 hashed a.txt at epoch 3, under which it never owned its partition'])
  })

  test('when the output says something else than the logs', async () => {
    sums = [{ path: 'a.txt', hash: 'b'.repeat(64) }, ...sums.slice(1), { path: 'c', hash: HASH }]
    expect(await faults()).toEqual([
      'the output has another hash for a.txt than the logs',
      'the output has c, which was not in the list of files',
    ])
  })

  test('when a line in the middle of a log is no result, or a claim is none', async () => {
    results.unshift({ path: 'a.txt' })
    expect(await faults()).toEqual(['a line of a result log is no result: {"path":"a.txt"}'])
    results.shift()
    intervals.unshift({ who: 'w1' })
    await expect(judge()).rejects.toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT' })
  })
})

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ElectionRecord } from '../../../src/core/election/record.ts'
import { voterStore } from '../../../src/stores/voter-store.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-voter-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const own = { cluster: 'c', voter: 'a' }
const record: ElectionRecord = {
  cluster: 'c',
  voter: 'a',
  voters: ['a', 'b'],
  storeId: 's',
  base: 7,
  founding: undefined,
  complete: false,
  term: 3,
  vote: { id: 'b', bootId: 'x' },
  promiseMs: 750.5,
}
const file = () => join(directory, 'election.json')
const saved = async () => {
  const store = await voterStore(directory, own)
  await store.save(record)
  await store.close()
}
const reopened = async () => {
  const store = await voterStore(directory, own)
  await store.close()
  return store.found
}

describe('what a voter must remember', () => {
  test('is found again, the latest of all that was saved, and nothing else is left behind', async () => {
    const store = await voterStore(join(directory, 'new', 'one'), own)
    expect(store.found).toBeUndefined()
    await Promise.all([1, 2, 3].map((term) => store.save({ ...record, term })))
    await store.close()
    const again = await voterStore(join(directory, 'new', 'one'), own)
    const { founding: _none, ...kept } = record
    expect(again.found).toEqual(kept)
    await again.close()
    expect(readdirSync(join(directory, 'new', 'one'))).toEqual(['election.json'])
  })

  test('belongs to one process at a time', async () => {
    const store = await voterStore(directory, own)
    await expect(voterStore(directory, own)).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    await store.close()
    await expect(store.save(record)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  test.each([
    ['another voter', { cluster: 'c', voter: 'b' }],
    ['another cluster', { cluster: 'd', voter: 'a' }],
  ])('is not that of %s', async (_who, other) => {
    await saved()
    await expect(voterStore(directory, other)).rejects.toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining('is that of the voter "a" of the cluster "c"'),
    })
    expect(await reopened()).toMatchObject({ term: 3 })
  })

  test('is not written once somebody else has the directory', async () => {
    const store = await voterStore(directory, own)
    await store.save(record)
    writeFileSync(join(directory, 'lock'), JSON.stringify({ bootId: 'other', pid: 1, token: 'other' }))
    await expect(store.save({ ...record, term: 4 })).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    await store.close()
    expect(JSON.parse(readFileSync(file(), 'utf8')).record.term).toBe(3)
  })
})

describe('a damaged record stops the voter, and the directory is free again', () => {
  test.each<[string, (text: string) => string]>([
    ['cut off', (text) => text.slice(0, 40)],
    ['empty', () => ''],
    ['with another term', (text) => text.replace('"term": 3', '"term": 4')],
    ['without a checksum', (text) => text.replace('checksum', 'sum')],
    ['of no version', (text) => text.replace('"version": 1', '"version": "1"')],
    ['something else', () => '[]'],
  ])('%s', async (_what, change) => {
    await saved()
    writeFileSync(file(), change(readFileSync(file(), 'utf8')))
    await expect(voterStore(directory, own)).rejects.toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: expect.stringMatching(/election\.json is damaged.*Do not put back an old copy/),
    })
    expect(existsSync(join(directory, 'lock'))).toBe(false)
  })

  test('one of a newer version says so', async () => {
    await saved()
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"version": 1', '"version": 2'))
    await expect(voterStore(directory, own)).rejects.toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
  })
})

describe('a voter’s copy of the charter', () => {
  const entry = {
    term: 3,
    version: 2,
    charter: {
      instanceId: 'i',
      foundation: {
        generation: 9,
        defaultCeilingMs: 1_000,
        ceilingsMs: { g: 2_000 },
        orders: { g: { frozen: true as const, pins: { 4: 'a' }, drained: ['boot'] } },
        roll: { g: ['boot'] },
      },
    },
  }
  const charter = () => join(directory, 'charter.json')
  const kept = { storeId: 's', promised: 4, entry }

  test('is found again beside what it voted, under the same lock', async () => {
    const store = await voterStore(directory, own)
    expect(store.charter.found).toBeUndefined()
    await Promise.all([store.save(record), store.charter.save({ storeId: 's', promised: 1 }), store.charter.save(kept)])
    await store.close()
    await expect(store.charter.save(kept)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    const again = await voterStore(directory, own)
    expect([again.found?.term, again.charter.found]).toEqual([3, kept])
    await again.close()
    expect(readdirSync(directory).toSorted()).toEqual(['charter.json', 'election.json'])
  })

  test.each([
    ['half of it', (text: string) => text.slice(0, text.length / 2)],
    ['another term than was written', (text: string) => text.replace('"promised": 4', '"promised": 5')],
    ['nothing', () => ''],
  ])('%s stops the voter at the start, and gives the directory back', async (_, damage) => {
    const store = await voterStore(directory, own)
    await store.charter.save(kept)
    await store.close()
    writeFileSync(charter(), damage(readFileSync(charter(), 'utf8')))
    const refused = await voterStore(directory, own).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: expect.stringContaining('charter.json is damaged'),
    })
    rmSync(charter())
    await (await voterStore(directory, own)).close()
  })
})

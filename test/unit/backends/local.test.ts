import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Caucus, connect, local } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let directory: string
const open: Caucus[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-local-'))
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((caucus) => caucus.close()))
  rmSync(directory, { recursive: true, force: true })
})
const joined = async (options = {}): Promise<Caucus> => {
  const caucus = await connect(local({ directory, timing: 'local', ...options }))
  open.push(caucus)
  return caucus
}
const files = () => readdirSync(directory).sort()
/** Of whoever coordinates. */
const doorFile = () => join(directory, files().findLast((name) => name.endsWith('.door')) ?? 'none')
const door = () => JSON.parse(readFileSync(doorFile(), 'utf8'))

describe('connections by local()', () => {
  test('are of one cluster, which says what it promises', async () => {
    const [a, b] = [await joined(), await joined()]
    const one = await a.group('g').join({ id: 'one' })
    const two = await b.group('g').join({ id: 'two' })
    await Promise.all([one.settled(), two.settled()])
    expect([one.slot?.total, two.slot?.total]).toEqual([2, 2])
    expect(a.guarantees).toEqual({ exclusion: 'fenced', survivesRestart: true, survivesPartition: false })
  })

  test('go on when the one that coordinates is closed, and nothing moves that need not', async () => {
    const [a, b] = [await joined(), await joined()]
    const partitions = 8
    const one = await b.group('g').join({ id: 'one', share: { partitions } })
    await one.settled()
    const epochs = one.partitions.map((partition) => one.epoch(partition))
    await a.close()
    const two = await b.group('other').join({ id: 'two' })
    await two.settled()
    expect(one.partitions.map((partition) => one.epoch(partition))).toEqual(epochs)
    expect((await b.groups()).map(({ name }) => name).sort()).toEqual(['g', 'other'])
  })

  test('are let in by a token that nobody else can read', async () => {
    await joined()
    const { url, token } = door()
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(statSync(doorFile()).mode & 0o777).toBe(0o600)
    expect((await fetch(`${url}/v1/groups`)).status).toBe(401)
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${url}/v1/groups`, { headers })).status).toBe(200)
  })

  test('find whoever coordinates also after somebody removed its address, or spoilt it', async () => {
    await joined()
    for (const spoil of [() => rmSync(doorFile()), () => writeFileSync(doorFile(), '{')]) {
      spoil()
      await (await joined()).groups()
    }
    expect(files().filter((name) => name.endsWith('.door'))).toHaveLength(1)
  })

  test('begin a directory that was made anew with higher numbers: what is still done in the former one meets no file of it', async () => {
    const a = await joined()
    const [before = ''] = files()
    rmSync(directory, { recursive: true })
    await expect.poll(() => existsSync(directory) && files().some((name) => name.endsWith('.door'))).toBe(true)
    expect(Number(files()[0]?.slice('term-'.length))).toBeGreaterThan(Number(before.slice('term-'.length)))
    expect(files().filter((name) => name.endsWith('.over'))).toEqual([])
    await a.groups()
  })

  test('say who is there, and find each other’s services and topics', async () => {
    const [a, b] = [await joined(), await joined()]
    await a.topic('price').produce(() => 7)
    await expect.poll(async () => (await b.topic('price').gather({}, { withinMs: 1_000 })).replies.length).toBe(1)
    await a.service('web').register({ id: 'x', host: '127.0.0.1', port: 80 })
    expect((await b.service('web').instances()).map(({ id }) => id)).toEqual(['x'])
  })

  test('leave nothing behind but what has to be found again', async () => {
    const a = await joined()
    await a.close()
    const [term = ''] = files()
    expect(files()).toEqual([term, `${term}.over`, `${term}.record`])
    await a.close()
  })

  test('are refused while what is stored cannot be read, with where and what to do', async () => {
    await (await joined()).close()
    const [term = ''] = files()
    writeFileSync(join(directory, `${term}.record`), 'damaged')
    // Each of them tries it, and nothing piles up by that.
    for (const _try of [1, 2, 3]) {
      await expect(joined({ connectTimeoutMs: 300 })).rejects.toMatchObject({
        code: 'CAUCUS_UNAVAILABLE',
        message: expect.stringContaining(`${term}.record is damaged`),
      })
    }
    expect(files()).toHaveLength(3)
  })

  test('are given up with the signal that ends the wait', async () => {
    const over = AbortSignal.abort(new Error('not any more'))
    await expect(connect(local({ directory }), { signal: over })).rejects.toThrow('not any more')
    writeFileSync(join(directory, 'term-1.record'), 'damaged')
    const later = new AbortController()
    const connecting = connect(local({ directory }), { signal: later.signal })
    later.abort(new Error('no time'))
    await expect(connecting).rejects.toThrow('no time')
  })
})

test('under the temporary directory no more is said than `leased`', async () => {
  const name = `test-${process.pid}`
  const caucus = await connect(local({ name, timing: 'local' }))
  expect(caucus.guarantees).toEqual({ exclusion: 'leased', survivesRestart: true, survivesPartition: false })
  await caucus.close()
  rmSync(join(tmpdir(), `caucus-${process.geteuid?.()}`, name), { recursive: true })
})

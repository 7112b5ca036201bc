import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sumsOf, writeSums } from '../../../src/demo/output.ts'
import { ResultTable } from '../../../src/demo/results.ts'
import { setStage } from '../../../src/demo/stage.ts'
import { folderWith } from './folder.ts'

const never = new AbortController().signal
const set = (options: { input?: string; output?: string }) =>
  setStage({ workers: 1, kill: 0, backend: 'peer', ...options }, never)

describe('before anything is started', () => {
  test('the files are listed, without those that the demo itself writes', async () => {
    const input = folderWith({ a: '', SUMS: 'of the last time' })
    const stage = await set({ input, output: join(input, 'SUMS') })
    expect(stage.first.files).toEqual(['a'])
    stage.clear()
    expect(existsSync(dirname(stage.folder))).toBe(false)
  })

  test('each round has the files that are there when it begins, and of those before only the last is kept', async () => {
    const input = folderWith({ a: '' })
    const stage = await set({ input })
    const listOf = (folder: string) => readFileSync(join(folder, 'files.ndjson'), 'utf8')
    expect(listOf(stage.first.folder)).toBe('"a"\n')
    writeFileSync(join(input, 'b'), '')
    const second = await stage.nextRound(2, never)
    expect([second.files, listOf(second.folder)]).toEqual([['a', 'b'], '"a"\n"b"\n'])
    const third = await stage.nextRound(3, never)
    expect([stage.first, second, third].map(({ folder }) => existsSync(folder))).toEqual([false, true, true])
    rmSync(join(input, 'a'))
    rmSync(join(input, 'b'))
    await expect(stage.nextRound(4, never)).rejects.toThrow('has no regular file')
    stage.clear()
  })

  test('without a folder, the installed dependencies are taken', async () => {
    const stage = await set({})
    expect(stage.dir).toMatch(/node_modules$/)
    expect(stage.first.files.length).toBeGreaterThan(100)
    stage.clear()
  })

  test('only the list of checksums stays of a run without --output', async () => {
    const stage = await set({ input: folderWith({ a: '' }) })
    writeFileSync(stage.output, '')
    stage.clear()
    expect([existsSync(stage.output), existsSync(stage.folder)]).toEqual([true, false])
    rmSync(dirname(stage.output), { recursive: true })
  })

  test('a folder that cannot be used is refused by name', async () => {
    const folder = folderWith({ file: '' })
    mkdirSync(join(folder, 'empty'))
    const refused = (input: string) => expect(set({ input })).rejects
    await refused(join(folder, 'gone')).toThrow(`--input ${join(folder, 'gone')}: does not exist`)
    await refused(join(folder, 'file')).toThrow('is not a folder')
    await refused(join(folder, 'empty')).toThrow('has no regular file')
    await refused(join(folder, 'empty')).toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT' })
  })

  test('an output that could not be written at the end is refused now', async () => {
    const input = folderWith({ file: '' })
    const refused = (output: string) => expect(set({ input, output })).rejects
    await refused(join(input, 'gone', 'SUMS')).toThrow(`the folder ${join(input, 'gone')} does not exist`)
    await refused(input).toThrow('is not a regular file')
    await refused('/dev/null').toThrow('is not a regular file')
  })

  test('an output behind a link is written where the link leads', async () => {
    const input = folderWith({ file: '', real: '' })
    symlinkSync(join(input, 'real'), join(input, 'link'))
    const stage = await set({ input, output: join(input, 'link') })
    expect(stage.output).toBe(join(input, 'real'))
    stage.clear()
  })
})

test('three voters know each other, and each keeps what it promised in a folder of its own', async () => {
  const stage = await set({ input: folderWith({ a: '' }) })
  const files = stage.servers.map(({ args }) =>
    JSON.parse(readFileSync(args[args.indexOf('--config') + 1] ?? '', 'utf8')),
  )
  expect(files.map(({ identifier }) => identifier)).toEqual(['peer-1', 'peer-2', 'peer-3'])
  for (const { identifier, listen_port: port, peers } of files) {
    expect(peers).toEqual(files[0].peers)
    expect(peers).toContainEqual({ identifier, host: '127.0.0.1', port })
  }
  expect(new Set(stage.servers.map(({ args }) => args[args.indexOf('--data-dir') + 1])).size).toBe(3)
  stage.clear()
})

describe('the output', () => {
  test('replaces the old one as a whole', async () => {
    const folder = folderWith({ SUMS: 'old' })
    await writeSums(join(folder, 'SUMS'), [{ path: 'a', hash: 'f'.repeat(64) }])
    expect(readFileSync(join(folder, 'SUMS'), 'utf8')).toBe(`${'f'.repeat(64)}  a\n`)
  })

  test('has only what is still true', async () => {
    const dir = folderWith({ a: 'a', b: 'b' })
    const results = new ResultTable()
    const common = { partition: 0, epoch: 1, who: 'w1', hash: 'f'.repeat(64), bytes: 1 }
    for (const path of ['a', 'b', 'gone']) results.add({ ...common, path, mtimeMs: 1 })
    expect(await sumsOf(dir, results)).toEqual([])
  })
})

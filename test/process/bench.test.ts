import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { repository } from './support/processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const inFolder = (name: string) => join(folder, name)
const bench = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/run.mjs', ...args], {
    cwd: repository,
    encoding: 'utf8',
    timeout: 50_000,
  })
  return { status, stdout, stderr }
}
const rowsIn = (file: string): Record<string, unknown>[] => JSON.parse(readFileSync(file, 'utf8'))

describe('npm run bench', () => {
  test('measures real member processes around a real server, and writes down what it found', () => {
    const [json, table, pictures] = ['leave.json', 'leave.md', 'pictures'].map(inFolder)
    const args = [
      'leave',
      'keysMoved',
      '--quick',
      '--json',
      `${json}`,
      '--table',
      `${table}`,
      '--pictures',
      `${pictures}`,
    ]
    const { status, stdout } = bench(...args)
    expect(status).toBe(0)
    const [leave, keys] = rowsIn(`${json}`)
    for (const row of [leave, keys]) {
      // The figures are the machine's; that there are any is ours.
      expect(row).toMatchObject({
        row: expect.any(String),
        ours: expect.any(Number),
        floor: expect.any(Number),
        others: expect.any(Object),
        ratio: expect.any(Number),
        target: expect.any(String),
        ok: expect.any(Boolean),
        unit: expect.any(String),
      })
      expect(stdout).toContain(row?.row)
      expect(readFileSync(`${table}`, 'utf8')).toContain(`| ${String(row?.row)} | `)
    }
    expect(keys).toMatchObject({ ok: true, unit: '%' })
    expect(readFileSync(join(`${pictures}`, 'hand-over.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(existsSync(join(`${pictures}`, 'change.svg'))).toBe(false)
  })

  test('asks responders in real processes, through our server and past it', { timeout: 60_000 }, () => {
    const json = inFolder('silent.json')
    const { status, stdout, stderr } = bench('silentResponder', '--quick', '--json', json)
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) })
    const [row] = rowsIn(json)
    // That the silent one is named does not depend on the machine.
    expect(row).toMatchObject({ floor: 100, unit: 'ms', details: { 'Caucus names it': '5 of 5' } })
    expect(Object.keys(row?.others as object)).toEqual(expect.arrayContaining(['direct ws', 'direct TCP']))
    expect(stdout).toContain('one silent of 10')
    // Where there is no NATS, that is said.
    expect(Object.hasOwn(row?.others as object, 'NATS') || stderr.includes('nats: skipped')).toBe(true)
  })

  test('has real voters hand over, and draws how long that took', { timeout: 60_000 }, () => {
    const json = inFolder('transfer.json')
    const { status, stderr } = bench('transfer', '--quick', '--json', json, '--pictures', inFolder('transferred'))
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) })
    const [row] = rowsIn(json)
    expect(row).toMatchObject({ ours: expect.any(Number), floor: null, unit: 'ms', details: { runs: 3 } })
    const picture = readFileSync(join(inFolder('transferred'), 'failover.svg'), 'utf8')
    expect(picture).toContain('planned transfer')
    expect(existsSync(join(inFolder('transferred'), 'hand-over.svg'))).toBe(false)
  })

  test('draws rates and latencies of dispatch beside one another', () => {
    const json = inFolder('dispatch.json')
    const series = {
      rates: { Caucus: 3_000, NATS: 1_500 },
      shares: [0.01, 0.5, 0.99],
      latencies: { Caucus: [0.2, 0.3, 0.9], NATS: [0.4, 0.6, 1.2] },
    }
    const row = { row: 'dispatch across processes, fan-out 10, 1 in flight', ours: 3_000, floor: 4_000, others: {} }
    const rows = [{ ...row, ratio: 2, target: '≥ 1.5 × NATS', ok: true, unit: 'requests/s', series }]
    writeFileSync(json, JSON.stringify(rows))
    const { status } = bench('--from', json, '--pictures', inFolder('dispatched'))
    expect(status).toBe(0)
    expect(readFileSync(join(inFolder('dispatched'), 'dispatch.svg'), 'utf8')).toContain('2.00')
    expect(readFileSync(join(inFolder('dispatched'), 'dispatch-latency.svg'), 'utf8')).toContain('fan-out 10')
  })

  test('draws what was measured before', () => {
    const json = inFolder('change.json')
    const points = { n: 10, moved: 10, messages: 40, bytes: 9_000, ms: 0.3 }
    const row = { row: 'a join or a leave in a group of 10, index', ours: 0.3, floor: null, others: {}, ratio: 0.1 }
    const series = { index: points }
    writeFileSync(json, JSON.stringify([{ ...row, target: 'a few', ok: true, unit: 'ms', series }]))
    const { status } = bench('--from', json, '--pictures', inFolder('redrawn'))
    expect(status).toBe(0)
    expect(readFileSync(join(inFolder('redrawn'), 'change.svg'), 'utf8')).toContain('One join or leave')
  })

  test('--help names every set, row and option', () => {
    const { status, stdout } = bench('--help')
    expect(status).toBe(0)
    for (const name of [
      'groups:',
      'memory',
      'heartbeats',
      'liveMembers',
      'dispatchAcross',
      'cluster:',
      'failover',
      '--quick',
      '--json',
      '--minutes',
    ]) {
      expect(stdout).toContain(name)
    }
  })

  test.each([
    [['heartbeat'], '"heartbeat" is neither a set of rows nor a row'],
    [['toString'], '"toString" is neither a set of rows nor a row'],
    [['--fast'], "Unknown option '--fast'"],
    [['memory', '--minutes', 'an hour'], '--minutes takes a number above 0'],
    [['leave', '--minutes', '5'], '--minutes and --log are for the row "memory"'],
    [['leave', '--from', 'x.json'], '--from measures nothing'],
  ])('refuses %j', (args, problem) => {
    const { status, stdout, stderr } = bench(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(problem)
    expect(stderr).toContain('Usage:')
  })

  test('says which file has no rows in it', () => {
    const file = inFolder('other.json')
    writeFileSync(file, '{}')
    const { status, stderr } = bench('--from', file)
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `bench: ${file} has no rows; give what --json has written\n`,
    })
  })
})

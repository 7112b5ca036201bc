import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, remote } from 'caucus'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { endAll, type Running, repository, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const LEASE_NS = 2e9
const TIMING = ['--timeout', '2', '--settle', '0.2', '--fresh']

interface Line {
  readonly who: string
  readonly held: boolean
  readonly token?: number
  readonly atNs: number
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-elections-'))
})
afterEach(async () => {
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

const logOf = (id: string) => join(folder, `${id}.ndjson`)
/** The last line may be in the middle of being written. */
const linesOf = (id: string): Line[] =>
  existsSync(logOf(id))
    ? readFileSync(logOf(id), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    : []
const start = (id: string, url: string): Running =>
  startNode([join(repository, 'test/process/support/leader.mjs'), url, id, logOf(id)])
const leads = (id: string): Promise<Line> =>
  waitFor(`${id} to lead`, () => {
    const last = linesOf(id).at(-1)
    return last?.held ? last : undefined
  })

/** A server, a leader `a`, and `b` that waits. */
const startPair = async () => {
  const { url } = await startServer(TIMING)
  const a = start('a', url)
  await leads('a')
  const b = start('b', url)
  const caucus = await connect(remote(url))
  onTestFinished(() => caucus.close())
  await waitFor('b to be a candidate', async () => (await caucus.group('election/e').view())?.members.length === 2)
  return { a, b, caucus }
}

/** Intervals between two lines that both say that it leads, under one token: it led all the time in between. */
const reignsOf = (id: string) => {
  const lines = linesOf(id)
  return lines.flatMap((line, n) => {
    const before = lines[n - 1]
    return line.held && before?.held && before.token === line.token
      ? [{ from: before.atNs, to: line.atNs, token: line.token ?? 0 }]
      : []
  })
}

const overlaps = (one: string, other: string) => {
  const theirs = reignsOf(other)
  return reignsOf(one).filter((mine) => theirs.some(({ from, to }) => from < mine.to && mine.from < to))
}

describe('a leader in a process of its own', () => {
  test('that is killed is followed when its lease has run out, by one with a higher token', async () => {
    const { a, caucus } = await startPair()
    a.signal('SIGKILL')
    const { token = 0, atNs } = await leads('b')
    const last = linesOf('a').findLast(({ held }) => held)
    expect(token).toBeGreaterThan(last?.token ?? Number.POSITIVE_INFINITY)
    expect(atNs).toBeGreaterThan(last?.atNs ?? Number.POSITIVE_INFINITY)
    expect(overlaps('a', 'b')).toEqual([])
    expect(await caucus.election('e').leader()).toMatchObject({ id: 'b', token })
  })

  test('that is stopped past its lease knows on waking, before anything else, that it leads no more', async () => {
    const { a, b } = await startPair()
    a.signal('SIGSTOP')
    await leads('b')
    const before = linesOf('a').length
    a.signal('SIGCONT')
    const woken = await waitFor('a to say something', () => linesOf('a')[before])
    // The line that it was about to write when it was stopped says what was true then.
    const gap = woken.atNs - (linesOf('a')[before - 1]?.atNs ?? 0)
    const first = gap > LEASE_NS / 2 ? woken : await waitFor('a to say more', () => linesOf('a')[before + 1])
    expect(first.held).toBe(false)
    await b.stop('SIGKILL')
    const { token } = await leads('a')
    await waitFor('a to say so twice', () => reignsOf('a').some((reign) => reign.token === token))
    expect(overlaps('a', 'b')).toEqual([])
    const tokens = [
      ...new Set([...reignsOf('a'), ...reignsOf('b')].sort((x, y) => x.from - y.from).map((r) => r.token)),
    ]
    expect(tokens.length).toBe(3)
    expect(tokens).toEqual([...tokens].sort((x, y) => x - y))
  })

  test('that is stopped past its lease, with nobody else there, need not wait for a lease to lead again', async () => {
    // Long beside whatever a busy machine adds: what must not be waited for is seen to be missing.
    const leaseS = 8
    const { url } = await startServer(['--timeout', `${leaseS}`, '--settle', '0.2', '--fresh'])
    const a = start('a', url)
    const { token } = await leads('a')
    const caucus = await connect(remote(url))
    onTestFinished(() => caucus.close())
    a.signal('SIGSTOP')
    await waitFor('a to have expired', async () => (await caucus.group('election/e').view()) === undefined)
    a.signal('SIGCONT')
    const lines = await waitFor('a to lead again', () => {
      const all = linesOf('a')
      return all.some((line) => line.held && line.token !== token) ? all : undefined
    })
    const lost = lines.findIndex((line, n) => !line.held && lines[n - 1]?.held === true)
    const again = lines.findIndex((line) => line.held && line.token !== token)
    expect((lines[again]?.atNs ?? Number.POSITIVE_INFINITY) - (lines[lost]?.atNs ?? 0)).toBeLessThan(leaseS * 0.9e9)
  })

  test('that is stopped for long does not take its id back from the process that has it now', async () => {
    const { url } = await startServer(TIMING)
    const a = start('a', url)
    await leads('a')
    const caucus = await connect(remote(url))
    onTestFinished(() => caucus.close())
    a.signal('SIGSTOP')
    await waitFor('a to have expired', async () => (await caucus.group('election/e').view()) === undefined)
    const newer = await caucus.election('e').campaign({ id: 'a' })
    a.signal('SIGCONT')
    // It ends by the error of its `lead`.
    await waitFor('a to end', () => a.ended())
    expect(a.stderr()).toContain('CAUCUS_FENCED')
    expect([newer.held, (await caucus.election('e').leader())?.token]).toEqual([true, newer.token])
  })
})

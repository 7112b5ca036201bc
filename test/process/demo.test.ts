import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { signalProcess } from '../../src/testing/trial/processes.ts'
import { lackFor } from './support/needs.ts'
import { endAll, type Running, startCaucus, startNode } from './support/processes.ts'
import { endPtys, Pty, SCRIPT } from './support/pty.ts'
import { waitFor } from './support/wait.ts'

const LONG_MS = 120_000
/** Generous, for a machine that has other things to do. */
const LONG = { timeout: 3 * LONG_MS }

/** A folder whose files have names that a list of checksums must not stumble over. */
let folder: string
let dir: string
let logs: string

const put = (path: string, text: string) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true })
  writeFileSync(join(dir, path), text)
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-demo-test-'))
  dir = join(folder, 'it is "odd"')
  // Where a demo that is killed leaves its logs.
  logs = join(folder, 'tmp')
  mkdirSync(logs)
  for (let n = 0; n < 200; n++) put(`plain/${n % 7}/file-${n}.txt`, `content ${n}`)
  for (const name of ['a\nb', 'c\rd', 'e\\f', '\\n', ' lead', 'trail ', '-', '-c', 'q\'"q', '日本', '*', '\x1b[2J'])
    put(`odd/${name}`, `content of ${name}`)
  put('-', 'not standard input')
  put('empty', '')
  put('big', 'x'.repeat(3_000_000))
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/not-utf8-`), Buffer.from([0xff, 0xfe])]), 'bytes')
  symlinkSync(join(dir, 'empty'), join(dir, 'link'))
  symlinkSync(dir, join(dir, 'plain', 'loop'))
})
afterEach(async () => {
  await endPtys()
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

const demo = (...args: string[]): Running => startCaucus(['demo', ...args], { TMPDIR: logs })
const ended = async (run: Running) => {
  const { code } = await waitFor('the demo to end', () => run.ended(), { withinMs: LONG_MS })
  return { code, stdout: run.stdout(), stderr: run.stderr() }
}
const events = (run: Running): Record<string, unknown>[] =>
  run
    .stdout()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
const event = (run: Running, type: string) =>
  waitFor(`the demo to say ${type}`, () => events(run).find((each) => each.type === type), { withinMs: LONG_MS })

const isRunning = (pid: unknown) => {
  try {
    process.kill(Number(pid), 0)
    // A zombie has ended; whoever adopted it has just not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false // No such process, or it went between the two looks.
  }
}
const childrenOf = (run: Running) =>
  events(run)
    .filter(({ type }) => type === 'listening' || type === 'joined')
    .map(({ pid }) => pid)
/** The shell that looks after the frozen one, once the signals of a terminal do nothing to it. */
const deafGuardOf = ({ pid }: Running): number | undefined => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []
  return children.map(Number).find((child) => {
    try {
      const status = readFileSync(`/proc/${child}/status`, 'utf8')
      return /^Name:\s+sh$/m.test(status) && /^SigIgn:.*[13579bdf]$/m.test(status)
    } catch {
      return false // It ended between the two looks.
    }
  })
}
const allGone = (pids: readonly unknown[]) => waitFor('all processes of the demo to end', () => !pids.some(isRunning))

describe('caucus demo --once', LONG, () => {
  test('does every file once, through kills, a freeze and joins, and sha256sum confirms it', async () => {
    const output = join(dir, 'SUMS')
    const run = demo('--once', '--json', '--input', dir, '--output', output, '--workers', '3')
    await event(run, 'killed')
    rmSync(join(dir, 'plain/6/file-195.txt'))
    appendFileSync(join(dir, 'plain/0/file-196.txt'), 'and more')
    put('plain/new', 'it was not there when the list was made')
    const { code, stderr } = await ended(run)

    const summary = events(run).at(-1)
    expect(Object.keys(summary ?? {}).join()).toBe(
      'type,ok,files,hashed,missing,duplicates,overlaps,killed,frozen,joined,moved,minimumMoves',
    )
    expect(summary).toMatchObject({ type: 'summary', ok: true, missing: 0, duplicates: 0, overlaps: 0 })
    expect(summary).toMatchObject({ killed: 2, frozen: 1, joined: 2 })
    expect(summary?.moved).toBeGreaterThan(0)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })

    // The changed file may have been hashed after its change, and then its hash is true.
    const unread = new Set(events(run).flatMap(({ type, path }) => (type === 'unread' ? [path] : [])))
    expect(unread).toContain('plain/6/file-195.txt')
    unread.delete('plain/0/file-196.txt')
    expect(unread.size).toBe(1)
    const check = spawnSync('sha256sum', ['--strict', '--quiet', '-c', output], { cwd: dir, encoding: 'utf8' })
    expect([check.stdout, check.stderr, check.status]).toEqual(['', '', 0])
    const listed = readFileSync(output, 'latin1').trimEnd().split('\n').length
    expect(listed).toBe(summary?.hashed)
    // `find` finds the same files, less the one that vanished, and with the list itself and the new one.
    const found = execFileSync('find', ['.', '-type', 'f', '-print0'], { cwd: dir, encoding: 'latin1' })
    expect(found.split('\0').length - 1).toBe(Number(summary?.files) - 1 + 2)

    // Another one leads then.
    const told = events(run)
    const killed = told.findIndex(({ type }) => type === 'leaderKilled')
    const led = told.findIndex(({ type }, index) => type === 'led' && index > killed)
    expect(told[led]?.server).not.toBe(told[killed]?.server)
    expect(told.slice(led).map(({ type }) => type)).toContain('whole')

    const woke = events(run).find(({ type }) => type === 'woke')
    expect(woke).toMatchObject({ now: 0 })
    expect(woke?.before).toBeGreaterThan(0)
    await allGone(childrenOf(run))
  })

  test('goes on when somebody else kills a worker, and with fewer files than workers', async () => {
    rmSync(join(dir, 'plain'), { recursive: true })
    rmSync(join(dir, 'odd'), { recursive: true })
    const run = demo('--once', '--json', '--input', dir, '--workers', '2', '--kill', '0', '--backend', 'embedded')
    const { pid } = await event(run, 'joined')
    await event(run, 'whole')
    process.kill(Number(pid), 'SIGKILL')
    expect(await ended(run)).toMatchObject({ code: 0, stderr: '' })
    expect(events(run)).toContainEqual(expect.objectContaining({ type: 'lost', pid, because: 'SIGKILL' }))
    expect(events(run).at(-1)).toMatchObject({ ok: true, files: 4, hashed: 4, killed: 0, frozen: 1, joined: 1 })
  })

  test('leaves nothing behind after Ctrl-C', async () => {
    const run = demo('--json', '--input', dir, '--workers', '2', '--backend', 'embedded')
    await event(run, 'killed')
    expect(await run.stop('SIGINT')).toBe(130)
    await allGone(childrenOf(run))
    expect(execFileSync('ls', [logs], { encoding: 'utf8' })).toBe('')
  })

  test('ends with `npm start`, when that is told to stop by whatever started it', async () => {
    const npm = realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())
    const given = ['--json', '--input', dir, '--workers', '2', '--backend', 'embedded', '--kill', '0']
    // From Node 22 on npm itself leaves a cache in TMPDIR, which is not the demo's.
    const run = startNode([npm, 'start', '--silent', '--', ...given], { TMPDIR: logs, NODE_DISABLE_COMPILE_CACHE: '1' })
    await event(run, 'whole')
    run.signal('SIGTERM')
    try {
      await allGone(childrenOf(run))
    } finally {
      // A demo that went on would hold the output open for which the end of a test waits.
      for (const pid of childrenOf(run)) signalProcess(Number(pid), 'SIGKILL')
    }
    await run.stop()
    expect(readdirSync(logs)).toEqual([])
  })

  test('ends with 1 and leaves nothing behind when its reader leaves before the verdict', async () => {
    const run = demo('--once', '--json', '--input', dir, '--workers', '2', '--backend', 'embedded')
    await event(run, 'whole')
    const pids = childrenOf(run)
    run.child.stdout?.destroy()
    expect((await ended(run)).code).toBe(1)
    await allGone(pids)
    expect(readdirSync(logs)).toEqual([])
  })

  test('says what to do when somebody kills its only server', async () => {
    const run = demo('--once', '--json', '--input', dir, '--workers', '2', '--backend', 'embedded')
    await event(run, 'whole')
    process.kill(Number((await event(run, 'listening')).pid), 'SIGKILL')
    const { code, stderr } = await ended(run)
    expect(stderr).toMatch(/^caucus demo: the server was ended by SIGKILL.*run the demo again.*\(CAUCUS_BACKEND\)\n$/)
    expect(code).toBe(1)
    await allGone(childrenOf(run))
  })

  test('leaves no process behind when it is killed itself, not even a frozen one', async () => {
    const run = demo('--json', '--input', dir, '--workers', '2', '--kill', '0')
    await event(run, 'frozen')
    // A terminal that is closed says so to all of its processes, also to the one that looks after the frozen one.
    const guard = await waitFor('the guard to be there', () => deafGuardOf(run))
    process.kill(guard, 'SIGHUP')
    await run.stop('SIGKILL')
    expect(childrenOf(run)).toHaveLength(6)
    await allGone(childrenOf(run))
  })
})

const hasNoTerminal = lackFor('the demo in a terminal', [SCRIPT])

describe.skipIf(hasNoTerminal !== undefined)('in a terminal', () => {
  const SIZE = { columns: 130, rows: 45 }
  const inTerminal = (...args: string[]) =>
    new Pty(`node bin/caucus.js demo --input '${dir}' --workers 2 --kill 0 ${args.join(' ')}`, SIZE, {
      TMPDIR: logs,
      NO_COLOR: '1',
    })
  const said = (pty: Pty, what: RegExp) =>
    waitFor(`${what}`, () => what.exec(pty.said), { withinMs: LONG_MS }).catch((cause) => {
      throw new Error(`${String(cause)}; it said last:\n${pty.said.slice(-2_000)}`, { cause })
    })

  test('goes on after the check, does what keys say, checks every round, and ends with q', {
    timeout: 4 * LONG_MS,
  }, async () => {
    const pty = inTerminal()
    const [, page = ''] = await said(pty, /See it in a browser: (http:\S+)/)
    expect((await fetch(page)).status).toBe(200)
    const [, url = ''] = await said(pty, /curl (http:\S+)/)
    expect(pty.said).toContain('✓ nothing left out')
    expect(pty.said).toMatch(/█+·* *\d+ %/)
    expect(pty.said).toContain('k kill')
    // Of the codes for terminals only those that move the cursor: NO_COLOR is set.
    expect(pty.said).not.toMatch(new RegExp(`${String.fromCharCode(27)}\\[\\d*m`))
    expect(await (await fetch(url)).json()).toMatchObject({ total: 3 })

    pty.press('k')
    await said(pty, /w1 killed with -9/)
    pty.press('f')
    await said(pty, /w3 frozen/)
    pty.press('f')
    await said(pty, /w3 continued/)
    pty.press('c')
    await said(pty, /w3 cut off/)
    pty.press('c')
    await said(pty, /w3 has its way to the servers again/)
    pty.press('\u001b[Aa')
    await said(pty, /w4 joined/)
    // A deployment into the middle of a failover.
    pty.press('lr')
    await said(pty, /Round 2[\s\S]*peer-\d killed with -9, which led[\s\S]*peer-\d leads in term/)
    await said(pty, /Rolling deploy over after/)
    // Not by a key: somebody else may do to them what he wants.
    const [, pid] = (await said(pty, /w7 joined, process (\d+)/)) as string[]
    process.kill(Number(pid), 'SIGTERM')
    await said(pty, /w7 \(process \d+\) is gone: left[\s\S]*whole after/)

    pty.press('q')
    const [verdict] = await said(pty, /. round \d+ checked: [^\n]*/)
    expect(verdict).toMatch(/^✓ .* 0 overlaps/)
    expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
    await allGone(pidsIn(pty))
    await expect(fetch(url)).rejects.toThrow()
  })

  test('ends with 130 and a last check after Ctrl-C', LONG, async () => {
    const pty = inTerminal('--backend', 'embedded')
    await said(pty, /Round 2: /)
    // Whoever is frozen goes on for the check.
    pty.press('f')
    await said(pty, /Round 2: [\s\S]*frozen with/)
    pty.press('\u0003')
    await said(pty, /✓ round 2 checked/)
    expect(await pty.ended()).toEqual({ code: 130, isAsBefore: true })
    await allGone(pidsIn(pty))
    expect(readdirSync(join(logs, readdirSync(logs)[0] ?? ''))).toEqual(['SHA256SUMS'])
  })

  test('ends at once with Ctrl-C before the first check, and leaves nobody behind who stands still', LONG, async () => {
    const pty = inTerminal()
    await said(pty, /joined[\s\S]*whole after/)
    pty.press('f')
    await said(pty, /frozen with/)
    pty.press('\u0003')
    expect(await pty.ended()).toEqual({ code: 130, isAsBefore: true })
    await allGone(pidsIn(pty))
    expect(readdirSync(logs)).toEqual([])
  })

  test('with --once has neither keys nor buttons', LONG, async () => {
    const pty = inTerminal('--once', '--backend', 'embedded')
    const [, url] = (await said(pty, /See it in a browser: (http:\/\/[\w.:]+)/)) as string[]
    expect((await fetch(`${url}/demo`)).status).toBe(404)
    expect(await (await fetch(`${url}/`)).text()).not.toContain('data-demo')
    pty.press('kq')
    expect(pty.said).not.toContain('k kill')
    await waitFor('it to go on', () => /joined[\s\S]*whole after/.test(pty.said), { withinMs: LONG_MS })
    expect(pty.said).not.toContain('killed with -9')
    // As a window does that is closed.
    await pty.kill()
    await allGone(pidsIn(pty))
  })
})

const pidsIn = (pty: Pty): string[] =>
  [...pty.said.matchAll(/(?:is|joined,) process (\d+)/g)].map(([, pid = '']) => pid)

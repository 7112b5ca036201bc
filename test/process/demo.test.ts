import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endAll, type Running, startCaucus, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const LONG_MS = 120_000

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
  for (let n = 0; n < 600; n++) put(`plain/${n % 7}/file-${n}.txt`, `content ${n}`)
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
const allGone = (pids: readonly unknown[]) => waitFor('all processes of the demo to end', () => !pids.some(isRunning))

describe('caucus demo --once', () => {
  test('does every file once, through kills, a freeze and joins, and sha256sum confirms it', async () => {
    const output = join(dir, 'SUMS')
    const run = demo('--once', '--json', '--input', dir, '--output', output)
    await event(run, 'killed')
    rmSync(join(dir, 'plain/0/file-595.txt'))
    appendFileSync(join(dir, 'plain/1/file-596.txt'), 'and more')
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
    expect(unread).toContain('plain/0/file-595.txt')
    unread.delete('plain/1/file-596.txt')
    expect(unread.size).toBe(1)
    const check = spawnSync('sha256sum', ['--strict', '--quiet', '-c', output], { cwd: dir, encoding: 'utf8' })
    expect([check.stdout, check.stderr, check.status]).toEqual(['', '', 0])
    const listed = readFileSync(output, 'latin1').trimEnd().split('\n').length
    expect(listed).toBe(summary?.hashed)
    // `find` finds the same files, less the one that vanished, and with the list itself and the new one.
    const found = execFileSync('find', ['.', '-type', 'f', '-print0'], { cwd: dir, encoding: 'latin1' })
    expect(found.split('\0').length - 1).toBe(Number(summary?.files) - 1 + 2)

    // With everybody alive, another leader moves nothing.
    const told = events(run)
    const killed = told.findIndex(({ type }) => type === 'leaderKilled')
    const led = told.findIndex(({ type }, index) => type === 'led' && index > killed)
    expect(told[led]?.server).not.toBe(told[killed]?.server)
    expect(told.find(({ type }, index) => type === 'whole' && index > led)).toMatchObject({ moved: 0 })

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
    const run = demo('--json', '--input', dir)
    await event(run, 'killed')
    expect(await run.stop('SIGINT')).toBe(130)
    await allGone(childrenOf(run))
    expect(execFileSync('ls', [logs], { encoding: 'utf8' })).toBe('')
  })

  test('ends with 1 and leaves nothing behind when its reader leaves before the verdict', async () => {
    const run = demo('--once', '--json', '--input', dir, '--backend', 'embedded')
    await event(run, 'whole')
    const pids = childrenOf(run)
    run.child.stdout?.destroy()
    expect((await ended(run)).code).toBe(1)
    await allGone(pids)
    expect(readdirSync(logs)).toEqual([])
  })

  test('says what to do when somebody kills its only server', async () => {
    const run = demo('--once', '--json', '--input', dir, '--backend', 'embedded')
    await event(run, 'whole')
    process.kill(Number((await event(run, 'listening')).pid), 'SIGKILL')
    const { code, stderr } = await ended(run)
    expect(stderr).toMatch(/^caucus demo: the server was ended by SIGKILL.*run the demo again.*\(CAUCUS_BACKEND\)\n$/)
    expect(code).toBe(1)
    await allGone(childrenOf(run))
  })

  test('leaves no process behind when it is killed itself, not even a frozen one', async () => {
    const run = demo('--json', '--input', dir, '--kill', '0')
    await event(run, 'frozen')
    await run.stop('SIGKILL')
    expect(childrenOf(run)).toHaveLength(9)
    await allGone(childrenOf(run))
  })
})

describe('caucus demo refuses', () => {
  test.each([
    ['a folder that is not there', ['--input', '/nowhere/at/all'], '--input /nowhere/at/all: does not exist'],
    ['a file for a folder', ['--input', 'package.json'], '--input package.json: is not a folder'],
    [
      'a place for the output that is not there',
      ['--output', '/nowhere/x'],
      '--output /nowhere/x: the folder /nowhere',
    ],
    ['no workers', ['--workers', '0'], '--workers'],
    ['half a kill', ['--kill', '0.5'], '--kill'],
    ['etcd that is not named', ['--backend', 'etcd'], '--backend etcd needs one: name it with --etcd'],
    ['two backends', ['--backend', 'peer', '--etcd', 'a:1'], '--backend peer starts servers of its own'],
    ['a user of nothing', ['--etcd-user', 'me'], '--etcd-user goes with --etcd'],
    ['a user without a password', ['--etcd', 'a:1', '--etcd-user', 'me'], '--etcd-password-file go together'],
    ['a backend that nobody knows', ['--backend', 'nfs'], '--backend nfs: there is none of that name'],
    ['an option that nobody knows', ['--twice'], '--twice'],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await ended(demo('--once', ...args))
    expect(stderr).toContain(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a folder without a file', async () => {
    mkdirSync(join(folder, 'empty'))
    const { code, stderr } = await ended(demo('--input', join(folder, 'empty')))
    expect(stderr).toContain('has no regular file')
    expect(code).toBe(2)
  })
})

describe('in a terminal', () => {
  const hasScript = process.env.CAUCUS_REQUIRE_ALL === '1' || spawnSync('script', ['--version']).status === 0

  test.skipIf(!hasScript)('it shows a picture, stays up after the check, and ends with Ctrl-C', async () => {
    const command = `${process.execPath} bin/caucus.js demo --workers 2 --kill 0 --input '${dir}'`
    const inTerminal = `
      import { spawn } from 'node:child_process'
      const [command] = process.argv.slice(1)
      const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'inherit', 'inherit'] })
      process.on('SIGINT', () => child.stdin.write('\\x03'))
      child.on('exit', (code) => process.exit(code ?? 1))`
    const env = { TMPDIR: logs, TERM: 'xterm', NO_COLOR: '1' }
    const run = startNode(['--input-type=module', '-e', inTerminal, command], env)
    const url = await waitFor('the end of the check', () => /curl (http:\S+)/.exec(run.stdout())?.[1], {
      withinMs: LONG_MS,
    })
    expect(run.stdout()).toContain('✓ nothing left out')
    expect(run.stdout()).toMatch(/█+·* *\d+ %/)
    // Of the codes for terminals only those that move the cursor: NO_COLOR is set.
    expect(run.stdout()).not.toMatch(new RegExp(`${String.fromCharCode(27)}\\[\\d*m`))
    const group = await (await fetch(url)).json()
    expect(group).toMatchObject({ state: 'settled', total: 3 })
    const leaver = /kill (\d+) .*leaves/.exec(run.stdout())?.[1]
    process.kill(Number(leaver), 'SIGTERM')
    await waitFor('the group to be whole without it', () => / is gone: left[\s\S]*whole after/.test(run.stdout()))
    run.signal('SIGINT')
    expect((await ended(run)).code).toBe(130)
    await waitFor('the server to end', () =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    )
  })
})

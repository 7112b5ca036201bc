import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Guard, type Start } from '../../src/cli/work/guard.ts'
import type { Order, Report } from '../../src/cli/work/orders.ts'
import { validUntil } from '../../src/cli/work/validity.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { repository } from './support/processes.ts'
import { waitFor } from './support/wait.ts'
import { isAlive } from './support/work-runs.ts'

const clock = systemClocks.holder
const LONG_MS = 60_000

let folder: string
let ran: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-watchdog-'))
  ran = join(folder, 'ran')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (...command: Start['command']): Start => ({ run: 1, command, env: {}, leadMs: 100, graceMs: 100 })

describe('a watchdog', () => {
  const watchdogs: ChildProcess[] = []
  afterEach(() => {
    for (const watchdog of watchdogs.splice(0)) watchdog.kill('SIGKILL')
  })

  /** One that the test speaks to itself. */
  const startWatchdog = () => {
    const watchdog = fork(join(repository, 'dist/cli/watchdog.js'))
    watchdogs.push(watchdog)
    const reports: Report[] = []
    watchdog.on('message', (report: Report) => reports.push(report))
    const tell = (order: Order) => void watchdog.send(order)
    const begin = (...command: Start['command']) => {
      const validity = validUntil(clock.now() + LONG_MS, () => clock.now())
      tell({ type: 'run', ...start(...command), validity })
      return waitFor('the process to be there', () => reports.find((report) => report.type === 'started'))
    }
    return { watchdog, tell, begin, reports }
  }

  test('begins the program only when the wrapper knows its process id', async () => {
    const { tell, begin, reports } = startWatchdog()
    const { pid } = await begin('sh', '-c', `echo $$ > ${ran}`)
    expect(existsSync(ran)).toBe(false)
    tell({ type: 'open', run: 1 })
    const gone = await waitFor('the program to be gone', () => reports.find((report) => report.type === 'gone'))
    expect(gone).toMatchObject({ code: 0, by: 'itself' })
    expect(readFileSync(ran, 'utf8')).toBe(`${pid}\n`)
  })

  test('takes the program with it when it is killed before that', async () => {
    const { watchdog, begin } = startWatchdog()
    const { pid } = await begin('sh', '-c', `touch ${ran}; sleep 60`)
    watchdog.kill('SIGKILL')
    await once(watchdog, 'exit')
    await waitFor('what stood at the gate to be gone', () => !isAlive(pid))
    expect(existsSync(ran)).toBe(false)
  })

  test('does not begin a program any more that was asked to end', async () => {
    const { tell, begin, reports } = startWatchdog()
    await begin('sh', '-c', `touch ${ran}`)
    tell({ type: 'stop', run: 1 })
    tell({ type: 'open', run: 1 })
    const gone = await waitFor('the program to be gone', () => reports.find((report) => report.type === 'gone'))
    expect(gone).toMatchObject({ by: 'order' })
    expect(existsSync(ran)).toBe(false)
  })

  test('says what cannot be run before anything is there', async () => {
    const { tell, reports } = startWatchdog()
    const validity = validUntil(clock.now() + LONG_MS, () => clock.now())
    tell({ type: 'run', ...start('no-such-program'), validity })
    const [report] = await waitFor('an answer', () => (reports.length > 0 ? reports : undefined))
    expect(report).toMatchObject({ type: 'failed', run: 1, code: 'ENOENT' })
  })
})

describe('a guard', () => {
  const guards: Guard[] = []
  afterEach(() => {
    for (const guard of guards.splice(0)) guard.close()
  })

  const guarding = (module?: string) => {
    const reports: Report[] = []
    const lost: string[] = []
    const guard = new Guard({
      clock,
      report: (report) => void reports.push(report),
      lost: (how) => void lost.push(how),
      module: module ?? join(repository, 'dist/cli/watchdog.js'),
    })
    guards.push(guard)
    return { guard, reports, lost }
  }

  const gone = (reports: readonly Report[]) =>
    waitFor('the program to be gone', () => reports.find((report) => report.type === 'gone'))

  test('reads what its watchdog said before it ended, and buries that first', async () => {
    const { guard, reports, lost } = guarding(join(repository, 'test/process/support/hasty-watchdog.mjs'))
    guard.run(start('sleep', '60'), clock.now() + LONG_MS)
    expect(await gone(reports)).toMatchObject({ by: 'loss' })
    expect(lost).toEqual(['exit 1'])
    const [started] = reports
    if (started?.type !== 'started') throw new Error(`heard ${JSON.stringify(reports)}`)
    expect(isAlive(started.pid)).toBe(false)
  })

  test('gives up a watchdog that does not run itself, and buries alone', async () => {
    const { guard, reports, lost } = guarding()
    // Its parent is the watchdog.
    guard.run(start('sh', '-c', 'kill -STOP $PPID; sleep 60'), clock.now() + 1_000)
    const { pid } = await waitFor('the program', () => reports.find((report) => report.type === 'started'))
    expect(await gone(reports)).toMatchObject({ by: 'loss' })
    expect(lost).toEqual(['SIGKILL'])
    expect(isAlive(pid)).toBe(false)
  })

  test('buries while the lease is renewed', async () => {
    const { guard, reports } = guarding()
    guard.run(start('sh', '-c', 'kill -9 $PPID; sleep 60'), clock.now() + LONG_MS)
    await gone(reports)
    const renewing = setInterval(() => guard.extend(clock.now() + LONG_MS), 1)
    try {
      guard.run({ ...start('sh', '-c', 'kill -9 $PPID; sleep 60'), run: 2 }, clock.now() + LONG_MS)
      await waitFor('the second one to be gone', () =>
        reports.find((report) => report.type === 'gone' && report.run === 2),
      )
    } finally {
      clearInterval(renewing)
    }
  })
})

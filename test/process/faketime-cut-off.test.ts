// Under libfaketime with `FAKETIME="+0 xRATE"` every clock but os.uptime() runs at that rate, and Node's timers with them: performance.now()
// and process.hrtime() read the monotonic clock, and epoll_wait is scaled. So what a member believed is timed by the process that asks it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { FaultProxy } from '../../src/testing/trial/fault-proxy.ts'
import { Believer, isWhole, judge } from './support/believers.ts'
import { runningAt, SettableClock } from './support/fake-clock.ts'
import { lackFor } from './support/needs.ts'
import { endPrograms, startServerProgram } from './support/program.ts'
import { LIBFAKETIME } from './support/surroundings.ts'
import { waitFor } from './support/wait.ts'

const HOUR_MS = 3_600_000
const PARTITIONS = 12
const SAFE = { overlaps: [], falls: [] }

interface Surroundings {
  readonly lease: string
  /** The environment of the server, and of the member that is cut off. */
  readonly server?: NodeJS.ProcessEnv
  readonly member?: NodeJS.ProcessEnv
  /** Happens once the member is cut off. */
  meanwhile?(): void
}

/** Two members share everything. One is cut off and the other is given all of it; then the line comes back, with what was said meanwhile. */
const cutOff = async ({ lease, server = {}, member = {}, meanwhile = () => undefined }: Surroundings) => {
  // Nothing but the lease is waited for.
  const args = ['bin/caucus.js', 'serve', '--listen', '127.0.0.1:0', '--timeout', lease, '--settle', '0.001', '--fresh']
  const { url } = await startServerProgram({ name: 'the server', args, env: server })
  const line = await FaultProxy.start(url)
  const timing = { heartbeatMs: 200, stopMarginMs: 10 }
  const cut = new Believer({ id: 'cut', url: line.url, partitions: PARTITIONS, timing, env: member })
  const other = new Believer({ id: 'other', url, partitions: PARTITIONS, timing })
  const both = [cut, other]
  try {
    await Promise.all(both.map((each) => each.joined()))
    await isWhole(both, PARTITIONS)
    line.set('up', { hold: true })
    line.set('down', { hold: true })
    meanwhile()
    await isWhole([other], PARTITIONS)
    await waitFor('the one that was cut off to let go', () => cut.held.length === 0)
    await line.heal()
    await isWhole(both, PARTITIONS)
  } finally {
    await line.close()
  }
  return judge(both)
}

const lack = lackFor('a member that is cut off while clocks lie', [LIBFAKETIME])

// All at once: they wait most of the time.
describe.skipIf(lack).concurrent('a member that is cut off', () => {
  const folder = lack === undefined ? mkdtempSync(join(tmpdir(), 'caucus-clocks-')) : ''
  afterAll(async () => {
    await endPrograms()
    rmSync(folder, { recursive: true, force: true })
  })

  test('is done in time with clocks one percent slow, the server one percent fast', async () => {
    expect(await cutOff({ lease: '5s', server: runningAt(1.01), member: runningAt(0.99) })).toEqual(SAFE)
  })

  test('is done in time with clocks one percent fast, the server one percent slow', async () => {
    expect(await cutOff({ lease: '2s', server: runningAt(0.99), member: runningAt(1.01) })).toEqual(SAFE)
  })

  test('at half the rate, far beyond what is assumed, believes too long: the checker sees it, and epochs still rise', async () => {
    const { overlaps, falls } = await cutOff({ lease: '2s', member: runningAt(0.5) })
    expect(overlaps.length).toBeGreaterThan(0)
    expect(falls).toEqual([])
  })

  test.each([
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ])('is waited for as long as ever when the wall clock of the server steps %s', async (name, aheadMs) => {
    const clock = new SettableClock(folder, name)
    const found = await cutOff({ lease: '2s', server: clock.env, meanwhile: () => clock.setMs(aheadMs) })
    expect(found).toEqual(SAFE)
  })
})

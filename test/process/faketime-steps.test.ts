// Under libfaketime, with FAKETIME_DONT_FAKE_MONOTONIC: Date.now() is what the test says, performance.now(), process.hrtime() and all timers
// are the machine's, and so is os.uptime(), which the library does not touch.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Believer, isWhole, judge } from './support/believers.ts'
import { SettableClock } from './support/fake-clock.ts'
import { lackFor } from './support/needs.ts'
import { endPrograms, type Program, startServerProgram } from './support/program.ts'
import { LIBFAKETIME } from './support/surroundings.ts'
import { waitFor } from './support/wait.ts'

const HOUR_MS = 3_600_000
const PARTITIONS = 12
/** Far longer than a busy machine holds anything up, so that whoever loses something has lost it to a clock. */
const LEASE = '10s'
/** A step counts as seen when the clock shows most of it. */
const SEEN_MS = 0.9 * HOUR_MS

const lack = lackFor('a wall clock that is stepped', [LIBFAKETIME])

describe.skipIf(lack)('a wall clock that is stepped', () => {
  const folder = lack === undefined ? mkdtempSync(join(tmpdir(), 'caucus-clocks-')) : ''
  /** The member whose clock is stepped, and another one. */
  let stepped: Believer
  let other: Believer
  let members: readonly Believer[] = []
  let clocks: Readonly<Record<'server' | 'stepped' | 'other', SettableClock>>
  let server: Program
  let url = ''

  const serve = async (listen: string, ...more: string[]) => {
    const settings = ['--timeout', LEASE, '--settle', '0.2', '--data-dir', join(folder, 'data')]
    const args = ['bin/caucus.js', 'serve', '--listen', listen, ...settings, ...more]
    const started = await startServerProgram({ name: 'the server', args, env: clocks.server.env })
    server = started.program
    url = started.url
  }

  beforeAll(async () => {
    const clock = (name: string) => new SettableClock(folder, name)
    clocks = { server: clock('server'), stepped: clock('stepped'), other: clock('other') }
    await serve('127.0.0.1:0', '--fresh')
    const start = (id: 'stepped' | 'other') =>
      new Believer({ id, url, partitions: PARTITIONS, timing: { heartbeatMs: 200 }, env: clocks[id].env })
    stepped = start('stepped')
    other = start('other')
    members = [stepped, other]
    await Promise.all(members.map((member) => member.joined()))
    await isWhole(members, PARTITIONS)
  })
  afterAll(async () => {
    await endPrograms()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Several heartbeats go by, and looks of every timer that there is. */
  const aWhile = () => sleep(1_000)
  const told = (type: string) => members.flatMap(({ news }) => news).filter((each) => each.type === type)
  /** All that somebody believed since its answer of that number is what it had before. */
  const expectUnmoved = (member: Believer, from: number, before: Believer['held']) => {
    for (const answer of member.answers.slice(from)) expect(answer.held).toEqual(before)
  }
  const duringWhich = async (who: readonly Believer[], happens: () => Promise<unknown>) => {
    const before = who.map((member) => ({ member, from: member.answers.length, held: member.held }))
    await happens()
    for (const { member, from, held } of before) expectUnmoved(member, from, held)
  }

  test.each([
    ['forward by an hour', HOUR_MS],
    ['back by two hours', -HOUR_MS],
    ['to where it was', 0],
  ])('at the server, %s: nobody is expired and nothing moves', async (_, aheadMs) => {
    await duringWhich(members, async () => {
      clocks.server.setMs(aheadMs)
      await aWhile()
    })
    // The server did see the step: what it answers bears the time of its wall clock.
    const { headers } = await fetch(`${url}/healthz`)
    const seenMs = Date.parse(headers.get('date') ?? '') - Date.now()
    expect(Math.abs(seenMs - aheadMs)).toBeLessThan(HOUR_MS / 10)
    expect(told('member.expired')).toEqual([])
  })

  test('at a member, forward by an hour: it lets go at once, since it may have slept, and is given all of it anew', async () => {
    const had = new Map(stepped.held)
    await duringWhich([other], async () => {
      clocks.stepped.setMs(HOUR_MS)
      await waitFor('it to see the step', () => (stepped.answers.at(-1)?.wallMs ?? 0) - Date.now() > SEEN_MS)
      await isWhole(members, PARTITIONS)
    })
    const after = stepped.answers.filter(({ wallMs }) => wallMs - Date.now() > SEEN_MS)
    // By no answer that knows the new time does it believe in what it held by the old one.
    for (const [partition, epoch] of after.flatMap((answer) => answer.held)) {
      expect(epoch).toBeGreaterThan(had.get(partition) ?? Number.POSITIVE_INFINITY)
    }
    expect(told('member.expired')).toEqual([])
    expect(stepped.news).toContainEqual({ type: 'share.lost', because: 'lapsed' })
  })

  test('at a member, back by two hours: nothing happens', async () => {
    await duringWhich(members, async () => {
      clocks.stepped.setMs(-HOUR_MS)
      await waitFor('it to see the step', () => Date.now() - (stepped.answers.at(-1)?.wallMs ?? Date.now()) > SEEN_MS)
      await aWhile()
    })
  })

  test('everywhere, again and again by a little: nothing happens', async () => {
    await duringWhich(members, async () => {
      for (let step = 0; step < 40; step++) {
        for (const [index, clock] of Object.values(clocks).entries()) clock.nudge(((step + index) % 3) * 40 - 40)
        await sleep(50)
      }
    })
  })

  test('at a server that is started again an hour behind: everybody keeps what it has, and later epochs are higher', async () => {
    const returns = told('link.opened').length + members.length
    const highest = Math.max(...members.flatMap(({ held }) => held.map(([, epoch]) => epoch)))
    await duringWhich(members, async () => {
      await server.stop()
      clocks.server.setMs(-HOUR_MS)
      await serve(new URL(url).host)
      await waitFor('both to be back', () => told('link.opened').length >= returns)
      await aWhile()
    })
    const third = new Believer({ id: 'third', url, partitions: PARTITIONS })
    members = [...members, third]
    await third.joined()
    await isWhole(members, PARTITIONS)
    for (const [, epoch] of third.held) expect(epoch).toBeGreaterThan(highest)
    // Two answers make a claim, which the last test judges.
    await waitFor('it to be asked again', () => third.claims().length > 0)
  })

  test('and through all of it no two believed in one thing, and epochs rose', () => {
    expect(judge(members)).toEqual({ overlaps: [], falls: [] })
    for (const member of members) expect(member.claims()).not.toEqual([])
  })
})

// Real packets between network namespaces, each a machine with an address of its own on one switch. A cable that is pulled, and packets that
// are lost in one direction only, tell nobody: no FIN, no RST, no ICMP.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Believer, isWhole, judge } from './support/believers.ts'
import { Lan } from './support/lan.ts'
import { lackFor } from './support/needs.ts'
import { endPrograms, startServerProgram } from './support/program.ts'
import { IP, NAMESPACE_TOOLS, NAMESPACES } from './support/surroundings.ts'
import { waitFor } from './support/wait.ts'

const PARTITIONS = 12
const TOKEN = 'a-token-for-machines-beyond-loopback'
const SERVE = ['bin/caucus.js', 'serve', '--timeout', '1s', '--settle', '0.1', '--fresh']
const TIMING = { heartbeatMs: 200, reconnectMaxMs: 100, stopMarginMs: 10 }

const lack = lackFor('machines on a real network', [IP, NAMESPACE_TOOLS, NAMESPACES])

describe.skipIf(lack)('machines on a real network', () => {
  const folder = lack === undefined ? mkdtempSync(join(tmpdir(), 'caucus-lan-')) : ''
  let lan: Lan
  let a: Believer
  let b: Believer
  let members: readonly Believer[] = []
  /** Everybody but `a`, to whom most of it happens. */
  let others: readonly Believer[] = []

  const start = (id: string, url: string) =>
    new Believer({ id, url, partitions: PARTITIONS, token: TOKEN, timing: TIMING, prefix: lan.on(id) })

  beforeAll(async () => {
    lan = await Lan.of('server', 'a', 'b', 'c')
    const tokens = join(folder, 'tokens')
    writeFileSync(tokens, `${TOKEN}\n`)
    const args = [...SERVE, '--listen', `${lan.address('server')}:0`, '--token-file', tokens]
    const { url } = await startServerProgram({ name: 'the server', args, prefix: lan.on('server') })
    a = start('a', url)
    b = start('b', url)
    others = [b, start('c', url)]
    members = [a, ...others]
    await Promise.all(members.map((member) => member.joined()))
    await isWhole(members, PARTITIONS)
  })
  afterAll(async () => {
    await endPrograms()
    await lan?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  const expectSafe = () => {
    expect(judge(members)).toEqual({ overlaps: [], falls: [] })
    for (const member of members) expect(member.claims()).not.toEqual([])
  }
  const lostLinks = () => a.news.filter(({ type }) => type === 'link.lost').length
  /** How often the server gave `a` up, as it told another member. */
  const expiries = () => b.news.filter(({ type, member }) => type === 'member.expired' && member === 'a').length

  test.each<[string, () => Promise<void>, () => Promise<void>]>([
    ['whose cable is pulled', () => lan.unplug('a'), () => lan.plugIn('a')],
    ['that does not hear the server', () => lan.lose('server', 'a'), () => lan.deliver('server', 'a')],
    ['that the server does not hear', () => lan.lose('a', 'server'), () => lan.deliver('a', 'server')],
  ])('a member %s has stopped before others begin, and comes back', async (_, breakIt, mendIt) => {
    const before = { links: lostLinks(), expiries: expiries() }
    await breakIt()
    await isWhole(others, PARTITIONS)
    await waitFor('it to let go', () => a.held.length === 0)
    await waitFor('it to notice that its link is dead', () => lostLinks() > before.links)
    await waitFor('the server to say that it has expired', () => expiries() > before.expiries)
    await mendIt()
    await isWhole(members, PARTITIONS)
    expectSafe()
  })

  test('when the cable of the server is pulled, all stop, and all is whole when it is back', async () => {
    await lan.unplug('server')
    await waitFor('everybody to let go', () => members.every(({ held }) => held.length === 0))
    await lan.plugIn('server')
    await isWhole(members, PARTITIONS)
    expectSafe()
  })

  test('a link that is half open is noticed by the server, too', async () => {
    const args = ['test/process/support/impatient-server.mjs', lan.address('server'), TOKEN]
    const { url } = await startServerProgram({ name: 'the impatient server', args, prefix: lan.on('server') })
    const pulled = start('a', url)
    const other = start('b', url)
    await Promise.all([pulled.joined(), other.joined()])
    expect(await other.links()).toBe(2)
    await lan.unplug('a')
    await waitFor('the server to count one link less', async () => (await other.links()) === 1)
    await lan.plugIn('a')
    // Its lease may have outlived the link, so that it held its share all the while.
    await waitFor('the server to count its link again', async () => (await other.links()) === 2)
    await isWhole([pulled, other], PARTITIONS)
    expect(judge([pulled, other])).toEqual({ overlaps: [], falls: [] })
  })
})

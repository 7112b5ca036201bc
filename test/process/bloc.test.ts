import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { freezeFirst, joinUnheard, leaveUnheard } from './support/bloc-faults.ts'
import { BlocGroup, type ClientKind, type Member } from './support/bloc-group.ts'
import { endAll, type RunningServer, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

/*
 * Each line of "what the original does wrong", with our server and real processes. That these checks catch the original itself is shown by
 * bloc-original.test.ts.
 */
const INTERVAL_S = 0.4
/** Shorter than twice the interval: the original needs more, ours does not. */
const SETTLE_S = 0.1
const TIMEOUT_S = 1

let group: BlocGroup | undefined

afterEach(async () => {
  await endAll()
  group?.dispose()
})

const startGroup = async (kind: ClientKind) => {
  const settings = { timeout: TIMEOUT_S, settle: SETTLE_S, 'poll-interval': INTERVAL_S }
  const options = Object.entries(settings).flatMap(([name, seconds]) => [`--${name}`, String(seconds)])
  const server = await startServer([...options, '--fresh'])
  group = new BlocGroup(kind, INTERVAL_S)
  return { server, group }
}

const metric = async ({ url }: RunningServer, name: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = text.match(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm'))?.[1]
  return value === undefined ? Number.NaN : Number(value)
}

describe('with a Caucus server', () => {
  test('a member that was frozen past its time-out says nothing when it wakes', async () => {
    const { server, group } = await startGroup('ours')
    await group.startSettled(['a', 'b', 'c'], server.address)
    for (let round = 0; round < 2; round++) expect(await freezeFirst(group)).toEqual([])
    expect(group.claimed()).toBeGreaterThan(10)
    expect(group.doubles()).toEqual([])
    expect(group.discords()).toEqual([])
  })

  test.each<[ClientKind, string, typeof leaveUnheard]>([
    ['ours', 'leaves', leaveUnheard],
    ['ours', 'joins', joinUnheard],
    ['original', 'leaves', leaveUnheard],
    ['original', 'joins', joinUnheard],
  ])(
    'with clients of the kind "%s", one %s unheard by another: no index twice, one total',
    async (kind, _, unheard) => {
      const { server, group } = await startGroup(kind)
      await unheard(group, server.address)
      expect(group.claimed()).toBeGreaterThan(10)
      expect(group.doubles()).toEqual([])
      expect(group.discords()).toEqual([])
    },
  )

  test('a member that was stopped says nothing any more', async () => {
    const { server, group } = await startGroup('ours')
    const staying = await group.start('a', server.address)
    const stopped = await group.start('b', server.address)
    await group.settled()
    await stopped.stopClient()
    await group.settled([staying])
    await sleep(100)
    expect(stopped.slot()).toBeNull()
    await stopped.process.stop('SIGKILL')
    const stoppingAt = stopped.saidAt('stopping') ?? 0
    expect(stopped.claims().filter(({ endNs }) => endNs > stoppingAt)).toEqual([])
  })

  test('two clients with one session id are counted: on this wire they cannot be told apart', async () => {
    const { server, group } = await startGroup('ours')
    await group.start('a', server.address, { as: 'the same' })
    await group.start('b', server.address, { as: 'the same' })
    await waitFor('the server to count', async () => (await metric(server, 'caucus_twins_total')) > 0)
  })

  test('of three members one is killed: the others share out everything again', async () => {
    const { server, group } = await startGroup('ours')
    const [killed, ...others] = (await group.startSettled(['a', 'b', 'c'], server.address)) as [Member, ...Member[]]
    const killedAt = performance.now()
    await killed.process.stop('SIGKILL')
    await group.settled(others)
    console.info(`kill -9: the others had new slots after about ${Math.round(performance.now() - killedAt)} ms`)
    expect(group.doubles()).toEqual([])
  })
})

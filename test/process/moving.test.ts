import { setTimeout as sleep } from 'node:timers/promises'
import { type Caucus, connect, remote } from 'caucus'
import { etcd } from 'caucus/etcd'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ETCD, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { endAll, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const TIMING = { heartbeatMs: 400, leaseMs: 2_000, stopMarginMs: 100, settleMs: 100, settleCapMs: 2_000 }
const LONG_MS = 120_000
vi.setConfig({ testTimeout: 2 * LONG_MS })
const over: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(over.splice(0).map((end) => end()))
  await endAll()
})

interface Work {
  readonly token: number
  readonly signal: AbortSignal
}
/** One replica of a version of the program, with connections of its own. */
interface Replica {
  stop(): Promise<void>
}

describe.skipIf(lackFor('moving from a server to etcd', [ETCD]))(
  'from a server to etcd, while running (docs/backends.md)',
  () => {
    const begin = async () => {
      const [server, servers] = await Promise.all([startServer(['--fresh', '-t', '2', '-s', '0.1']), startEtcd()])
      over.push(() => servers.close())
      const toServer = () => connect(remote(server.url))
      const toEtcd = (tokensAbove: number) =>
        connect(etcd({ urls: servers.urls, timing: TIMING, tokensAbove, fresh: true }))
      return { toServer, toEtcd }
    }
    const replica = async (
      connecting: readonly Promise<Caucus>[],
      run: (connections: readonly Caucus[], signal: AbortSignal) => Promise<unknown>,
    ): Promise<Replica> => {
      const connections = await Promise.all(connecting)
      const stopping = new AbortController()
      const running = run(connections, stopping.signal).catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error
      })
      let stopped: Promise<void> | undefined
      const stop = async () => {
        stopping.abort()
        await running
        await Promise.all(connections.map((each) => each.close()))
      }
      const once = () => (stopped ??= stop())
      over.push(once)
      return { stop: once }
    }

    test('an election moves without a pause, and never are there two at work', async () => {
      const { toServer, toEtcd } = await begin()
      const leaders: { version: number; token: number }[] = []
      let atWork = 0
      let mostAtWork = 0
      const work =
        (version: number) =>
        async ({ token, signal }: Work) => {
          leaders.push({ version, token })
          mostAtWork = Math.max(mostAtWork, ++atWork)
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
          // It takes a moment to let go, as work does.
          await sleep(20)
          atWork--
          signal.throwIfAborted()
        }
      const untilLedBy = (version: number) =>
        waitFor(`version ${version} to lead`, () => atWork === 1 && leaders.at(-1)?.version === version, {
          withinMs: LONG_MS,
        })
      const versions = {
        1: () =>
          replica([toServer()], ([before], signal) => (before as Caucus).election('billing').lead(work(1), { signal })),
        2: (tokensAbove: number) =>
          replica([toServer(), toEtcd(tokensAbove)], ([before, after], signal) =>
            (before as Caucus)
              .election('billing')
              .lead((outer) => (after as Caucus).election('billing').lead(work(2), { signal: outer.signal }), {
                signal,
              }),
          ),
        3: (tokensAbove: number) =>
          replica([toEtcd(tokensAbove)], ([after], signal) =>
            (after as Caucus).election('billing').lead(work(3), { signal }),
          ),
      }
      const first = [await versions[1](), await versions[1]()]
      await untilLedBy(1)
      // As if the clock of the server had been far ahead.
      const highest = Math.max(...leaders.map(({ token }) => token)) + 2 ** 21 * 100_000
      const second = [await versions[2](highest), await versions[2](highest)]
      for (const each of first) await each.stop()
      await untilLedBy(2)
      await versions[3](highest)
      for (const each of second) await each.stop()
      await untilLedBy(3)
      expect(mostAtWork).toBe(1)
      const tokens = leaders.filter(({ version }) => version > 1).map(({ token }) => token)
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
      expect(Math.min(...tokens)).toBeGreaterThan(highest)
    })

    test('a group moves with a pause, and no partition is owned twice', async () => {
      const { toServer, toEtcd } = await begin()
      const share = { share: { partitions: 16 } }
      const beliefs = new Set<() => readonly number[]>()
      let twice: number[] = []
      const watching = setInterval(() => {
        const all = [...beliefs].flatMap((owned) => owned())
        twice = twice.concat(all.filter((partition, n) => all.indexOf(partition) !== n))
      }, 1)
      over.push(async () => clearInterval(watching))
      const hold = async (owned: () => readonly number[], signal: AbortSignal) => {
        beliefs.add(owned)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      }
      const oldOne = () =>
        replica([toServer()], async ([before], signal) => {
          const membership = await (before as Caucus).group('jobs').join(share)
          await hold(() => membership.partitions, signal)
          await membership.leave()
        })
      const newOne = () =>
        replica([toServer(), toEtcd(0)], async ([before, after], signal) => {
          const membership = await (after as Caucus).group('jobs').join({ ...share, signal })
          const isLeft = async () =>
            ((await (before as Caucus).group('jobs').view({ signal }))?.members.length ?? 0) === 0
          while (!(await isLeft())) await sleep(20)
          await hold(() => membership.partitions, signal)
        })
      const owned = () => [...beliefs].flatMap((each) => each()).length
      const old = [await oldOne(), await oldOne()]
      await waitFor('the old ones to own all', () => owned() === 16)
      await Promise.all([newOne(), newOne()])
      for (const each of old) await each.stop()
      await waitFor('the new ones to own all', () => beliefs.size === 4 && owned() === 16, { withinMs: LONG_MS })
      expect(twice).toEqual([])
    })
  },
)

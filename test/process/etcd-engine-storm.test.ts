import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine, Revision } from '../../src/backends/etcd/engine.ts'
import { openEngine } from '../../src/backends/etcd/etcd3/index.ts'
import { isCaucusError } from '../../src/errors.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

const USER = { name: 'caucus', password: 'secret', prefix: 'storm/' }

describe.skipIf(lackFor('the engine in a storm', [ETCD]))(
  'while members of etcd freeze and die one after the other',
  () => {
    let etcd: EtcdServers
    let engines: Engine[]

    beforeAll(async () => {
      etcd = await startEtcd({ nodes: 3, args: ['--auth-token-ttl', '2'] })
      await etcd.requirePassword(USER)
      const { name: user, password } = USER
      const options = { endpoints: etcd.urls, requestMs: 1_500, progressMs: 1_000, clock: systemClocks.grantor }
      engines = [1, 2].map(() => openEngine({ ...options, user, password }))
    })
    afterAll(async () => {
      await Promise.all(engines.map((engine) => engine.close()))
      await etcd.close()
    })

    test('what is acknowledged is there, what is refused is not, and a watch tells each change once', async () => {
      const acknowledged = new Set<string>()
      const refused = new Set<string>()
      const told = new Map<string, Revision>()
      const stale: string[] = []
      let isOver = false
      const isTold = false
      let count = 0

      const write = async (engine: Engine) => {
        while (!isOver) {
          const key = `storm/${++count}`
          try {
            await engine.transact({ then: [{ type: 'put', key, value: '1' }] })
            acknowledged.add(key)
          } catch (error) {
            if (!isCaucusError(error)) throw error
            if (error.definite) refused.add(key)
          }
          await sleep(5)
        }
      }
      const read = async (engine: Engine) => {
        while (!isOver) {
          const key = [...acknowledged].at(-1) ?? 'storm/0'
          const expected = acknowledged.has(key)
          const outcome = await engine.transact({ then: [{ type: 'get', key }] }).catch(() => undefined)
          if (outcome !== undefined && (outcome.found[0] !== undefined) !== expected) stale.push(key)
          await sleep(20)
        }
      }
      const follow = (engine: Engine, from: Revision) => {
        let next = from
        engine.watch('storm/', from, {
          changed: (changes, revision) => {
            next = revision + 1
            for (const change of changes) {
              if (change.type !== 'put') continue
              expect(told.has(change.entry.key)).toBe(false)
              told.set(change.entry.key, revision)
            }
          },
          progressed: () => undefined,
          ended: () => setTimeout(() => isTold || follow(engine, next), 50),
        })
      }
      const [first, second] = engines
      if (first === undefined || second === undefined) throw new Error('there are two engines')
      follow(first, 1)
      const all = [write(first), write(second), read(first), read(second)]
      for (const [i, node] of [...etcd.nodes, ...etcd.nodes].entries()) {
        if (i % 2 === 0) {
          node.freeze()
          await sleep(1_200)
          node.thaw()
        } else {
          await node.kill()
          await sleep(300)
          await node.restart()
        }
        await sleep(500)
      }
      isOver = true
      await Promise.all(all)
      const { entries } = await waitFor('etcd to be whole again', () => second.list('storm/').catch(() => undefined))
      const there = new Set(entries.map(({ key }) => key))
      expect(acknowledged.size).toBeGreaterThan(50)
      expect([...acknowledged].filter((key) => !there.has(key))).toEqual([])
      expect([...refused].filter((key) => there.has(key))).toEqual([])
      expect(stale).toEqual([])
      await waitFor('the watch to tell all of it', () => [...acknowledged].every((key) => told.has(key)))
    })
  },
)

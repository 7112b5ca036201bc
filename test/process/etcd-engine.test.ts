import { afterAll, describe } from 'vitest'
import type { Engine } from '../../src/backends/etcd/engine.ts'
import { openEngine } from '../../src/backends/etcd/etcd3/index.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { engineContract } from '../unit/backends/etcd-engine-contract.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

describe.skipIf(lackFor('the engine on etcd', [ETCD]))('on etcd', () => {
  let servers: Promise<EtcdServers> | undefined
  let prefixes = 0
  afterAll(async () => (await servers)?.close())

  engineContract('etcd', async () => {
    servers ??= startEtcd()
    const etcd = await servers
    const engines: Engine[] = []
    prefixes += 1
    return {
      prefix: `contract/${prefixes}/`,
      open: () => {
        const engine = openEngine({ endpoints: etcd.urls, progressMs: 1_000, clock: systemClocks.grantor })
        engines.push(engine)
        return engine
      },
      answer: (asked) => asked,
      until: async (what, holds) => void (await waitFor(what, holds)),
      compact: (revision) => etcd.compact(revision),
      close: async () => void (await Promise.all(engines.map((engine) => engine.close()))),
    }
  })
})

import { randomUUID } from 'node:crypto'
import { connect, timing } from 'caucus'
import { etcd } from 'caucus/etcd'
import type { ContractSubject } from 'caucus/testing'
import { type EtcdServers, startEtcd } from '../../../src/testing/servers/etcd.ts'
import { waitFor } from '../../../src/testing/trial/wait.ts'
import { lines } from './lines.ts'

/** As quick as etcd's leases allow. */
export const ETCD_TIMING = { ...timing.local, leaseMs: 2_000, staticGraceMs: 6_000 }

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Three real nodes of etcd, which belong to this subject alone, and a process that coordinates when no test is under way. */
export const openEtcd = async (): Promise<ContractSubject> => {
  const servers = await startEtcd({ nodes: 3 })
  const prefix = `contract-${randomUUID()}/`
  const backendOf = (...urls: string[]) => etcd({ urls, prefix, timing: ETCD_TIMING, fresh: true })
  const ways = lines(backendOf)
  const keeper = await connect(backendOf(...servers.urls))
  await (await keeper.group('keeper').join()).settled()
  return {
    backend: backendOf(...servers.urls),
    crashCoordinator: () => depose(servers, `${prefix}coordinator`),
    stopServers: async () => {
      await servers.killAll()
      return () => servers.startAll()
    },
    cutOff: () => ways.to(...servers.urls),
    isolate: async () => {
      const leader = await servers.leader()
      leader.freeze()
      return async () => leader.thaw()
    },
    close: async () => {
      await keeper.close()
      await ways.close()
      await servers.close()
    },
  }
}

/**
 * Takes the right to coordinate from whoever has it, as etcd does when a process has been silent for too long. It is told nothing, and may
 * be in the midst of a write. Resolves once the next one has been elected.
 */
const depose = async (servers: EtcdServers, name: string): Promise<void> => {
  const key = base64(name)
  const electedAt = async () => {
    const { kvs } = (await servers.ask('/v3/kv/range', { key })) as { kvs?: { create_revision: string }[] }
    return kvs?.[0]?.create_revision
  }
  const before = await electedAt()
  await servers.ask('/v3/kv/deleterange', { key })
  await waitFor('another one to be elected', async () => {
    const now = await electedAt()
    return now !== undefined && now !== before
  })
}

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BackendFactory, type Cluster, peer, remote, timing } from 'caucus'
import type { ContractSubject } from 'caucus/testing'
import { FaultProxy } from '../../../src/testing/trial/fault-proxy.ts'
import { Mesh } from '../../../src/testing/trial/peers/mesh.ts'
import { freePorts } from '../../../src/testing/trial/peers/ports.ts'
import { waitFor } from '../../../src/testing/trial/wait.ts'
import { lines } from './lines.ts'

const token = 'a-token-of-this-test'
const IDS = ['peer-0', 'peer-1', 'peer-2'] as const

/** Members as quick as on one machine; elections that survive a busy one. */
const TIMING = {
  ...timing.local,
  leaseMs: 2_000,
  staticGraceMs: 6_000,
  leaderHeartbeatMs: 50,
  electionMinMs: 520,
  electionMaxMs: 820,
  leaderLeaseMs: 450,
}

export interface PeersSubject extends Required<Omit<ContractSubject, 'topics'>> {
  readonly running: readonly Cluster[]
}

/** Three peers in this process, with real sockets. Every client names another one of them first. */
export const openPeers = async ({ durable }: { readonly durable: boolean }): Promise<PeersSubject> => {
  const found = await freePorts(IDS.length)
  const ports = new Map(IDS.map((id, index) => [id as string, found[index] as number]))
  const directory = durable ? await mkdtemp(join(tmpdir(), 'caucus-peers-')) : undefined
  const [cluster, mesh] = [randomUUID(), await Mesh.start(ports)]
  const running = new Map<string, Cluster>()
  const fronts = new Map<string, FaultProxy>()
  const start = async (id: string) => {
    const others = IDS.filter((other) => other !== id)
    const peers = others.map((other) => ({ identifier: other, host: '127.0.0.1', port: mesh.portOf(id, other) }))
    const own = { identifier: id, listen_port: ports.get(id) as number, peers, cluster, token, timing: TIMING }
    const dataDir = directory === undefined ? {} : { dataDir: join(directory, id) }
    running.set(id, await peer({ ...own, fresh: true, ...dataDir }))
  }
  /** Nobody hears a word of its end. What it lets go of in this process is as if the process had gone. */
  const crash = async (...ids: readonly string[]) => {
    await mesh.sever(ids, IDS, 'refuse')
    for (const id of ids) {
      await fronts.get(id)?.welcome('refuse')
      fronts.get(id)?.cut('rst')
    }
    await Promise.all(ids.map((id) => running.get(id)?.close()))
    return async () => {
      await mesh.heal()
      for (const front of fronts.values()) await front.heal()
      await Promise.all(ids.map(start))
    }
  }
  const leading = async () => {
    const leader = () => [...running.values()].find(({ isLeader }) => isLeader)?.identifier
    return waitFor('one of the peers to lead', leader)
  }
  for (const [id, port] of ports) fronts.set(id, await FaultProxy.start(`127.0.0.1:${port}`))
  await Promise.all(IDS.map(start))

  const backendOf = (...urls: string[]) => remote(urls, { token, timing: TIMING })
  const ways = lines(backendOf)
  const urls = [...fronts.values()].map(({ url }) => url)
  let clients = 0
  const turned = () => {
    const first = clients++ % urls.length
    return [...urls.slice(first), ...urls.slice(0, first)]
  }
  const backend: BackendFactory = (options) => backendOf(...turned())(options)
  return {
    backend,
    running: [...running.values()],
    crashCoordinator: async () => (await crash(await leading()))(),
    stopServers: () => crash(...IDS),
    cutOff: () => ways.to(...turned()),
    isolate: async () => {
      await mesh.sever([await leading()], IDS, 'mute')
      return () => mesh.heal()
    },
    close: async () => {
      await Promise.all([...running.values()].map((each) => each.close()))
      await Promise.all([mesh.close(), ways.close(), ...[...fronts.values()].map((front) => front.close())])
      if (directory !== undefined) await rm(directory, { recursive: true })
    },
  }
}

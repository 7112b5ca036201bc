import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { ServerOrder } from './servers.ts'

const HOST = '127.0.0.1'
/** Short leases, which one machine can keep: a demo should not consist of waiting. */
const TIMING = 'local'
/**
 * Of voters, which share a machine with busy workers: what is measured in a few heartbeats is longer, so that nobody is taken for dead who only
 * waits for a processor, and the leases of members are long enough for an election in between.
 */
const VOTERS_TIMING = {
  heartbeatMs: 400,
  leaseMs: 2_000,
  stopMarginMs: 100,
  settleMs: 100,
  settleCapMs: 2_000,
  leaderHeartbeatMs: 50,
  electionMinMs: 300,
  electionMaxMs: 600,
  leaderLeaseMs: 240,
  reconnectMaxMs: 100,
  drainLimitMs: 2_000,
  staticGraceMs: 3_000,
}
/** Nobody holds anything from before this run. */
const FRESH = '--fresh'

/** One server with its coordinator in it. */
export const oneServer = (folder: string): ServerOrder[] => {
  const config = join(folder, 'server.json')
  writeFileSync(config, JSON.stringify({ timing: TIMING }))
  return [{ id: 'the server', args: ['--listen', `${HOST}:0`, FRESH, '--config', config] }]
}

/** Three voters, each with a data directory of its own, of which one leads and coordinates. */
export const threeVoters = async (folder: string): Promise<ServerOrder[]> => {
  const ports = await freePorts(3)
  const peers = ports.map((port, index) => ({ identifier: `peer-${index + 1}`, host: HOST, port }))
  return peers.map(({ identifier, port }) => {
    const config = join(folder, `${identifier}.json`)
    const own = { cluster: 'demo', identifier, listen_host: HOST, listen_port: port, peers, timing: VOTERS_TIMING }
    writeFileSync(config, JSON.stringify(own))
    return { id: identifier, args: ['--config', config, '--data-dir', join(folder, identifier), FRESH] }
  })
}

/** Voters know each other by their ports before any of them listens. */
const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, HOST))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

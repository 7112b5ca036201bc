import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { round, sleep } from '../support/figures.mjs'
import { freePorts } from '../support/ports.mjs'
import { start, usageOf } from '../support/process.mjs'
import { scratch } from '../support/scratch.mjs'

const VOTERS = 3
const MOST_OF_A_CORE = 0.015
const MOST_MB = 90
/** After what the first start costs, and the compilers: what is idle is so for days. */
const WARM_UP_MS = 60_000

/** Three peers as they are installed, by their configuration files. */
const startServers = async (directory) => {
  const ports = await freePorts(VOTERS)
  const peers = ports.map((port, i) => ({ identifier: `peer-${i}`, host: '127.0.0.1', port }))
  const servers = peers.map(async ({ identifier, port }) => {
    const config = { identifier, listen_host: '127.0.0.1', listen_port: port, peers, timing: 'lan' }
    const file = join(directory, `${identifier}.json`)
    await writeFile(file, JSON.stringify(config))
    const data = join(directory, identifier)
    const server = await start('bin/caucus.js', 'serve', '--config', file, '--data-dir', data, '--log-level', 'error')
    return { ...server, identifier }
  })
  return Promise.all(servers)
}

const leaderAt = async ({ url }) => {
  const response = await fetch(`${url}/v1/leader`)
  return response.ok ? (await response.json()).identifier : undefined
}

const leaderOf = async (server) => {
  for (;;) {
    const leader = await leaderAt(server)
    if (leader !== undefined) return leader
    await sleep(100)
  }
}

/** What each of them uses while nobody wants anything from it. */
const used = async (servers, forMs) => {
  const before = servers.map(({ pid }) => usageOf(pid))
  const startedAt = performance.now()
  await sleep(forMs)
  const seconds = (performance.now() - startedAt) / 1_000
  return servers.map(({ pid, identifier }, i) => {
    const after = usageOf(pid)
    return { identifier, part: (after.seconds - before[i].seconds) / seconds, mb: after.rss / 1e6 }
  })
}

const rowOf = ({ what, parts, most, unit, others }) => {
  const ours = Math.max(...parts.map(({ value }) => value))
  return {
    row: `cluster, an idle peer of three, preset lan: ${what}`,
    ours: round(ours),
    floor: null,
    others,
    ratio: round(ours / most),
    target: `≤ ${most} ${unit}`,
    ok: ours <= most,
    unit,
    details: Object.fromEntries(parts.map(({ name, value }) => [name, round(value)])),
  }
}

/** Three peers that have nothing to do but to have a leader. The one that uses most counts. */
export const idlePeers = async ({ quick, tell }) => {
  const { directory, remove } = scratch()
  const servers = await startServers(directory)
  const leader = await leaderOf(servers[0])
  await sleep(quick ? 500 : WARM_UP_MS)
  const all = await used(servers, quick ? 1_000 : 60_000)
  if ((await leaderAt(servers[0])) !== leader) tell('idle peers: the leader changed meanwhile')
  await Promise.all(servers.map(({ stop }) => stop()))
  remove()
  const name = ({ identifier }) => (identifier === leader ? 'leader' : `follower ${identifier}`)
  return [
    rowOf({
      what: 'part of a core',
      parts: all.map((each) => ({ name: name(each), value: each.part * 100 })),
      most: MOST_OF_A_CORE * 100,
      unit: '%',
      others: { 'QCluster, leader (measured elsewhere)': 3.2 },
    }),
    rowOf({
      what: 'resident memory',
      parts: all.map((each) => ({ name: name(each), value: each.mb })),
      most: MOST_MB,
      unit: 'MB',
      others: { 'QCluster (measured elsewhere)': 31 },
    }),
  ]
}

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePorts } from '../support/ports.mjs'
import { tracked } from '../support/process.mjs'
import { scratch } from '../support/scratch.mjs'
import { Electorate } from './electorate.mjs'

/** What is written, at the default level, by a node that has learnt who leads, or that nobody does. */
const LEARNT = /raft\.node: (\w+) (?:elected leader|changed leader from \w+ to) (\w+) at term (\d+)/
const LOST = /raft\.node: \w+ lost leader \w+ at term (\d+)/

/** Its version; undefined where it is not installed. */
export const etcdVersion = () => {
  const { status, stdout } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  return status === 0 ? (/etcd Version: (\S+)/.exec(stdout)?.[1] ?? 'of unknown version') : undefined
}

const optionsOf = (names, ports, directory, timers) => {
  const peerUrls = names.map((_, i) => `http://127.0.0.1:${ports[i]}`)
  const clientUrls = names.map((_, i) => `http://127.0.0.1:${ports[names.length + i]}`)
  return (name) => {
    const i = names.indexOf(name)
    return [
      ...['--name', name, '--data-dir', join(directory, name), ...timers],
      ...['--listen-peer-urls', peerUrls[i], '--initial-advertise-peer-urls', peerUrls[i]],
      ...['--listen-client-urls', clientUrls[i], '--advertise-client-urls', clientUrls[i]],
      ...['--initial-cluster', names.map((each, j) => `${each}=${peerUrls[j]}`).join()],
    ]
  }
}

/**
 * So many nodes of Debian's etcd on free ports of loopback, with `timers` as its options. Whom a node takes for the leader is read from its
 * log, which it writes as it happens: nobody has to ask it.
 */
export const startEtcd = async (name, count, timers) => {
  const names = Array.from({ length: count }, (_, i) => `node-${i}`)
  const { directory, remove } = scratch()
  const optionsFor = optionsOf(names, await freePorts(2 * count), directory, timers)
  const nodes = new Electorate(name, (id, told) => {
    const child = tracked(spawn('etcd', optionsFor(id), { stdio: ['ignore', 'ignore', 'pipe'] }))
    createInterface({ input: child.stderr }).on('line', (line) => {
      const [, self, leader, term] = LEARNT.exec(line) ?? []
      const [, lostIn] = LOST.exec(line) ?? []
      if (self !== undefined) told({ self, leader, term: Number(term) })
      else if (lostIn !== undefined) told({ leader: undefined, term: Number(lostIn) })
    })
    return child
  })
  const stop = async () => {
    await nodes.stop()
    remove()
  }
  for (const id of names) nodes.add(id)
  await nodes.agreed()
  return { nodes, stop }
}

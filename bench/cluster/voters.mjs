import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../support/ports.mjs'
import { tracked } from '../support/process.mjs'
import { scratch } from '../support/scratch.mjs'
import { Electorate } from './electorate.mjs'
import { told } from './told.mjs'

const program = fileURLToPath(new URL('./voter.mjs', import.meta.url))

/** What each of them is told: its place in the cluster, and a directory of its own. */
const optionsOf = (ids, ports, directory, shared) => (id) => {
  const peers = ids.map((identifier, i) => ({ identifier, host: '127.0.0.1', port: ports[i] }))
  const { port } = peers.find(({ identifier }) => identifier === id)
  return { identifier: id, listen_host: '127.0.0.1', listen_port: port, peers, ...shared, dataDir: join(directory, id) }
}

/**
 * Voters of our own, each a small program with `peer()` in it and a data directory; `more` is what all of them are told besides. Resolves once
 * all of them know who leads.
 */
export const startVoters = async (count, timing, more = {}) => {
  const ids = Array.from({ length: count }, (_, i) => `voter-${i}`)
  const { directory, remove } = scratch()
  const optionsFor = optionsOf(ids, await freePorts(count), directory, { timing, ...more })
  const voters = new Electorate(`Caucus, ${count} voters`, (id, said) => {
    const child = tracked(fork(program, [JSON.stringify(optionsFor(id))]))
    child.on('message', ({ leader, term }) => {
      if (term !== undefined) said({ leader: leader ?? undefined, term })
    })
    return child
  })
  const stop = async () => {
    await voters.stop()
    remove()
  }
  for (const id of ids) voters.add(id)
  await voters.agreed()
  const urls = ids.map((id) => `http://127.0.0.1:${optionsFor(id).listen_port}`)
  return { voters, urls, stop }
}

/** Has a voter do something, and resolves with what came of it. */
export const order = (voters, id, name, options) => told(voters.of(id).child, name, options)

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect, peer } from '../../src/index.ts'
import type { LeadingPeer, PeersView } from '../../src/ports/peers.ts'
import { agreed, freePort, PeerWorld, TIMING } from './support/peers.ts'
import { endAll, startCaucus } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let world: PeerWorld
beforeEach(async () => {
  world = await PeerWorld.of('a', 'b', 'c')
})
afterEach(async () => {
  await endAll()
  world.remove()
})

test('a peer that is on no list finds the voters by a file, knows who leads, and passes on what it is asked', async () => {
  const seeds = join(world.directory, 'seeds')
  const config = join(world.directory, 'observer.json')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  writeFileSync(seeds, '# nobody yet\n')
  writeFileSync(
    config,
    JSON.stringify({
      identifier: 'o',
      listen_port: port,
      seeds: [`file:${seeds}`],
      timing: TIMING,
      metadata: { web: 1 },
    }),
  )
  const observer = startCaucus(['serve', '--config', config])
  await waitFor('the observer to say that its file is empty', () => observer.stderr().includes('names no seed'))
  expect((await fetch(`${url}/v1/leader`)).status).toBe(503)

  const voters = world.startAll()
  const first = await agreed(voters)
  writeFileSync(seeds, `127.0.0.1:${world.ports.get('b')}\n`)
  const leaderHere = async () => {
    const response = await fetch(`${url}/v1/leader`)
    return response.ok ? ((await response.json()) as LeadingPeer) : undefined
  }
  await waitFor('the observer to know who leads', async () => (await leaderHere())?.token === first.token)
  const listed = async (voter: { view(): Promise<PeersView> }) => (await voter.view()).observers
  for (const voter of voters)
    await waitFor(`${voter.id} to list the observer`, async () => {
      const [seen] = await listed(voter)
      return seen?.identifier === 'o' && seen.connected && seen.port === port
    })
  expect((await listed(voters[0] ?? expect.fail()))[0]?.metadata).toEqual({ web: 1 })
  // Only the leader serves it, so somebody has passed it on.
  const status = await fetch(`${url}/v1/status`)
  expect(await status.json()).toMatchObject({ leader: { identifier: first.identifier } })

  const leader = voters.find(({ id }) => id === first.identifier) ?? expect.fail()
  await leader.stop('SIGKILL')
  const rest = voters.filter((voter) => voter !== leader)
  const second = await agreed(rest, first.token)
  await waitFor('the observer to know the next one', async () => (await leaderHere())?.token === second.token)

  expect(await observer.stop()).toBe(0)
  for (const voter of rest)
    await waitFor(`${voter.id} to forget the observer`, async () => (await listed(voter)).length === 0, {
      withinMs: 60_000,
    })
  expect(world.faults()).toEqual([])
})

test('the observer of a cluster of one passes on what it is asked, too', async () => {
  const at = async (identifier: string) => ({ identifier, listen_port: await freePort(), timing: TIMING })
  const alone = await at('alone')
  await using _voter = await peer({ ...alone, peers: [] })
  await using observer = await peer({ ...(await at('looker')), seeds: [`127.0.0.1:${alone.listen_port}`] })
  await waitFor('the observer to know who leads', async () => observer.leader?.identifier === 'alone')
  await using caucus = await connect(observer)
  await using membership = await caucus.group('of-one').join()
  expect((await caucus.group('of-one').view())?.members.map(({ id }) => id)).toEqual([membership.id])
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agreed, type PeerProcess, PeerWorld, saying } from './support/peers.ts'
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

const split = (peers: readonly PeerProcess[], identifier: string) => {
  const leader = peers.find(({ id }) => id === identifier) ?? expect.fail(`${identifier} is none of them`)
  return { leader, others: peers.filter((peer) => peer !== leader) }
}

describe('three peers', () => {
  test('elect one leader, and another under a higher token when it is killed; of one that is left nobody leads', async () => {
    const peers = world.startAll()
    const first = await agreed(peers)
    expect(first).toMatchObject({ host: '127.0.0.1', metadata: { of: first.identifier }, term: expect.any(Number) })
    const { leader, others } = split(peers, first.identifier)
    await leader.stop('SIGKILL')

    const second = await agreed(others, first.token)
    expect(second.identifier).not.toBe(first.identifier)
    expect(second.term).toBeGreaterThan(first.term)

    const two = split(others, second.identifier)
    await two.leader.stop('SIGKILL')
    const [last] = two.others as [PeerProcess]
    await waitFor('the last one to know of no leader', async () => (await last.leader()) === undefined)
    const answer = await fetch(`${last.url}/v1/leader`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      error: { code: 'CAUCUS_NO_QUORUM', details: { quorum: 2, voters: 3 } },
    })

    await last.stop()
    expect(world.faults()).toEqual([])
    expect(world.claims().length).toBeGreaterThan(2)
  })

  test('a leader hands over when it is told to, and when it ends', async () => {
    const peers = world.startAll()
    const first = await agreed(peers)
    const { leader } = split(peers, first.identifier)
    leader.signal('SIGUSR2')
    const { identifier: next } = await saying(leader, { type: 'transferred' })
    expect(next).toBeDefined()
    expect(next).not.toBe(first.identifier)

    const second = await agreed(peers, first.token)
    const now = split(peers, second.identifier)
    expect(await now.leader.stop()).toBe(0)
    // It ended only after it had seen another one lead.
    await agreed(now.others, second.token)
    await Promise.all(now.others.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })

  test('a damaged record stops its voter with a word on what to do', async () => {
    world.remove()
    world = await PeerWorld.of('a')
    const a = world.start('a')
    await agreed([a])
    await a.stop()
    const file = join(world.directory, 'a', 'election.json')
    writeFileSync(file, '{"version":1,"checksum":"0","record":{}}')
    const broken = world.start('a')
    expect(await saying(broken, { type: 'failed' })).toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: expect.stringContaining('election.json is damaged'),
    })
  })
})

describe('peers without a data directory', () => {
  test('elect, say that this is leased, and wait after a restart before they vote', async () => {
    const peers = world.startAll({ dataDir: undefined })
    const first = await agreed(peers)
    expect(peers[0]?.said()[0]).toMatchObject({ guarantees: { exclusion: 'leased' } })
    const { leader, others } = split(peers, first.identifier)
    await leader.stop('SIGKILL')
    const back = world.start(leader.id, { dataDir: undefined })
    await agreed([...others, back], first.token)
    await Promise.all([...others, back].map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })
})

describe('caucus serve with peers', () => {
  test('runs one voter each, that says who leads, and any of them answers for the leader', async () => {
    const serving = [...world.ports.keys()].map((id) => {
      const { dataDir, ...config } = world.options(id)
      const file = join(world.directory, `${id}.json`)
      writeFileSync(file, JSON.stringify(config))
      return startCaucus(['serve', '--config', file, '--data-dir', String(dataDir), '--log-format', 'json'])
    })
    const servers = [...world.ports.values()].map((port) => `http://127.0.0.1:${port}`)
    const found = await waitFor(
      'a leader',
      async () => {
        const asked = startCaucus(['leader', '--json', '--server', servers.join(',')])
        await waitFor('the answer', () => asked.ended())
        if (asked.ended()?.code === 0) return JSON.parse(asked.stdout())
        expect(asked.stderr()).toMatch(/CAUCUS_NO_QUORUM|CAUCUS_UNAVAILABLE/)
        return undefined
      },
      { withinMs: 60_000 },
    )
    expect(found).toEqual({
      identifier: expect.stringMatching(/^[abc]$/),
      host: '127.0.0.1',
      port: world.ports.get(found.identifier),
      metadata: { of: found.identifier },
      term: expect.any(Number),
      token: expect.any(Number),
      leaseMsLeft: expect.any(Number),
    })
    for (const server of servers) {
      const answered = async () => {
        const answer = await fetch(`${server}/v1/groups/jobs`)
        const { error } = (await answer.json()) as { error: { code: string; message: string } }
        // On a busy machine a leader may be unseated before it is asked.
        return error.code !== 'CAUCUS_NO_QUORUM' && error
      }
      expect(await waitFor('an answer about a group', answered)).toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
    }
    expect(await Promise.all(serving.map((server) => server.stop()))).toEqual([0, 0, 0])
  })
})

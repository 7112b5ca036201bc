import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { agreed, freePort, type PeerProcess, PeerWorld, saying, TIMING } from './support/peers.ts'
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

    const again = [last, world.start(first.identifier)]
    await agreed(again, second.token)
    await Promise.all(again.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
    expect(world.claims().length).toBeGreaterThan(2)
  })

  test('a leader that stood still past its lease does not lead on waking, and follows the one elected meanwhile', async () => {
    const peers = world.startAll()
    const first = await agreed(peers)
    const { leader, others } = split(peers, first.identifier)
    leader.signal('SIGSTOP')
    const second = await agreed(others, first.token)
    await sleep(TIMING.leaderLeaseMs)
    leader.signal('SIGCONT')

    const woke = await saying(leader, { type: 'woke' })
    expect(woke).toMatchObject({ isLeader: false })
    const last = await agreed(peers)
    expect(last.token).toBeGreaterThanOrEqual(second.token)
    await Promise.all(peers.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
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

  test('a lost disk is one that rejoins, once all others are there', async () => {
    const peers = world.startAll()
    const first = await agreed(peers)
    const { others } = split(peers, first.identifier)
    const [lost] = others as [PeerProcess]
    await lost.stop('SIGKILL')
    rmSync(join(world.directory, lost.id), { recursive: true })
    const back = world.start(lost.id)
    await saying(back, { type: 'event', event: 'voter.rejoined' })
    const all = [...peers.filter((peer) => peer !== lost), back]
    const leading = await agreed(all)
    expect(leading.token).toBeGreaterThanOrEqual(first.token)
    await Promise.all(all.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })

  test('a damaged record stops its voter with a word on what to do', async () => {
    const peers = world.startAll()
    await agreed(peers)
    const [a] = peers as [PeerProcess]
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

describe('who cannot be one of them', () => {
  test('a second process under one id is refused, reported and never leads', async () => {
    const peers = world.startAll()
    await agreed(peers)
    const [a] = peers as [PeerProcess]
    expect(await saying(world.start('a', { dataDir: join(world.directory, 'x') }), { type: 'failed' })).toMatchObject({
      code: 'CAUCUS_CONFLICT',
      message: expect.stringContaining('another process listens on'),
    })
    const port = await freePort()
    const rival = world.start('a', { listen_port: port, dataDir: join(world.directory, 'y') })
    await saying(rival, { type: 'listening' })
    await waitFor('it to be refused', () =>
      rival.said().find(({ event }) => event === 'voter.refused' || event === 'peer.refused'),
    )
    expect((await rival.view()).role).not.toBe('leader')
    expect(a.ended()).toBeUndefined()
    await rival.stop()
    await Promise.all(peers.map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })

  test('a peer of another cluster, and one with another list of voters, are refused on both sides and change nothing', async () => {
    const [a, b] = [world.start('a'), world.start('b')]
    const other = world.start('c', { cluster: 'another', dataDir: join(world.directory, 'x') })
    await saying(other, { type: 'event', event: 'link.refused', peer: 'a' })
    await saying(a, { type: 'event', event: 'peer.refused', peer: 'c', because: 'anotherCluster' })
    await other.stop()

    const peers = world.options('c').peers as { identifier: string }[]
    const fewer = world.start('c', {
      peers: peers.filter(({ identifier }) => identifier !== 'b'),
      dataDir: join(world.directory, 'z'),
    })
    await saying(fewer, { type: 'event', event: 'peer.refused', peer: 'a', because: 'otherVoters' })
    await saying(a, { type: 'event', event: 'peer.refused', peer: 'c', because: 'otherVoters' })
    expect(await a.leader()).toBeUndefined()
    await fewer.stop()

    const c = world.start('c')
    await agreed([a, b, c])
    await Promise.all([a, b, c].map((peer) => peer.stop()))
    expect(world.faults()).toEqual([])
  })
})

describe('caucus serve with peers', () => {
  test('runs one voter each, that says who leads and serves no groups', async () => {
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
    const groups = await fetch(`${servers[0]}/v1/groups/jobs`)
    expect(await groups.json()).toMatchObject({
      error: { code: 'CAUCUS_NOT_FOUND', message: expect.stringContaining('not replicated yet') },
    })
    expect(await Promise.all(serving.map((server) => server.stop()))).toEqual([0, 0, 0])
  })
})

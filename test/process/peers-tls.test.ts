import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cluster, type PeerOptions, peer } from 'caucus'
import { afterEach, describe, expect, test } from 'vitest'
import { PeerWorld, TIMING } from './support/peers.ts'
import { waitFor } from './support/wait.ts'

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return true
  } catch {
    return process.env.CAUCUS_REQUIRE_ALL !== undefined
  }
})()

const clusters: Cluster[] = []
let world: PeerWorld
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()))
  world.remove()
})
const optionsOf = (id: string, change: object): PeerOptions => {
  const { dataDir: _none, ...options } = world.options(id, { timing: TIMING, ...change })
  return options as unknown as PeerOptions
}
const started = async (id: string, change: object) => {
  const cluster = await peer(optionsOf(id, change))
  clusters.push(cluster)
  return cluster
}
const anyLeader = () => waitFor('a leader', () => clusters.find((cluster) => cluster.isLeader), { withinMs: 60_000 })

test('peers with one token elect; one with another token is not heard', async () => {
  world = await PeerWorld.of('a', 'b', 'c')
  const [a, b] = [await started('a', { token: 'right-token' }), await started('b', { token: 'right-token' })]
  const c = await started('c', { token: 'wrong-token' })
  const leader = await anyLeader()
  expect([a, b]).toContain(leader)
  expect(c.leader).toBeUndefined()
  expect(c.view().peers.find(({ identifier }) => identifier === 'a')).toMatchObject({
    connected: false,
    problem: expect.stringContaining('the token is wrong'),
  })
  expect((await fetch(`${a.url}/v1/leader`)).status).toBe(401)
})

describe.skipIf(!hasOpenssl)('peers with certificates (made by openssl)', () => {
  test('elect, and whoever has none of the authority is not heard', async () => {
    world = await PeerWorld.of('a', 'b')
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: world.directory, stdio: 'pipe' })
    const file = (name: string) => readFileSync(join(world.directory, name))
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const certify = (name: string) =>
      openssl(
        ...['req', '-x509', ...curve, '-days', '2', '-keyout', `${name}.key`, '-out', `${name}.pem`],
        ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'],
      )
    // Each is its own authority, and both trust the two.
    for (const name of ['a', 'b', 'stranger']) certify(name)
    const ca = Buffer.concat([file('a.pem'), file('b.pem')])
    const tlsOf = (name: string) => ({ cert: file(`${name}.pem`), key: file(`${name}.key`), ca })
    const a = await started('a', { tls: tlsOf('a') })
    const stranger = await started('b', { tls: tlsOf('stranger') })
    await waitFor('the stranger to be refused', () =>
      stranger.view().peers.some(({ problem }) => problem !== undefined),
    )
    expect(a.view().peers.map(({ connected }) => connected)).toEqual([true, false])
    await stranger.close()
    clusters.splice(clusters.indexOf(stranger), 1)

    const b = await started('b', { tls: tlsOf('b') })
    const leader = await anyLeader()
    expect([a, b]).toContain(leader)
    expect(a.url).toMatch(/^https:/)
  })
})

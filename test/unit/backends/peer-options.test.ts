import { describe, expect, test } from 'vitest'
import { type PeerOptions, soundPeer } from '../../../src/backends/peer/options.ts'
import type { Peer } from '../../../src/config/config.ts'
import { timing } from '../../../src/config/timing.ts'

const original = {
  identifier: 'server_a',
  listen_host: 'localhost',
  listen_port: 7001,
  peers: [
    { host: 'localhost', port: 7002, identifier: 'server_b', metadata: { server_port: 8002 } },
    { host: 'localhost', port: 7003, identifier: 'server_c' },
  ],
}

describe('what a voter is told', () => {
  test('may be the configuration of the predecessor as it is', () => {
    expect(soundPeer(original)).toMatchObject({
      cluster: 'default',
      listenHost: 'localhost',
      self: { identifier: 'server_a', host: 'localhost', port: 7001, metadata: {} },
      others: [{ identifier: 'server_b', metadata: { server_port: 8002 } }, { identifier: 'server_c' }],
      timing: timing.lan,
    })
  })

  test('may list this peer among the others: by its name there, and with its metadata', () => {
    const own = { host: 'a.example', port: 7001, identifier: 'server_a', metadata: { server_port: 8001 } }
    const { self, others, listenHost } = soundPeer({
      ...original,
      listen_host: '127.0.0.1',
      peers: [own, ...original.peers],
    })
    expect(self).toEqual(own)
    expect(others).toHaveLength(2)
    expect(listenHost).toBe('127.0.0.1')
  })

  test('may be one peer by itself', () => {
    expect(soundPeer({ identifier: 'a', listen_port: 1, peers: [] }).others).toEqual([])
  })
})

describe('a voter is not started', () => {
  const [b, c] = original.peers as [Peer, Peer]
  const { identifier: _unnamed, ...nameless } = b
  const many = Array.from({ length: 7 }, (_, n) => ({ identifier: `p${n}`, host: 'h', port: 1 + n }))

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['an entry without an identifier', { peers: [nameless, c] }, 'peers[0].identifier is missing'],
    [
      'two entries with one identifier',
      { peers: [b, { ...c, identifier: 'server_b' }] },
      'two entries with one identifier',
    ],
    [
      'the own identifier on another port',
      { peers: [{ ...b, identifier: 'server_a' }, c] },
      'give each peer an identifier of its own',
    ],
    ['no identifier of its own', { identifier: undefined }, 'identifier is missing'],
    ['an empty identifier', { identifier: '' }, 'identifier is empty'],
    ['no port', { listen_port: undefined }, 'listen_port is missing'],
    ['no peers', { peers: undefined }, 'peers is missing'],
    ['more than seven voters', { peers: many }, 'makes 8 voters; at most 7'],
    ['a port that is text', { listen_port: '7001' }, 'listen_port must be a whole number'],
    ['a key that nobody knows', { peer: [] }, 'the key "peer" is not known'],
    ['a key of an entry that nobody knows', { peers: [{ ...b, weight: 1 }] }, 'peers[0].weight'],
    ['unsafe timing', { timing: { leaderLeaseMs: 10_000 } }, 'leaderLeaseMs'],
    ['a token with a space', { token: 'a b' }, 'token must be'],
    ['no certificate', { tls: { cert: 'x', key: 'y' } }, 'tls: '],
    ['metadata that is too long', { metadata: 'x'.repeat(5_000) }, 'metadata'],
  ])('with %s', (_what, change, message) => {
    const given = Object.fromEntries(
      Object.entries({ ...original, ...change }).filter(([, value]) => value !== undefined),
    )
    const start = () => soundPeer(given as unknown as PeerOptions)
    expect(start).toThrow(expect.objectContaining({ code: 'CAUCUS_INVALID_CONFIG' }))
    expect(start).toThrow(message)
  })

  test('and everything that is wrong is said at once', () => {
    const given = { listen_port: 0.5, peers: [nameless], secret: 1 }
    expect(() => soundPeer(given as unknown as PeerOptions)).toThrow(/secret.*identifier is missing.*listen_port must/s)
  })
})

describe('what every leader serves', () => {
  test('is what the groups say, over the timing of all', () => {
    const { served } = soundPeer({
      ...original,
      timing: 'lan',
      groups: { jobs: { share: { partitions: 8 } }, slow: { timing: 'wan' } },
      fresh: true,
    })
    expect(served).toMatchObject({ defaults: { leaseMs: timing.lan.leaseMs }, fresh: true })
    expect(served.groups.get('jobs')).toMatchObject({ share: { partitions: 8 }, leaseMs: timing.lan.leaseMs })
    expect(served.groups.get('slow')).toMatchObject({ leaseMs: timing.wan.leaseMs })
    expect(served.poll).toBeUndefined()
    expect(soundPeer(original).served.fresh).toBe(false)
  })

  test('has a group for bloc’s clients where one is named', () => {
    const groups = { old: { timing: timing.wan }, jobs: {} }
    const { served } = soundPeer({ ...original, groups, poll: { group: 'old', intervalMs: 3_000 } })
    expect(served.poll).toMatchObject({ group: 'old', timeoutMs: timing.wan.leaseMs, pollIntervalMs: 3_000 })
    expect([...served.groups.keys()]).toEqual(['jobs'])
  })

  test.each([
    ['a share that there is not', { groups: { g: { share: 'half' } } }, /groups\.g\.share/],
    [
      'a lease that ends before a failover does',
      { groups: { g: { timing: { leaseMs: 3_000 } } } },
      /groups\.g: .*2 × electionMaxMs/,
    ],
    ['a poll interval above the lease', { poll: { group: 'p', intervalMs: 60_000 } }, /poll\.intervalMs is 60000/],
    ['a poll group that is an election', { poll: { group: 'election/e' } }, /poll\.group is the name of an election/],
    ['a poll group without a name', { poll: {} }, /poll\.group must be a string/],
    [
      'a poll group that shares partitions',
      { poll: { group: 'g' }, groups: { g: { share: { partitions: 2 } } } },
      /bloc's clients/,
    ],
    ['a word that is neither yes nor no', { fresh: 'yes' }, /fresh must be true or false/],
  ])('%s is refused', (_, more, message) =>
    expect(() => soundPeer({ ...original, ...more } as PeerOptions)).toThrow(message),
  )
})

describe('a peer that is told seeds', () => {
  const observer = { identifier: 'o', listen_port: 0, seeds: ['a:1', 'file:seeds'] }

  test('is an observer, and needs to know of no voter', () => {
    const sound = soundPeer(observer)
    expect(sound).toMatchObject({ others: [], self: { identifier: 'o', port: 0 } })
    expect(sound.seeds).toEqual([
      { type: 'address', host: 'a', port: 1 },
      { type: 'file', path: 'seeds' },
    ])
    expect(soundPeer(original).seeds).toBeUndefined()
  })

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['voters', { peers: original.peers }, 'takes no peers'],
    ['a data directory', { dataDir: '/tmp' }, 'takes no dataDir'],
    ['groups', { groups: {} }, 'takes no groups'],
    ['a fresh start', { fresh: true }, 'takes no fresh'],
    ['no seed', { seeds: [] }, 'seeds is empty'],
    ['a seed that is none', { seeds: 'nowhere' }, 'seeds is no address with a port'],
    ['seeds that are no texts', { seeds: [7] }, 'seeds[0] must be a string'],
    ['much to say about itself', { metadata: 'x'.repeat(1_023) }, 'at most 1024'],
    ['no identifier', { identifier: undefined }, 'identifier is missing'],
  ])('is not started with %s', (_what, change, message) => {
    expect(() => soundPeer({ ...observer, ...change } as PeerOptions)).toThrow(message)
  })
})

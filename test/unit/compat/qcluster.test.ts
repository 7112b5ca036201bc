import { describe, expect, test } from 'vitest'
import { QCluster, type QClusterConfiguration, type QClusterOptions } from '../../../src/compat/index.ts'

const original = {
  identifier: 'server_a',
  listen_host: 'localhost',
  listen_port: 7001,
  peers: [
    { host: 'localhost', port: 7002, identifier: 'server_b' },
    { host: 'localhost', port: 7003, identifier: 'server_c' },
  ],
}

describe('a QCluster is not made', () => {
  const [b, c] = original.peers
  const { identifier: _none, ...nameless } = original.peers[1] ?? expect.fail('two are listed')

  test.each<[string, object, string]>([
    [
      'an entry without an identifier: the quorum would shrink',
      { peers: [b, nameless] },
      'peers[1].identifier is missing',
    ],
    ['an identifier that comes twice', { peers: [b, { ...c, identifier: 'server_b' }] }, 'one identifier'],
    [
      'its own identifier in another entry',
      { peers: [{ ...b, identifier: 'server_a' }, c] },
      'an identifier of its own',
    ],
    ['a key that nobody knows', { quorum: 1 }, 'keys that are not known: "quorum"'],
    ['an option in its configuration', { dataDir: '/tmp' }, '"dataDir"'],
    ['a port that is text', { listen_port: '7001' }, 'listen_port must be a whole number'],
  ])('with %s', (_what, change, message) => {
    const make = () => new QCluster({ ...original, ...change } as QClusterConfiguration)
    expect(make).toThrow(expect.objectContaining({ code: 'CAUCUS_INVALID_CONFIG' }))
    expect(make).toThrow(message)
  })

  test('of no configuration, or with an option that nobody knows', () => {
    expect(() => new QCluster('server_a.json' as unknown as QClusterConfiguration)).toThrow('as an object')
    const options = { datadir: '/tmp' } as QClusterOptions
    expect(() => new QCluster(original, options)).toThrow('there is no option "datadir"')
  })
})

import { describe, expect, test } from 'vitest'
import { reachableHost } from '../../../src/backends/peer/hosts.ts'
import { lookUp, type SeedSources, seedsOf } from '../../../src/backends/peer/seeds.ts'
import { CaucusError } from '../../../src/errors.ts'
import { decodeVoters } from '../../../src/wire/peers/voters.ts'

const sources = (change: Partial<SeedSources> = {}): SeedSources => ({
  resolve: async () => [],
  resolveServices: async () => [],
  read: async () => '',
  ...change,
})

describe('a seed is written', () => {
  test.each([
    ['10.0.0.1:7001', { type: 'address', host: '10.0.0.1', port: 7001 }],
    ['http://a.example:7001/', { type: 'address', host: 'a.example', port: 7001 }],
    ['[::1]:7001', { type: 'address', host: '::1', port: 7001 }],
    ['dns:peers.example:7001', { type: 'name', name: 'peers.example', port: 7001 }],
    ['dns:_caucus._tcp.example', { type: 'name', name: '_caucus._tcp.example', port: undefined }],
    ['file:/etc/caucus/seeds', { type: 'file', path: '/etc/caucus/seeds' }],
  ])('as %s', (text, seed) => {
    expect(seedsOf(text, false)).toEqual({ seeds: [seed], faults: [] })
    expect(seedsOf([text], false).seeds).toEqual([seed])
  })

  test.each([
    ['a.example', 'is no address with a port'],
    ['a.example:0', 'is no address with a port'],
    ['a.example:70000', 'is no address with a port'],
    ['http://a.example:1/v1/peers', 'is no address with a port'],
    ['http://user@a.example:1', 'is no address with a port'],
    ['https://a.example:1', 'says https, which takes tls'],
    ['dns:', 'is no DNS name'],
    ['dns:a b:1', 'is no DNS name'],
    ['file:', 'names no file'],
    ['', 'is no address with a port'],
    [7, 'must be a string'],
  ])('and not as %j', (text, fault) => {
    expect(seedsOf([text], false).faults).toEqual([expect.stringContaining(`seeds[0] ${fault}`)])
  })

  test('with https where peers have tls, and in a list that is not empty', () => {
    expect(seedsOf('https://a:1', true).faults).toEqual([])
    expect(seedsOf('http://a:1', true).faults).toEqual([expect.stringContaining('asked by https')])
    expect(seedsOf([], false).faults).toEqual([expect.stringContaining('seeds is empty')])
    expect(seedsOf(Array(65).fill('a:1'), false).faults).toEqual([expect.stringContaining('at most 64')])
  })
})

describe('seeds stand for', () => {
  const { seeds } = seedsOf(['a:1', 'a:1', 'dns:b:2', 'dns:_c._tcp', 'file:d'], false)

  test('every address of a name, of its services, and of a file, each once', async () => {
    const found = await lookUp(
      seeds,
      false,
      sources({
        resolve: async (name) => (name === 'b' ? ['10.0.0.1', '::1'] : ['10.0.0.3']),
        resolveServices: async () => [{ name: 'c1', port: 3 }],
        read: async () => '# ours\n\n e:5 \r\n[::2]:6\n',
      }),
    )
    expect(found.problems).toEqual([])
    expect(found.addresses).toEqual([
      { host: 'a', port: 1 },
      { host: '10.0.0.1', port: 2, name: 'b' },
      { host: '::1', port: 2, name: 'b' },
      { host: '10.0.0.3', port: 3, name: 'c1' },
      { host: 'e', port: 5 },
      { host: '::2', port: 6 },
    ])
  })

  test('nothing where a name or a file has nothing, which is a problem of that one and of no other', async () => {
    const refuse = () => Promise.reject(new CaucusError('CAUCUS_BACKEND', 'not found'))
    const empty = await lookUp(seeds, false, sources({ resolveServices: refuse, read: async () => '\nnonsense\n' }))
    expect(empty.addresses).toEqual([{ host: 'a', port: 1 }])
    expect([...empty.problems].sort()).toEqual([
      'dns:_c._tcp: not found',
      'dns:b stands for no address',
      'file:d names no seed',
      'file:d: line 2 is no address with a port',
    ])
  })

  test('a few hundred addresses at most', async () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
    expect((await lookUp(seeds, false, sources({ resolve: async () => many }))).addresses).toHaveLength(256)
  })
})

test.each([
  ['0.0.0.0', '10.0.0.1', '10.0.0.1'],
  ['127.0.0.1', '10.0.0.1', '10.0.0.1'],
  ['localhost', '::ffff:10.0.0.1', '10.0.0.1'],
  ['localhost', '127.0.0.1', 'localhost'],
  ['a.example', '10.0.0.1', 'a.example'],
  ['0.0.0.0', 'unknown', '0.0.0.0'],
])('whoever says %s and was met at %s is reached at %s', (said, seen, host) => {
  expect(reachableHost(said, seen)).toBe(host)
})

describe('who the voters are is', () => {
  const voter = { identifier: 'a', host: 'h', port: 1, metadata: {}, self: true }
  const textOf = (change: object = {}) => JSON.stringify({ cluster: 'c', peers: [voter], later: 1, ...change })

  test('taken as it is, whatever else a later version says', () => {
    expect(decodeVoters(textOf())).toMatchObject({ cluster: 'c', peers: [{ identifier: 'a' }] })
  })

  test.each([
    ['no JSON', '<html>', 'is not JSON'],
    ['no object', '[]', 'must be object'],
    ['a host that is none', textOf({ peers: [{ ...voter, host: 'h/../@x' }] }), 'peers.0.host'],
    ['a port that is none', textOf({ peers: [{ ...voter, port: 0 }] }), 'peers.0.port'],
    ['an identifier that is none', textOf({ peers: [{ ...voter, identifier: '' }] }), 'an identifier is empty'],
    ['one voter twice', textOf({ peers: [voter, voter] }), 'names one voter twice'],
    ['too many', textOf({ peers: Array.from({ length: 65 }, (_, n) => ({ ...voter, identifier: `${n}` })) }), 'peers'],
  ])('not taken from %s', (_what, text, fault) => {
    expect(decodeVoters(text)).toContain(fault)
  })
})

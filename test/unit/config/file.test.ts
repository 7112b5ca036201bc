import { describe, expect, test } from 'vitest'
import { MAX_PARTITIONS, otherPeers } from '../../../src/config/config.ts'
import { checkConfig, parseConfig } from '../../../src/config/file.ts'
import { servedTiming, timing } from '../../../src/config/timing.ts'
import { isCaucusError } from '../../../src/errors.ts'
import * as limits from '../../../src/wire/limits.ts'

const parse = (value: unknown) => parseConfig(JSON.stringify(value), 'caucus.json')
const faultsOf = (value: unknown): unknown => {
  try {
    parse(value)
  } catch (error) {
    if (isCaucusError(error) && error.code === 'CAUCUS_INVALID_CONFIG') return error.details.faults
    throw error
  }
  return []
}

/** The predecessor's own example. */
const QCLUSTER = {
  identifier: 'node-1',
  listen_host: '10.0.0.1',
  listen_port: 7000,
  peers: [
    { identifier: 'node-2', host: '10.0.0.2', port: 7000, metadata: { zone: 'b' } },
    { identifier: 'node-3', host: '10.0.0.3', port: 7000 },
  ],
}

describe('a configuration file', () => {
  test('may say nothing', () => {
    expect(parse({})).toEqual({ peers: [], groups: new Map(), timing: servedTiming })
  })

  test('of the predecessor is accepted as it is', () => {
    const config = parse(QCLUSTER)
    expect(config).toMatchObject({ identifier: 'node-1', listenHost: '10.0.0.1', listenPort: 7000, timing: timing.lan })
    expect(otherPeers(config)).toHaveLength(2)
    expect(otherPeers(parse({ ...QCLUSTER, peers: [{ identifier: 'node-1', host: 'x', port: 1 }] }))).toEqual([])
    expect(checkConfig(config)).toEqual({ ok: true, violations: [], worstFailoverMs: 9_122, worstTakeoverMs: 27_244 })
  })

  test('gives groups a share and timing of their own, over that of the file', () => {
    const { groups, timing: own } = parse({
      timing: 'local',
      groups: { jobs: { share: { partitions: 64 }, timing: { leaseMs: 2_000 } }, cron: { share: 'index' } },
    })
    expect(own).toBe(timing.local)
    expect(groups.get('jobs')).toMatchObject({ share: { partitions: 64 }, timing: { leaseMs: 2_000, settleMs: 100 } })
    expect(groups.get('cron')).toEqual({ share: 'index' })
  })

  test('tells every slip at once, each by its path, with the key that was probably meant', () => {
    expect(
      faultsOf({
        identifer: 'a',
        listen_port: '7000',
        timing: { leasMs: 4_000 },
        groups: { jobs: { share: { partitons: 4 } }, 'a\nb': {} },
        tls: { cert: 'c.pem' },
      }),
    ).toEqual([
      'the key "identifer" is not known; did you mean identifier?',
      'timing.leasMs is not known; did you mean leaseMs?',
      'listen_port must be a whole number from 0 to 65535, not a string',
      'the key "groups.jobs.share.partitons" is not known; did you mean partitions?',
      'groups.jobs.share.partitions is missing',
      expect.stringMatching(/^the group name "a\\nb" has a control character/),
      'tls.key is missing',
    ])
  })

  test.each([
    [[], 'the configuration must be an object, not an empty array'],
    [{ peers: {} }, 'peers must be an array, not an object'],
    [
      { identifier: 'a', peers: [{ identifier: 'b', host: 'h', port: 0 }] },
      'peers[0].port must be a whole number from 1 to 65535, not 0',
    ],
    [{ identifier: 'a', peers: [{ host: 'h', port: 1 }] }, 'peers[0].identifier is missing'],
    [{ identifier: '' }, expect.stringContaining('identifier is empty')],
    [{ cluster: 'x'.repeat(300) }, expect.stringContaining('cluster is longer than 256 bytes')],
    [{ peers: [{ identifier: 'b', host: 'h', port: 1 }] }, expect.stringContaining('identifier is missing')],
    [{ timing: 'fast' }, 'timing must be "local", "lan", "wan" or an object of numbers in milliseconds'],
    [{ timing: { leaseMs: 0 } }, 'timing.leaseMs is 0; give milliseconds from 100 to 2147483647 (596h)'],
    [{ groups: { a: { share: 'slots' } } }, 'groups.a.share must be "index" or {"partitions": N}, not a string'],
    [
      { groups: { a: { share: { partitions: 1.5 } } } },
      'groups.a.share.partitions must be a whole number from 1 to 4096, not 1.5',
    ],
    [
      { tokens: ['short'] },
      'tokens[0] has 5 characters; a token is 8 to 1024 printable ASCII characters without spaces',
    ],
    [{ tokens: ['with a space'] }, expect.stringMatching(/^tokens\[0\] has a space or/)],
    [
      { tokens: [3] },
      'tokens[0] must be a token, or an object with role and one of token, sha256 and identity, not a number',
    ],
    [{ tokens: [] }, 'tokens must be an array of tokens, not an empty array'],
  ])('%j is refused: %s', (value, fault) => expect(faultsOf(value)).toContainEqual(fault))

  test('never repeats a token in what it says', () => {
    expect(JSON.stringify(faultsOf({ tokens: 'secret-of-mine', tls: 'secret-of-mine' }))).not.toContain('secret')
  })

  test('allows as many partitions as a message can carry', () => {
    expect(MAX_PARTITIONS).toBe(limits.MAX_PARTITIONS)
  })

  test('limits the voters', () => {
    const peers = Array.from({ length: 8 }, (_, n) => ({ identifier: `n${n}`, host: 'h', port: n + 1 }))
    expect(faultsOf({ identifier: 'n0', peers })).toEqual(['peers makes 8 voters; at most 7'])
    expect(faultsOf({ identifier: 'n0', peers: [...peers.slice(0, 2), { ...peers[1], port: 9 }] })).toEqual([
      'peers has two entries with one identifier, "n1"',
    ])
    expect(faultsOf({ identifier: 'n0', peers: [...peers.slice(0, 2), { ...peers[2], port: 1 }] })).toEqual([
      'peers has two entries with one address, h:1',
    ])
  })

  test('is too long', () => {
    expect(() => parseConfig(' '.repeat(1_000_001), 'f')).toThrow(/longer than 1000000 characters/)
  })
})

describe('its check', () => {
  test('names the group whose timing is unsafe', () => {
    const report = checkConfig(parse({ groups: { jobs: { timing: { heartbeatMs: 5_000 } } } }))
    expect(report.ok).toBe(false)
    expect(report.violations.map(({ rule }) => rule)).toContainEqual(
      expect.stringMatching(/^groups\.jobs: leaseMs − stopMarginMs must be/),
    )
  })
  test('takes the worst case over all groups', () => {
    const slow = { leaseMs: 60_000 }
    expect(checkConfig(parse({ groups: { slow: { timing: slow } } })).worstFailoverMs).toBe(61_213)
  })
})

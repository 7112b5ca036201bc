import { expect, it } from 'vitest'
import { type EtcdOptions, soundEtcd } from '../../../src/backends/etcd/options.ts'
import { timing } from '../../../src/config/timing.ts'
import { isCaucusError } from '../../../src/errors.ts'
import { etcd } from '../../../src/etcd.ts'

const URL = 'http://127.0.0.1:2379'

const refusal = (options: unknown): string => {
  try {
    etcd(options as EtcdOptions)
  } catch (error) {
    if (isCaucusError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'taken'
}

it('takes a URL, a list of them, or an object, and fills in the rest', () => {
  expect(soundEtcd(URL)).toMatchObject({
    urls: [URL],
    prefix: 'caucus/',
    timing: timing.lan,
    fresh: false,
    connectTimeoutMs: 10_000,
    requestMs: 1_000,
    leastGeneration: undefined,
  })
  expect(soundEtcd([URL, 'http://127.0.0.1:2380']).urls).toHaveLength(2)
  expect(soundEtcd({ urls: URL, prefix: 'team/a' }).prefix).toBe('team/a/')
})

it('groups have settings of their own', () => {
  const { settings, shortestLeaseMs } = soundEtcd({
    urls: URL,
    timing: { leaseMs: 8_000 },
    groups: { jobs: { share: { partitions: 16 }, timing: { leaseMs: 4_000 } } },
  })
  expect(settings.defaults.leaseMs).toBe(8_000)
  expect(settings.groups?.get('jobs')).toMatchObject({ share: { partitions: 16 }, leaseMs: 4_000 })
  expect(shortestLeaseMs).toBe(4_000)
})

it('refuses a lease that etcd cannot keep, with both numbers', () => {
  expect(refusal({ urls: URL, timing: 'local' })).toMatch(/CAUCUS_INVALID_CONFIG.*timing\.leaseMs is 1000.*2000/)
  expect(refusal({ urls: URL, groups: { g: { timing: { leaseMs: 1_999 } } } })).toMatch(
    /groups\.g\.timing\.leaseMs is 1999.*2000/,
  )
  expect(refusal({ urls: URL, timing: { leaseMs: 2_000 } })).toBe('taken')
})

it('refuses timing that is not safe together', () => {
  expect(refusal({ urls: URL, timing: { leaseMs: 4_000, heartbeatMs: 3_000 } })).toMatch(
    /CAUCUS_INVALID_CONFIG.*heartbeatMs/,
  )
})

it('generations begin above a token of before', () => {
  const token = 5 * 2 ** 21 + 17
  expect(soundEtcd({ urls: URL, tokensAbove: token }).leastGeneration).toBe(6)
  expect(soundEtcd({ urls: URL, tokensAbove: 0 }).leastGeneration).toBe(1)
  for (const tokensAbove of [-1, 1.5, Number.NaN, '7', 2 ** 53]) {
    expect(refusal({ urls: URL, tokensAbove })).toMatch(/CAUCUS_INVALID_ARGUMENT.*tokensAbove/)
  }
})

it.each([
  [undefined, /URLs, or an object/],
  [[], /like http:\/\/127\.0\.0\.1:2379/],
  [{}, /like http/],
  [7, /URLs, or an object/],
  ['ftp://x', /not ftp:/],
  ['http://u:secret@host:2379', /no user and no password/],
  [{ urls: URL, prefx: 'x/' }, /knows no option "prefx"/],
  [{ urls: URL, prefix: '' }, /prefix/],
  [{ urls: URL, prefix: 'a b' }, /prefix/],
  [{ urls: URL, prefix: 7 }, /prefix/],
  [{ urls: URL, fresh: 1 }, /fresh/],
  [{ urls: URL, requestMs: Number.NaN }, /requestMs/],
  [{ urls: URL, requestMs: 1 }, /requestMs/],
  [{ urls: URL, connectTimeoutMs: -1 }, /connectTimeoutMs/],
  [{ urls: URL, user: 'u' }, /password/],
  [{ urls: URL, tls: {} }, /tls/],
  [{ urls: URL, newId: 'x' }, /newId/],
  [{ urls: URL, logger: console.log }, /logger.*debug, info, warn, error/],
  [{ urls: URL, logger: { info: () => undefined } }, /logger/],
  [{ urls: URL, clocks: null }, /clocks/],
])('refuses %j, and repeats no password', (options, rule) => {
  const said = refusal(options)
  expect(said).toMatch(/^CAUCUS_INVALID_(ARGUMENT|CONFIG)/)
  expect(said).toMatch(rule)
  expect(said).not.toContain('secret')
})

it('refuses settings of groups that cannot be', () => {
  expect(refusal({ urls: URL, groups: { 'once/x/1': {} } })).toMatch(/CAUCUS_INVALID/)
  expect(refusal({ urls: URL, groups: { g: { share: 'tenure' } } })).toMatch(/CAUCUS_INVALID/)
  expect(refusal({ urls: URL, groups: { g: { size: 1 } } })).toMatch(/CAUCUS_INVALID/)
  expect(refusal({ urls: URL, groups: [] })).toMatch(/CAUCUS_INVALID/)
})

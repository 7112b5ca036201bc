import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type AccessSettings, refusalsOf, type ServeOptions, settingsOf } from '../../../src/cli/serve-settings.ts'
import { parseConfig } from '../../../src/config/file.ts'
import { timing } from '../../../src/config/timing.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
const settings = (options: Partial<ServeOptions> = {}, env: NodeJS.ProcessEnv = {}) =>
  settingsOf({ group: 'default', ...options }, env)
const tokensIn = (access: AccessSettings | undefined) =>
  access?.rules.map(({ credential }) => (credential.type === 'token' ? credential.token : credential.type))

describe('what a server is told', () => {
  test('nothing makes it the predecessor’s server, on this machine only', () => {
    expect(settings()).toEqual({
      host: '127.0.0.1',
      port: 8_989,
      clusterId: undefined,
      defaults: {
        leaseMs: 4_000,
        settleMs: 6_000,
        settleCapMs: 30_000,
        drainLimitMs: timing.lan.drainLimitMs,
        staticGraceMs: 15_000,
      },
      groups: new Map(),
      poll: { group: 'default', timeoutMs: 4_000, settleMs: 6_000, settleCapMs: 30_000, pollIntervalMs: 4_000 },
      access: undefined,
      limits: {},
      tls: undefined,
    })
  })

  test('the predecessor’s tightest settings are accepted', () => {
    expect(settings({ timeout: 1_000, settle: 1_000 }).defaults).toMatchObject({ leaseMs: 1_000, settleMs: 1_000 })
    expect(settings({ timeout: 1_000, settle: 0, pollInterval: 500 }).poll).toMatchObject({
      settleMs: 0,
      pollIntervalMs: 500,
    })
  })

  test('links are between voters: the command line goes before the file, and a server without peers has none', () => {
    const peers = [
      { identifier: 'a', host: 'localhost', port: 7_001 },
      { identifier: 'b', host: 'localhost', port: 7_002 },
    ]
    const config = file('links.json', { identifier: 'a', listen_port: 7_001, peers, links: 'plain' })
    expect(settings({ config }).voter?.links).toBe('plain')
    expect(settings({ config, links: 'direct' }).voter?.links).toBe('direct')
    expect(() => settings({ links: 'direct' })).toThrow('--links is between voters')
  })

  test('the command line goes before the file, and groups keep what is their own', () => {
    const config = file('all.json', {
      cluster: 'c1',
      identifier: 'n1',
      listen_host: '::1',
      listen_port: 7_000,
      timing: 'wan',
      peers: [{ identifier: 'n1', host: 'h', port: 7_000 }],
      groups: {
        jobs: { share: { partitions: 8 }, timing: 'local' },
        cron: { share: 'index' },
        default: { timing: 'lan' },
      },
      tokens: ['0123456789'],
    })
    const { host, port, clusterId, defaults, groups, poll, access } = settings({ config, timeout: 9_000 })
    expect({ host, port, clusterId, tokens: tokensIn(access) }).toEqual({
      host: '::1',
      port: 7_000,
      clusterId: 'c1',
      tokens: ['0123456789'],
    })
    expect(defaults).toMatchObject({ leaseMs: 9_000, settleMs: timing.wan.settleMs })
    expect(groups.get('jobs')).toMatchObject({ leaseMs: 1_000, share: { partitions: 8 } })
    expect(groups.get('cron')).toMatchObject({ leaseMs: 9_000, share: 'index' })
    expect([...groups.keys()]).toEqual(['jobs', 'cron'])
    expect(poll).toMatchObject({ timeoutMs: 6_000, settleMs: 500 })
    expect(settings({ config, listen: { host: '127.0.0.1', port: 0 } })).toMatchObject({ host: '127.0.0.1', port: 0 })
  })

  test('tokens come from the option, the file or the environment, in this order', () => {
    const [one, two, three] = [
      file('one', 'token-one\n'),
      file('two', '\ntoken-two\r\n token-2b \n'),
      file('three', 'token-three'),
    ]
    const config = file('tokens.json', { tokens: ['token-config'] })
    expect(tokensIn(settings({ tokenFile: one, config }, { CAUCUS_TOKEN_FILE: three }).access)).toEqual(['token-one'])
    expect(tokensIn(settings({ config }, { CAUCUS_TOKEN_FILE: three }).access)).toEqual(['token-config'])
    expect(tokensIn(settings({}, { CAUCUS_TOKEN_FILE: three }).access)).toEqual(['token-three'])
    expect(tokensIn(settings({ tokenFile: two }).access)).toEqual(['token-two', 'token-2b'])
  })

  test.each([
    [
      'a poll interval above the time-out',
      { timeout: 4_000, pollInterval: 5_000 },
      /--poll-interval is 5s and --timeout 4s/,
    ],
    ['a certificate without its key', { tlsCert: 'c.pem' }, /--tls-cert and --tls-key go together/],
    ['an authority without a certificate', { tlsCa: 'c.pem' }, /--tls-ca needs/],
    [
      'a certificate that is not there',
      { tlsCert: '/no/c', tlsKey: '/no/k' },
      /--tls-cert.*cannot read \/no\/c: there is no such file$/,
    ],
    [
      'a certificate that is none',
      { tlsCert: file('c.pem', 'no'), tlsKey: file('k.pem', 'no') },
      /c\.pem and .*k\.pem are no certificate/,
    ],
    ['a token file that is not there', { tokenFile: '/no/t' }, /--token-file: cannot read \/no\/t/],
    [
      'a token list with a slip',
      { tokenFile: file('list', [{ name: 'a', token: 'secret-token', role: 'boss' }]) },
      /--token-file: .*list: entry\[0\]\.role must be one of read, member, admin/,
    ],
    ['an empty token file', { tokenFile: file('empty', '\n') }, /holds no token/],
    [
      'a short token',
      { tokenFile: file('short', 'abc') },
      /--token-file: line 1 of .*short has 3 characters; a token is 8 to 1024/,
    ],
    ['a configuration that is not there', { config: '/no/c.json' }, /--config: cannot read/],
    [
      'unsafe timing',
      { config: file('u.json', { timing: { leaseMs: 4_000, heartbeatMs: 5_000 } }) },
      /3750 ms.*15000 ms/,
    ],
    [
      'an unsafe group',
      { config: file('g.json', { groups: { a: { timing: { stopMarginMs: 3_000 } } } }) },
      /groups\.a: leaseMs/,
    ],
    ['a slip', { config: file('s.json', '{"timing": {"leaseMs": 4000,}}') }, /s\.json, line 1, column 29/],
    [
      'a voter whose file has no token that it could show',
      {
        config: file('t.json', {
          identifier: 'a',
          peers: [{ identifier: 'b', host: 'h', port: 1 }],
          tokens: [{ name: 'b', sha256: '0'.repeat(64), role: 'admin' }],
        }),
      },
      /no token that this peer could show/,
    ],
    [
      'partitions for clients that poll',
      { config: file('q.json', { groups: { default: { share: { partitions: 4 } } } }) },
      /the one of bloc's clients/,
    ],
  ])('%s is refused', (_, options, message) => expect(() => settings(options)).toThrow(message))
})

describe('before it is served, a file says every reason for which it would be refused', () => {
  const refusals = (content: unknown, env: NodeJS.ProcessEnv = {}) =>
    refusalsOf(parseConfig(JSON.stringify(content), 'f.json'), 'f.json', env)

  test('and none when there is none', async () => {
    expect(await refusals({ listen_host: '127.0.0.2' })).toEqual([])
    expect(await refusals({ listen_host: '0.0.0.0', tokens: ['0123456789'] })).toEqual([])
    expect(await refusals({ listen_host: '0.0.0.0' }, { CAUCUS_TOKEN_FILE: file('env', '0123456789') })).toEqual([])
  })

  test('what a peer refuses when it starts, too', async () => {
    const peers = [
      { identifier: 'a', host: 'localhost', port: 7_009 },
      { identifier: 'b', host: 'localhost', port: 7_002 },
    ]
    const own = { identifier: 'a', listen_host: '127.0.0.1', listen_port: 7_001, peers }
    expect(await refusals(own)).toEqual([expect.stringContaining('peers[0] has the identifier "a" of this peer')])
    expect(await refusals({ ...own, listen_port: 7_009 })).toEqual([])
  })

  test('all of them at once', async () => {
    const reasons = await refusals({
      identifier: 'a',
      listen_host: '0.0.0.0',
      peers: [{ identifier: 'b', host: 'h', port: 1 }],
      groups: { default: { share: { partitions: 4 } } },
      tls: { cert: '/no/c', key: '/no/k' },
    })
    expect(reasons).toEqual([
      expect.stringContaining('the group "default" shares partitions'),
      expect.stringContaining('cannot read /no/c'),
      expect.stringContaining('listen_host 0.0.0.0 can be reached from other machines'),
    ])
  })
})

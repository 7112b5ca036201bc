import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { makeCertificates, OPENSSL } from '../../src/testing/servers/certificates.ts'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { NATS, type NatsServer, startNats } from '../../src/testing/servers/nats.ts'
import { lackFor } from './support/needs.ts'
import { endAll, type Running, startCaucus } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const LONG_MS = 240_000
vi.setConfig({ testTimeout: 2 * LONG_MS })
const folder = mkdtempSync(join(tmpdir(), 'caucus-engines-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
// Some run at once, as they mostly wait for leases: none ends what another one has started.
afterAll(endAll)

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const ended = async (running: Running) => {
  const { code } = await waitFor('the command to end', () => running.ended(), { withinMs: LONG_MS })
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}
/** A program that says its share, and stays. */
const SAYS = ['sh', '-c', 'echo "$CAUCUS_INDEX/$CAUCUS_TOTAL $CAUCUS_TOKEN"; exec sleep 600']

describe.skipIf(lackFor('the command line on etcd', [ETCD]))('on etcd, without a server of ours', () => {
  let etcd: EtcdServers
  let env: NodeJS.ProcessEnv
  beforeAll(async () => {
    etcd = await startEtcd()
    env = { CAUCUS_ETCD: etcd.urls.join() }
  })
  afterAll(() => etcd?.close())

  const keysUnder = async (prefix: string) => {
    const [key, end] = [prefix, `${prefix}\x7f`].map((text) => Buffer.from(text).toString('base64'))
    return Number((await etcd.ask('/v3/kv/range', { key, range_end: end, count_only: true })).count ?? 0)
  }
  const linesOf = (running: Running) => running.stdout().split('\n').slice(0, -1)

  test.concurrent('programs have their shares, and another one takes over when one is killed with its wrapper', async () => {
    const work = (id: string) =>
      startCaucus(
        ['work', '--group', 'jobs', '--id', id, '--etcd-prefix', 'shares', '--grace', '0.1', '--', ...SAYS],
        env,
      )
    const [a, b] = [work('a'), work('b')]
    const shares = () => [a, b].map((each) => linesOf(each).at(-1)?.trim()).sort()
    await waitFor('both to have a share', () => shares().join() === '1/2,2/2', { withinMs: LONG_MS })
    a.signal('SIGKILL')
    await waitFor('the other one to have all', () => linesOf(b).at(-1)?.trim() === '1/1', { withinMs: LONG_MS })
    expect(await b.stop('SIGTERM')).toBe(0)
  })

  test.concurrent('one leads at a time, with a token that rises, and status shows it to whoever writes nothing', async () => {
    const options = ['--etcd', ...etcd.urls, '--etcd-prefix', 'led/']
    const status = async () => {
      const { code, stdout, stderr } = await ended(startCaucus(['status', '--json', ...options]))
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return JSON.parse(stdout)
    }
    expect(await status()).toMatchObject({ guarantees: { exclusion: 'fenced', survivesRestart: true }, groups: [] })
    expect(await keysUnder('led/')).toBe(0)
    const elect = (id: string) => startCaucus(['elect', 'cron', '--id', id, ...options, '--', ...SAYS])
    const first = elect('first')
    const token = async (running: Running) =>
      Number(await waitFor('it to lead', () => linesOf(running)[0]?.split(' ')[1], { withinMs: LONG_MS }))
    const before = await token(first)
    const second = elect('second')
    await waitFor('the second one to wait', async () => {
      const [group] = (await status()).groups
      return group?.members.length === 2 && group
    })
    const [group] = (await status()).groups
    expect(group).toMatchObject({ name: 'election/cron', share: 'tenure' })
    expect(group.members).toContainEqual(expect.objectContaining({ id: 'first', leads: true, epoch: before }))
    const { stdout } = await ended(startCaucus(['status', ...options]))
    expect(stdout).toMatch(/cron +first +\d+ +1/)
    first.signal('SIGKILL')
    expect(await token(second)).toBeGreaterThan(before)
    expect(await second.stop('SIGINT')).toBe(130)
  })

  test(
    'the demo holds its check, kills of whoever coordinates included, and leaves nothing behind',
    async () => {
      const input = join(import.meta.dirname, '..', 'unit')
      const output = join(folder, 'SUMS')
      const args = ['--once', '--json', '--input', input, '--output', output, '--workers', '4', '--kill', '1']
      const { code, stdout, stderr } = await ended(
        startCaucus(['demo', ...args, '--etcd', ...etcd.urls], { TMPDIR: folder }),
      )
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(events.at(-1)).toMatchObject({ type: 'summary', ok: true, missing: 0, duplicates: 0, overlaps: 0 })
      expect(events.at(-1)).toMatchObject({ killed: 2, frozen: 1, joined: 2 })
      expect(events.filter(({ type, coordinated }) => type === 'killed' && coordinated === true)).toHaveLength(1)
      expect(await keysUnder('caucus-demo/')).toBe(0)
    },
    LONG_MS,
  )
})

describe.skipIf(lackFor('the command line on an etcd with users', [ETCD]))('on an etcd with users', () => {
  test('a user is let in with the password in a file, and nobody else is', async () => {
    await using etcd = await startEtcd()
    await etcd.requirePassword({ name: 'jobs', password: 'open sesame', prefix: 'jobs/' })
    const status = (...args: string[]) =>
      ended(startCaucus(['status', '--etcd', ...etcd.urls, '--etcd-prefix', 'jobs', ...args]))
    const password = file('password', 'open sesame\n')
    expect(await status('--etcd-user', 'jobs', '--etcd-password-file', password)).toMatchObject({ code: 0, stderr: '' })
    const wrong = await status('--etcd-user', 'jobs', '--etcd-password-file', file('wrong', 'no'))
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toMatch(
      /; here, say who you are with --etcd-user and --etcd-password-file \(CAUCUS_UNAUTHORIZED\)\n$/,
    )
  })

  test('which is not there is said, by a command that somebody waits for', async () => {
    const { code, stderr } = await ended(startCaucus(['status', '--etcd', 'http://127.0.0.1:1']))
    expect(stderr).toContain('(CAUCUS_UNAVAILABLE)')
    expect(code).toBe(1)
  })
})

describe.skipIf(lackFor('the command line on NATS', [NATS]))('on NATS, without a server of ours', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await startNats()
  })
  afterAll(() => nats?.close())
  const asked = (env: NodeJS.ProcessEnv, ...args: string[]) => ended(startCaucus(['ask', 'price', ...args], env))

  test('programs answer what is asked, each with an outcome', async () => {
    const env = { CAUCUS_NATS: nats.url }
    const answering = (id: string, script: string) =>
      startCaucus(['answer', 'price', '--id', id, '--nats', nats.url, '--', 'sh', '-c', script])
    const running = [
      answering('shop', 'read sku; echo "{\\"sku\\":$sku}"'),
      answering('broken', 'echo no such sku >&2; exit 3'),
    ]
    for (const each of running) await waitFor('it to answer', () => each.stderr().includes('answering'))
    const { code, stdout } = await asked(env, '7', '--json', '--within', '20')
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toContainEqual({ type: 'reply', from: 'shop', value: { sku: 7 } })
    expect(lines).toContainEqual(
      expect.objectContaining({
        type: 'error',
        from: 'broken',
        error: expect.objectContaining({ code: 'CAUCUS_HANDLER_FAILED' }),
      }),
    )
    expect(lines.at(-1)).toMatchObject({ type: 'summary', expected: 2, replied: 1, errors: 1, missing: [] })
    expect(code).toBe(1)
    expect(await asked({}, '7', '--nats', nats.url, '--to', 'shop')).toMatchObject({
      code: 0,
      stdout: 'shop: {"sku":7}\n',
    })
    // Another prefix has other topics.
    expect((await asked(env, '7', '--nats-prefix', 'other')).stderr).toContain('CAUCUS_NO_RESPONDERS')
    for (const each of running) expect(await each.stop('SIGTERM')).toBe(0)
  })

  test('who is not let in is told so', async () => {
    await using guarded = await startNats({ config: 'authorization { token: "secret" }' })
    const { code, stderr } = await asked({ CAUCUS_NATS: guarded.url }, '7')
    expect(stderr).toMatch(/; here, say who you are with --nats-credentials \(CAUCUS_UNAUTHORIZED\)\n$/)
    expect(code).toBe(1)
  })
})

describe.skipIf(lackFor('the command line with TLS', [OPENSSL, ETCD, NATS]))('with TLS', () => {
  test('both are reached with the certificates that are named, and by nobody without', async () => {
    const made = makeCertificates()
    try {
      const { caFile, client, server } = made
      await using etcd = await startEtcd({ tls: made, clientCertificates: true })
      const files = `cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${caFile}", verify: true`
      await using nats = await startNats({ config: `tls { ${files} }` })
      const shown = ['--tls-ca', caFile, '--tls-cert', client.certFile, '--tls-key', client.keyFile]
      const run = (...args: string[]) => ended(startCaucus(args))
      expect(await run('status', '--etcd', ...etcd.urls, ...shown)).toMatchObject({ code: 0 })
      expect(await run('status', '--etcd', ...etcd.urls, '--tls-ca', caFile)).toMatchObject({ code: 1 })
      const ask = ['ask', 'price', '1', '--nats', nats.url.replace('nats:', 'tls:')]
      expect((await run(...ask, ...shown)).stderr).toContain('(CAUCUS_NO_RESPONDERS)')
      const refused = await run(...ask, '--tls-ca', caFile)
      expect(refused.stderr).not.toContain('(CAUCUS_NO_RESPONDERS)')
      expect(refused.code).toBe(1)
      expect((await run('status', '--etcd', nats.url.replace('nats:', 'http:'), ...shown)).code).toBe(2)
    } finally {
      made.remove()
    }
  })
})

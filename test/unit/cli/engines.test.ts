import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { groupsPlace, topicsPlace } from '../../../src/cli/engines.ts'
import { withPackage } from '../../../src/cli/optional-package.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-engines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const SERVERS = { type: 'servers' }
const etcdAt = (...endpoints: string[]) => ({ type: 'etcd', endpoints })
const natsAt = (...servers: string[]) => ({ type: 'nats', servers })

describe('groups are coordinated', () => {
  test('by servers, unless something else is named', () => {
    expect(groupsPlace({}, {})).toEqual(SERVERS)
    expect(groupsPlace({}, { CAUCUS_NATS: 'a', CAUCUS_SERVER: 'http://a' })).toEqual(SERVERS)
  })

  test('on etcd that is named on the command line or in the environment, the former first', () => {
    const env = { CAUCUS_ETCD: 'http://a:1, https://b:2/' }
    expect(groupsPlace({ etcd: ['http://c:3'] }, env)).toEqual(etcdAt('http://c:3'))
    expect(groupsPlace({}, env)).toEqual(etcdAt('http://a:1', 'https://b:2'))
    expect(groupsPlace({ server: ['http://s'] }, env)).toEqual(SERVERS)
    expect(groupsPlace({ etcd: ['c:3'] }, { CAUCUS_SERVER: 'http://s' })).toEqual(etcdAt('c:3'))
    expect(groupsPlace({ etcd: ['c:3'], nats: ['n'], natsPrefix: 'p' }, {})).toEqual(etcdAt('c:3'))
  })

  test('with a prefix and a user, whose password is the first line of a file', () => {
    const etcdPasswordFile = file('password', 'open sesame\n')
    const settings = { etcd: ['a:1'], etcdPrefix: 'p/', etcdUser: 'me', etcdPasswordFile }
    const place = { ...etcdAt('a:1'), prefix: 'p/', user: 'me', password: 'open sesame' }
    expect(groupsPlace(settings, {})).toEqual(place)
    const env = { CAUCUS_ETCD_PREFIX: 'p/', CAUCUS_ETCD_USER: 'me', CAUCUS_ETCD_PASSWORD_FILE: etcdPasswordFile }
    expect(groupsPlace({ etcd: ['a:1'] }, env)).toEqual(place)
    // Of no use to servers, and no reason to fail.
    expect(groupsPlace({}, env)).toEqual(SERVERS)
    const empty = { ...env, CAUCUS_ETCD_PASSWORD_FILE: file('empty', '\n') }
    expect(() => groupsPlace({ etcd: ['a:1'] }, empty)).toThrow(/CAUCUS_ETCD_PASSWORD_FILE: .*empty holds no password/)
  })

  test('by one of two that the environment names only if the command line chooses', () => {
    const env = { CAUCUS_ETCD: 'a:1', CAUCUS_SERVER: 'http://s' }
    expect(() => groupsPlace({}, env)).toThrow('CAUCUS_SERVER and CAUCUS_ETCD name two coordinators')
    expect(() => groupsPlace({}, { CAUCUS_ETCD: 'nfs://a' })).toThrow(/^CAUCUS_ETCD: "nfs:\/\/a" is no URL of etcd/)
  })
})

describe('topics are', () => {
  test('with the servers, unless NATS is named', () => {
    expect(topicsPlace({}, {})).toEqual(SERVERS)
    expect(topicsPlace({ server: ['http://s'] }, { CAUCUS_NATS: 'a', CAUCUS_ETCD: 'b:1' })).toEqual(SERVERS)
    expect(topicsPlace({}, { CAUCUS_SERVER: 'http://s', CAUCUS_ETCD: 'b:1' })).toEqual(SERVERS)
  })

  test('on NATS, whatever coordinates the rest', () => {
    expect(topicsPlace({ nats: ['tls://a:1', 'b'] }, {})).toEqual(natsAt('tls://a:1', 'b'))
    expect(topicsPlace({ nats: ['a'], server: ['http://s'], tokenFile: 'f' }, {})).toEqual(natsAt('a'))
    expect(topicsPlace({ nats: ['a'], etcd: ['e:1'], etcdPrefix: 'p/' }, {})).toEqual(natsAt('a'))
    expect(topicsPlace({}, { CAUCUS_NATS: 'a b', CAUCUS_SERVER: 'http://s' })).toEqual(natsAt('a', 'b'))
    expect(topicsPlace({ etcd: ['e:1'] }, { CAUCUS_NATS: 'a' })).toEqual(natsAt('a'))
  })

  test('with credentials from a file', () => {
    const natsCredentials = file('creds', 'NATS USER JWT')
    const place = { ...natsAt('a'), prefix: 'p', credentials: Buffer.from('NATS USER JWT') }
    expect(topicsPlace({ nats: ['a'], natsPrefix: 'p', natsCredentials }, {})).toEqual(place)
    const env = { CAUCUS_NATS: 'a', CAUCUS_NATS_PREFIX: 'p', CAUCUS_NATS_CREDENTIALS: natsCredentials }
    expect(topicsPlace({}, env)).toEqual(place)
  })

  test('nowhere with etcd alone', () => {
    expect(() => topicsPlace({}, { CAUCUS_ETCD: 'a:1' })).toThrow('CAUCUS_ETCD: etcd carries no topics')
    expect(() => topicsPlace({}, { CAUCUS_NATS: 'http://a' })).toThrow(
      /^CAUCUS_NATS: "http:\/\/a" is no address of NATS/,
    )
  })
})

describe('a package that is not installed', () => {
  const missing = (name: string) =>
    Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' })
  const used = (error: unknown) => withPackage('etcd3', '--etcd', () => Promise.reject(error))

  test('is named, with what to do', async () => {
    const said = { code: 'CAUCUS_INVALID_CONFIG', message: expect.stringMatching(/^--etcd .* npm install etcd3$/) }
    await expect(used(missing('etcd3'))).rejects.toMatchObject(said)
    const wrapped = Object.assign(new Error('etcd() needs it'), {
      code: 'CAUCUS_INVALID_CONFIG',
      cause: missing('etcd3'),
    })
    await expect(used(wrapped)).rejects.toMatchObject(said)
  })

  test('is not blamed for anything else', async () => {
    for (const error of [missing('other'), new Error('etcd3'), undefined]) await expect(used(error)).rejects.toBe(error)
    expect(await withPackage('etcd3', '--etcd', async () => 7)).toBe(7)
  })
})

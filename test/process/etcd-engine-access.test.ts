import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Engine } from '../../src/backends/etcd/engine.ts'
import { type EngineOptions, openEngine } from '../../src/backends/etcd/etcd3/index.ts'
import { isCaucusError } from '../../src/errors.ts'
import { systemClocks } from '../../src/runtime/system-clock.ts'
import { type Certificates, makeCertificates, OPENSSL } from '../../src/testing/servers/certificates.ts'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

const USER = { name: 'caucus', password: 'a secret that nobody repeats', prefix: 'ours/' }

describe.skipIf(lackFor('the engine and who may use etcd', [ETCD, OPENSSL]))('who may use etcd', () => {
  let etcd: EtcdServers
  let engines: Engine[]
  const open = (options: Partial<EngineOptions> = {}): Engine => {
    const engine = openEngine({
      // By name: gRPC has Node warn of a certificate that is asked for by an IP address.
      ...{
        endpoints: etcd.urls.map((url) => url.replace('127.0.0.1', 'localhost')),
        clock: systemClocks.grantor,
        requestMs: 3_000,
        progressMs: 1_500,
      },
      ...options,
    })
    engines.push(engine)
    return engine
  }
  const put = (engine: Engine, key: string, value = '1') => engine.transact({ then: [{ type: 'put', key, value }] })
  const failureOf = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!isCaucusError(error)) throw new Error(`rejected with ${String(error)}`)
    expect(JSON.stringify([error, error.message, error.stack, String(error.cause)])).not.toContain(USER.password)
    return error
  }

  beforeEach(() => {
    engines = []
  })
  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.close()))
    await etcd.close()
  })

  describe('with a user and a password', () => {
    const login = { user: USER.name, password: USER.password }

    test('lets in who has them, to what that user may do; all others hear what is wrong', async () => {
      etcd = await startEtcd()
      await etcd.requirePassword(USER)
      const engine = open(login)
      await put(engine, 'ours/a')
      expect(await engine.list('ours/')).toMatchObject({ entries: [{ value: '1' }] })
      const { lease } = await engine.grant(60)
      expect(await engine.keepAlive(lease)).toBe(true)
      await engine.revoke(lease)

      expect(await failureOf(put(engine, 'theirs'))).toMatchObject({ code: 'CAUCUS_FORBIDDEN', definite: true })
      expect(await failureOf(put(open(), 'ours/a'))).toMatchObject({ code: 'CAUCUS_UNAUTHORIZED', definite: true })
      const wrong = open({ ...login, password: `${USER.password}!` })
      expect(await failureOf(put(wrong, 'ours/a'))).toMatchObject({ code: 'CAUCUS_UNAUTHORIZED', definite: true })
      const nobody = open({ ...login, user: 'nobody' })
      expect(await failureOf(put(nobody, 'ours/a'))).toMatchObject({ code: 'CAUCUS_UNAUTHORIZED', definite: true })
    })

    test('goes on when a token expires, when a member forgets it, and when roles change', async () => {
      etcd = await startEtcd({ args: ['--auth-token-ttl', '1'] })
      await etcd.requirePassword(USER)
      const engine = open(login)
      const { revision } = await put(engine, 'ours/a')
      const told: string[] = []
      engine.watch('ours/', revision, {
        changed: (changes) => {
          for (const change of changes) if (change.type === 'put') told.push(change.entry.value)
        },
        progressed: () => undefined,
        ended: (why) => told.push(JSON.stringify(why)),
      })
      const { lease } = await engine.grant(60)
      await sleep(3_000)
      await put(engine, 'ours/a', 'after it expired')
      expect(await engine.keepAlive(lease)).toBe(true)
      await waitFor('the change', () => told.includes('after it expired'))
      expect(told).toEqual(['1', 'after it expired'])

      await etcd.nodes[0]?.restart()
      await waitFor('etcd', () => put(engine, 'ours/a', 'after a restart').catch(() => undefined))
      expect((await engine.list('ours/')).entries).toMatchObject([{ value: 'after a restart' }])
      expect(await engine.keepAlive(lease)).toBe(true)

      await etcd.ask('/v3/auth/role/add', { name: 'another' })
      await put(engine, 'ours/a', 'after a change of roles')
      expect((await engine.list('ours/')).entries).toMatchObject([{ value: 'after a change of roles' }])
    })

    test('can be there before etcd asks for them', async () => {
      etcd = await startEtcd()
      const engine = open(login)
      const without = open()
      await put(engine, 'ours/a')
      await put(without, 'ours/a')
      await etcd.requirePassword(USER)
      await put(engine, 'ours/a', '2')
      expect(await failureOf(put(without, 'ours/a'))).toMatchObject({ code: 'CAUCUS_UNAUTHORIZED' })
    })

    test('is logged in again by another member when one is frozen', async () => {
      etcd = await startEtcd({ nodes: 3 })
      await etcd.requirePassword(USER)
      etcd.nodes[0]?.freeze()
      const engine = open({ ...login, requestMs: 6_000, random: () => 0 })
      await put(engine, 'ours/a')
      etcd.nodes[0]?.thaw()
    })
  })

  describe('with certificates', () => {
    let tls: Certificates

    beforeEach(() => {
      tls = makeCertificates()
    })
    afterEach(() => tls.remove())

    test('trusts whom it is told to trust, and shows its own certificate where one is asked for', async () => {
      etcd = await startEtcd({ nodes: 3, tls, clientCertificates: true })
      const { ca } = tls
      const { cert, key } = tls.client
      const engine = open({ tls: { ca, cert, key } })
      const { revision } = await put(engine, 'a')
      const { lease } = await engine.grant(60)
      expect(await engine.keepAlive(lease)).toBe(true)
      const told: number[] = []
      const ends: unknown[] = []
      engine.watch('a', revision, {
        changed: (_, at) => told.push(at),
        progressed: () => undefined,
        ended: (why) => ends.push(why),
      })
      await waitFor('the change', () => told.length === 1)
      const bare = open({
        endpoints: etcd.urls.map((url) => url.replace('https://', '')),
        tls: { ca: ca.toString('utf8'), cert, key },
      })
      expect((await bare.list('a')).entries).toHaveLength(1)

      const without = await failureOf(put(open({ tls: { ca } }), 'a'))
      expect(without).toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })
      const distrustful = open({ tls: { cert, key } })
      // A handshake on a busy machine may take longer than the call waits, and then nobody knows yet what is wrong.
      const untrusting = await waitFor('the reason', async () => {
        const failure = await failureOf(put(distrustful, 'a'))
        return failure.message.includes('certificate') && failure
      })
      expect(untrusting).toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })
      const plain = etcd.urls.map((url) => url.replace('https://', 'http://'))
      expect(await failureOf(put(open({ endpoints: plain }), 'a'))).toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
      expect(ends).toEqual([])
    })

    test('and a password too', async () => {
      etcd = await startEtcd({ tls })
      await etcd.requirePassword(USER)
      const engine = open({ tls: { ca: tls.ca }, user: USER.name, password: USER.password })
      await put(engine, 'ours/a')
      expect(await failureOf(put(engine, 'theirs'))).toMatchObject({ code: 'CAUCUS_FORBIDDEN' })
    })
  })
})

import { connect as connectSocket } from 'node:net'
import { nkeys } from '@nats-io/transport-node'
import { connect, embedded, type Heard, type ReplyStream } from 'caucus'
import { type NatsOptions, nats } from 'caucus/nats'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { codeOf } from '../../src/testing/contract/assertions.ts'
import { makeCertificates, OPENSSL } from '../../src/testing/servers/certificates.ts'
import { NATS, type NatsOptions as ServerOptions, startNats } from '../../src/testing/servers/nats.ts'
import { closeAll, LONG_MS, says, using } from './support/closing.ts'
import { lackFor } from './support/needs.ts'
import { startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

afterEach(closeAll)

const served = async (options?: ServerOptions) => using(await startNats(options))
const connected = async (options: string | NatsOptions) => using(await connect(embedded(), { topics: nats(options) }))

describe.skipIf(lackFor('topics on NATS', [NATS]) !== undefined)('with a real nats-server', () => {
  test('a producer that is killed completes its part as left, and breaks off what it streams', async () => {
    const { url } = await served()
    const victim = startNode(['test/process/support/nats-producer.mjs', url, 'victim'])
    const [asker, other] = [await connected(url), await connected(url)]
    const topic = asker.topic<string, string>('t')
    await other
      .topic('t')
      .produce((request) => `other has ${request}`, { id: 'other', concurrency: 10 })
      .ready()
    await says(victim, 'ready')
    const { replies: all } = await topic.gather('hello', { withinMs: LONG_MS })
    expect(all.map(({ value }) => value).toSorted()).toEqual(['other has hello', 'victim has hello'])

    const streaming = asker.topic<string, ReplyStream>('t')
    const { replies } = await streaming.gather('stream', { to: { id: 'victim' }, withinMs: LONG_MS })
    let read = 0
    const reading = (async () => {
      for await (const { length } of replies[0]?.value ?? []) read += length
    })()
    const asking = topic.gather('silent', { withinMs: LONG_MS })
    await says(victim, 'silent')
    await waitFor('something to be read', () => read > 100_000)
    victim.signal('SIGKILL')
    expect(await asking).toMatchObject({
      replies: [{ from: 'other', value: 'other has silent' }],
      missing: ['victim'],
      left: ['victim'],
      ending: 'exhausted',
    })
    await expect(reading).rejects.toMatchObject({ code: 'CAUCUS_CONNECTION_LOST' })
    expect((await topic.view())?.producers).toMatchObject([{ id: 'other' }])
  })

  test('one that stood still does not work on what the others were asked meanwhile', async () => {
    const { url } = await served()
    const frozen = startNode(['test/process/support/nats-producer.mjs', url, 'frozen'])
    const [asker, other] = [await connected(url), await connected(url)]
    const topic = asker.topic<string, string>('t')
    await other
      .topic('t')
      .produce((request) => `other has ${request}`, { id: 'other', concurrency: 10 })
      .ready()
    await says(frozen, 'ready')
    expect(await topic.gather('hello', { withinMs: LONG_MS })).toMatchObject({ expected: 2, ending: 'met' })
    frozen.signal('SIGSTOP')
    // Given up by the asker, though the server still has its connection.
    expect(await topic.gather('hello', { withinMs: LONG_MS })).toMatchObject({ left: ['frozen'], ending: 'exhausted' })
    // It would say this aloud.
    expect(await topic.gather('silent', { withinMs: LONG_MS })).toMatchObject({ expected: 1, ending: 'met' })
    frozen.signal('SIGCONT')
    await waitFor('it to be back', async () => (await topic.gather('hello', { withinMs: LONG_MS })).expected === 2)
    expect(frozen.stdout()).not.toContain('silent')
  })

  test('a server that is killed in the middle of an ask, and started again, has everybody back', async () => {
    const server = await served()
    const [serving, asker] = [await connected(server.url), await connected(server.url)]
    const reasons: unknown[] = []
    const producer = serving.topic<string>('t').produce(
      (request, { signal }) => {
        if (request === 'quick') return 'done'
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          })
        })
      },
      { id: 'p', concurrency: 10 },
    )
    await producer.ready()
    const heard: Heard[] = []
    asker.topic('t').listen((one) => heard.push(one))
    await waitFor('the listener to be there', async () => (await asker.topic('t').view())?.listeners === 1)
    const topic = asker.topic<string, string>('t')
    const asking = codeOf(topic.gather('slow', { withinMs: LONG_MS }))
    await waitFor('it to be worked on', () => producer.running === 1)
    await server.kill()
    expect(await asking).toBe('CAUCUS_CONNECTION_LOST')
    await waitFor('the work to be called off', () => reasons.length === 1)
    expect(reasons).toMatchObject([{ code: 'CAUCUS_CONNECTION_LOST' }])
    expect(producer.state).toBe('registering')
    expect(await codeOf(topic.gather('quick', { withinMs: LONG_MS }))).toBe('CAUCUS_UNAVAILABLE')

    await server.restart()
    await producer.ready()
    const replies = await waitFor('an answer', async () => {
      const gathered = await topic.gather('quick', { withinMs: LONG_MS }).catch(() => undefined)
      return gathered?.ending === 'met' && gathered.replies
    })
    expect(replies).toEqual([{ type: 'reply', from: 'p', value: 'done' }])
    expect(heard).toContainEqual({ type: 'gap', dropped: undefined })
    await waitFor('the reply to be heard', async () => {
      await topic.gather('quick', { withinMs: LONG_MS })
      return heard.some((one) => one.type === 'reply' && one.value === 'done')
    })
  })

  test('names may have dots, spaces, stars and any letters, and are kept apart', async () => {
    const { url } = await served()
    const [one, two] = [await connected(url), await connected(url)]
    const names = ['a.b', 'a b', 'a*', '>', 'a.>', 'ä', '=', 'a=2eb', '数', 'a-b_c']
    await Promise.all(
      names.map((name) =>
        one
          .topic(name)
          .produce(() => name, { id: `${name} of one` })
          .ready(),
      ),
    )
    for (const name of names) {
      const { replies, expected } = await two.topic(name).gather(1, { withinMs: LONG_MS })
      expect([expected, replies[0]?.from, replies[0]?.value]).toEqual([1, `${name} of one`, name])
    }
  })

  test('prefixes keep programs apart', async () => {
    const { url } = await served()
    const ours = await connected({ servers: url, prefix: 'ours' })
    const theirs = await connected({ servers: url, prefix: 'theirs.too' })
    await ours
      .topic('t')
      .produce(() => 1)
      .ready()
    expect(await theirs.topic('t').gather(1)).toMatchObject({ ending: 'nobody' })
    expect(await ours.topic('t').gather(1)).toMatchObject({ ending: 'met' })
  })

  test('what is too long is refused: nothing is cut short', async () => {
    const { url } = await served({ config: 'max_payload: 100KB' })
    const [asker, other] = [await connected(url), await connected(url)]
    await other
      .topic<number>('t')
      .produce((bytes) => new Uint8Array(bytes), { id: 'p' })
      .ready()
    const topic = asker.topic<unknown, Uint8Array>('t')
    expect(await codeOf(topic.gather('x'.repeat(200_000)))).toBe('CAUCUS_TOO_LARGE')
    expect((await topic.gather(90_000)).replies[0]?.value).toHaveLength(90_000)
    expect((await topic.gather(200_000)).errors).toMatchObject([{ from: 'p', error: { code: 'CAUCUS_TOO_LARGE' } }])
  })

  test('a user, a password and a token open the door, and nothing else does', async () => {
    const byUser = await served({ config: 'authorization { user: "u", password: "p" }' })
    const byToken = await served({ config: 'authorization { token: "secret" }' })
    const attempt = (options: NatsOptions) => codeOf(connect(embedded(), { topics: nats(options) }))
    expect(await attempt({ servers: byUser.url })).toBe('CAUCUS_UNAUTHORIZED')
    expect(await attempt({ servers: byUser.url, user: 'u', password: 'wrong' })).toBe('CAUCUS_UNAUTHORIZED')
    expect(await attempt({ servers: byToken.url, token: 'wrong' })).toBe('CAUCUS_UNAUTHORIZED')
    for (const options of [
      { servers: byUser.url, user: 'u', password: 'p' },
      { servers: byToken.url, token: 'secret' },
    ]) {
      const caucus = await connected(options)
      await caucus
        .topic('t')
        .produce(() => 1)
        .ready()
      expect(await caucus.topic('t').gather(1)).toMatchObject({ ending: 'met' })
    }
  })

  test('the seed of an nkey opens the door, too', async () => {
    const user = nkeys.createUser()
    const nkeySeed = new TextDecoder().decode(user.getSeed())
    const { url } = await served({ config: `authorization { users = [ { nkey: ${user.getPublicKey()} } ] }` })
    const wrong = new TextDecoder().decode(nkeys.createUser().getSeed())
    expect(await codeOf(connect(embedded(), { topics: nats({ servers: url, nkeySeed: wrong }) }))).toBe(
      'CAUCUS_UNAUTHORIZED',
    )
    // Nothing is tried again with what is no key at all.
    for (const damaged of [{ nkeySeed: `SU${'A'.repeat(56)}` }, { credentials: '--BEGIN NATS USER JWT--\nrubbish' }]) {
      const attempt = connect(embedded(), { topics: nats({ servers: url, ...damaged, connectTimeoutMs: LONG_MS }) })
      expect(await codeOf(attempt)).toBe('CAUCUS_INVALID_ARGUMENT')
    }
    const caucus = await connected({ servers: url, nkeySeed })
    expect(await caucus.topic('t').gather(1)).toMatchObject({ ending: 'nobody' })
  })

  test('a server that does not allow our subjects is told of at once; those of another prefix may do', async () => {
    const permissions = 'permissions: { publish: "mine.>", subscribe: "mine.>" }'
    const { url } = await served({ config: `authorization { users = [ { user: u, password: p, ${permissions} } ] }` })
    const login = { servers: url, user: 'u', password: 'p' }
    expect(await codeOf(connect(embedded(), { topics: nats(login) }))).toBe('CAUCUS_FORBIDDEN')
    const caucus = await connected({ ...login, prefix: 'mine' })
    await caucus
      .topic('t')
      .produce(() => 1)
      .ready()
    expect(await caucus.topic('t').gather(1)).toMatchObject({ ending: 'met' })
  })

  test('a handler in worker threads is a producer as any other', async () => {
    const { url } = await served()
    const [asker, other] = [await connected(url), await connected(url)]
    const module = 'export default ({ n }) => ({ doubled: 2 * n })'
    const producer = other
      .topic('t')
      .produce(new URL(`data:text/javascript,${encodeURIComponent(module)}`), { id: 'w' })
    await producer.ready()
    const { replies } = await asker.topic('t').gather({ n: 21 }, { withinMs: LONG_MS })
    expect(replies).toEqual([{ type: 'reply', from: 'w', value: { doubled: 42 } }])
  })

  test('nobody there rejects in time, or when the signal says so', async () => {
    const topics = nats({ servers: ['127.0.0.1:1', 'nats://127.0.0.1:2'], connectTimeoutMs: 300 })
    expect(await codeOf(connect(embedded(), { topics }))).toBe('CAUCUS_UNAVAILABLE')
    const patient = nats({ servers: '127.0.0.1:1', connectTimeoutMs: LONG_MS })
    const enough = new Error('enough')
    const stop = new AbortController()
    const connecting = connect(embedded(), { topics: patient, signal: stop.signal })
    stop.abort(enough)
    await expect(connecting).rejects.toBe(enough)
  })

  test.skipIf(lackFor('TLS to NATS', [OPENSSL]) !== undefined)('TLS, also with certificates of clients', async () => {
    const certificates = makeCertificates()
    onTestFinished(() => certificates.remove())
    const { server, ca, caFile, client } = certificates
    const config = `tls { cert_file: "${server.certFile}", key_file: "${server.keyFile}", ca_file: "${caFile}", verify: true }`
    const { address, port } = await served({ config })
    const attempt = (options: Partial<NatsOptions>) =>
      codeOf(connect(embedded(), { topics: nats({ servers: address, connectTimeoutMs: 1_000, ...options }) }))
    expect(await attempt({})).toBe('CAUCUS_INVALID_CONFIG')
    expect(await attempt({ tls: { ca } })).toMatch(/CAUCUS_(UNAVAILABLE|INVALID_CONFIG|UNAUTHORIZED)/)
    const caucus = await connected({
      servers: `tls://127.0.0.1:${port}`,
      tls: { ca, cert: client.cert, key: client.key },
    })
    await caucus
      .topic('t')
      .produce(() => 1)
      .ready()
    expect(await caucus.topic('t').gather(1)).toMatchObject({ ending: 'met' })
    const plain = await served()
    expect(await codeOf(connect(embedded(), { topics: nats(`tls://127.0.0.1:${plain.port}`) }))).toBe(
      'CAUCUS_INVALID_CONFIG',
    )
  })

  test('other programs on our subjects are ignored aloud', async () => {
    const { url, port } = await served()
    const [asker, other] = [await connected(url), await connected(url)]
    await other
      .topic('t')
      .produce(() => 1, { id: 'p' })
      .ready()
    expect(await asker.topic('t').gather(1)).toMatchObject({ ending: 'met' })
    const warnings: unknown[] = []
    const hear = (warning: Error) => warnings.push(warning)
    process.on('warning', hear)
    const stranger = connectSocket(port, '127.0.0.1')
    stranger.write('CONNECT {"verbose":false}\r\nPUB caucus.ask.t 5\r\nhello\r\nPUB caucus.roster.t 2\r\n{}\r\n')
    await waitFor('a warning', () => warnings.length > 0)
    process.off('warning', hear)
    stranger.destroy()
    expect(warnings[0]).toMatchObject({ code: 'CAUCUS_PROTOCOL' })
    expect(await asker.topic('t').gather(1)).toMatchObject({ expected: 1, ending: 'met' })
  })
})

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { TestServer } from '../unit/server/harness.ts'
import { lackFor, type Need } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

const OPENSSL: Need = {
  what: 'the program openssl, which makes certificates',
  howToGet: 'On Debian and Ubuntu: apt-get install openssl.',
  kind: 'tool',
  missing: () => {
    try {
      execFileSync('openssl', ['version'], { stdio: 'pipe' })
      return undefined
    } catch (error) {
      return String(error)
    }
  },
}
const lack = lackFor('attacks on a server with a certificate', [OPENSSL])
const folder = mkdtempSync(join(tmpdir(), 'caucus-attack-tls-'))
const file = (name: string) => join(folder, name)
const pem = (name: string) => readFileSync(file(name))

const certify = (name: string, subject: string): void => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const more = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)]
  execFileSync('openssl', ['req', '-x509', ...key, '-days', '2', '-subj', `/CN=${subject}`, ...more], { stdio: 'pipe' })
}

const open = async (port: number, options: object = {}): Promise<TLSSocket> => {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

const metric = async (port: number, name: string): Promise<number> => {
  const socket = await open(port)
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

describe.skipIf(lack)('a server with a certificate', () => {
  beforeAll(() => {
    for (const name of ['first', 'second', 'third']) certify(name, name)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const tls = () => ({ cert: pem('first.pem'), key: pem('first.key') })

  test('cuts whoever does not get on with the handshake', async () => {
    await using server = await TestServer.start({ tls: tls(), limits: { headersTimeoutMs: 1_000 } })
    const sockets = Array.from({ length: 50 }, () => connectPlain(server.port, '127.0.0.1'))
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => undefined)
      // Half of them begin one.
      if (index % 2 === 0) socket.write(Buffer.from('160301', 'hex'))
    }
    await Promise.all(sockets.map((socket) => once(socket, 'close')))
    expect(await metric(server.port, 'caucus_connections')).toBe(1)
  })

  test('cuts whoever never reads, of which the connection below knows nothing', async () => {
    await using server = await TestServer.start({ tls: tls(), limits: { silenceMs: 200, linkBufferBytes: 2 ** 30 } })
    const link = new WebSocket(`wss://127.0.0.1:${server.port}/v1/link?protocol=2`, { rejectUnauthorized: false })
    link.on('error', () => undefined)
    await once(link, 'message')
    let sequence = 0
    const renew = () => {
      const names = { group: 'wide', member: 'deaf', bootId: 'deaf', share: { partitions: 4_096 } }
      const lists = { holding: [], draining: [], acknowledged: [] }
      link.send(JSON.stringify([{ type: 'renew', ...names, sequence: ++sequence, order: 0, ...lists }]))
    }
    renew()
    await once(link, 'message')
    await server.clock.play(1_500)
    link.pause()
    await waitFor('the connection to be cut', async () => {
      // It says that it is there. Each answer names all that it has.
      for (let i = 0; i < 10; i++) renew()
      return (await metric(server.port, 'caucus_connections_cut_total')) === 1
    })
    link.terminate()
  })

  test('takes a new certificate when its files change, and keeps the old one while they do not fit each other', async () => {
    const files = { cert: file('server.pem'), key: file('server.key') }
    const put = (name: string, kind: 'pem' | 'key') => {
      writeFileSync(file('new'), pem(`${name}.${kind}`))
      renameSync(file('new'), file(`server.${kind}`))
    }
    put('first', 'pem')
    put('first', 'key')
    const told: string[] = []
    const audit = ({ action, outcome, message = '' }: { action: string; outcome: string; message?: string }) =>
      void told.push(`${action} ${outcome} ${message}`)
    await using server = await TestServer.start({ tls: { ...tls(), files }, audit })
    const subject = async () => {
      const socket = await open(server.port)
      const { CN } = socket.getPeerCertificate().subject
      socket.destroy()
      return CN
    }
    const kept = await open(server.port)
    expect(await subject()).toBe('first')
    put('second', 'pem')
    await waitFor('the half of it to be refused', () => told.some((line) => line.startsWith('reload failed')))
    expect(await subject()).toBe('first')
    put('second', 'key')
    await waitFor('the new one', async () => (await subject()) === 'second')
    put('third', 'key')
    put('third', 'pem')
    await waitFor('the next one', async () => (await subject()) === 'third')
    expect(told.filter((line) => line.startsWith('reload done')).length).toBe(2)
    // Nothing is weaker than before.
    await expect(open(server.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow('protocol version')
    // Who was there before is not disturbed.
    let text = ''
    kept.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    kept.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await once(kept, 'close')
    expect(text).toContain('200 OK')
  })
})

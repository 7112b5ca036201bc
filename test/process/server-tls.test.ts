import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { TestServer } from '../unit/server/harness.ts'

const directory = mkdtempSync(join(tmpdir(), 'caucus-tls-'))
const file = (name: string) => join(directory, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
const hasOpenssl = (() => {
  try {
    openssl('version')
    return true
  } catch {
    return process.env.CAUCUS_REQUIRE_ALL !== undefined
  }
})()

const certify = (name: string, subject: string, ...more: string[]) =>
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${subject}`, ...more],
  )

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe.skipIf(!hasOpenssl)('a server with a certificate (made by openssl)', () => {
  beforeAll(() => {
    certify('server', 'localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1')
    certify('client', 'member')
  })

  const pem = (name: string) => readFileSync(file(name))
  const status = (port: number, options: object) =>
    new Promise<number | string>((resolve) => {
      get(
        { host: '127.0.0.1', port, path: '/healthz', ca: pem('server.pem'), agent: false, ...options },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      ).on('error', (error) => resolve(String((error as NodeJS.ErrnoException).code)))
    })

  test('serves HTTPS and links, its own pages included, and no plain HTTP', async () => {
    const tls = { cert: pem('server.pem'), key: pem('server.key') }
    await using server = await TestServer.start({ tls })
    expect(server.url).toBe(`https://127.0.0.1:${server.port}`)
    expect(await status(server.port, {})).toBe(200)
    expect(await status(server.port, { headers: { origin: server.url } })).toBe(200)
    expect(await status(server.port, { headers: { origin: server.url.replace('https', 'http') } })).toBe(403)
    const link = new WebSocket(`${server.url.replace('https', 'wss')}/v1/link?protocol=1`, { ca: pem('server.pem') })
    const hello = await new Promise((resolve) => link.once('message', (data) => resolve(String(data))))
    expect(hello).toContain('"hello"')
    link.terminate()
    await expect(server.ask('GET', '/healthz')).rejects.toBeInstanceOf(Error)
  })

  test('with an authority, serves only whom that authority knows', async () => {
    const tls = { cert: pem('server.pem'), key: pem('server.key'), ca: pem('client.pem') }
    await using server = await TestServer.start({ tls })
    expect(await status(server.port, { cert: pem('client.pem'), key: pem('client.key') })).toBe(200)
    expect(await status(server.port, {})).toBeTypeOf('string')
    expect(await status(server.port, { cert: pem('server.pem'), key: pem('server.key') })).toBeTypeOf('string')
  })
})

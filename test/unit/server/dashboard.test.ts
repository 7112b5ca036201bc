import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { isForAll } from '../../../src/server/access/desk.ts'
import { dashboardRoutes, readPage } from '../../../src/server/dashboard.ts'
import { TestServer } from './harness.ts'

const SCRIPT = 'console.log("a script that is long enough to be worth packing")\n'.repeat(20)

const builtPage = () => {
  const folder = mkdtempSync(join(tmpdir(), 'caucus-page-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Caucus</title>')
  writeFileSync(join(folder, 'assets', 'index-abc.js'), SCRIPT)
  const page = readPage(folder)
  rmSync(folder, { recursive: true })
  return page
}

/** Answers from memory: the folder is gone. */
const server = () => {
  const app = fastify()
  const page = builtPage()
  dashboardRoutes(app, () => page)
  return app
}

test('the page is checked for a newer one each time, and may run nothing but its own files', async () => {
  await using app = server()
  const { statusCode, headers, body } = await app.inject('/')
  expect([statusCode, body]).toEqual([200, '<!doctype html><title>Caucus</title>'])
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  const policy = String(headers['content-security-policy'])
  for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
    expect(policy.split('; ')).toContain(part)
  }
  expect(policy).not.toMatch(/unsafe|\*|https?:|data:/)
  const again = await app.inject({ url: '/', headers: { 'if-none-match': String(headers.etag) } })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

test('a file with a hash in its name is kept for good, and sent packed to who takes that', async () => {
  await using app = server()
  const plain = await app.inject('/assets/index-abc.js')
  expect(plain.body).toBe(SCRIPT)
  expect(plain.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
  })
  const packed = await app.inject({ url: '/assets/index-abc.js', headers: { 'accept-encoding': 'br, gzip;q=0.8' } })
  expect(packed.headers['content-encoding']).toBe('gzip')
  expect(gunzipSync(packed.rawPayload).toString()).toBe(SCRIPT)
  const refused = await app.inject({ url: '/assets/index-abc.js', headers: { 'accept-encoding': 'gzip;q=0' } })
  expect(refused.headers['content-encoding']).toBeUndefined()
})

test.each(['../index.html', '..%2findex.html', 'index-abc.js.map', '%00', 'constructor'])(
  'there is no file %s',
  async (name) => {
    await using app = server()
    expect((await app.inject(`/assets/${name}`)).statusCode).toBeGreaterThanOrEqual(400)
  },
)

test('where nothing was built, there is no page', () => {
  expect(readPage(join(tmpdir(), 'caucus-no-such-page'))).toBeUndefined()
})

test('the page and its files are for all, and nothing beside them', () => {
  for (const url of ['/', '/?x=1', '/assets/index-abc.js']) expect(isForAll(url)).toBe(true)
  for (const url of [
    '/v1/status',
    '//v1/status',
    '/assets/',
    '/assets/a/../../v1/status',
    '/assets/..%2fv1',
    '/metrics',
  ]) {
    expect(isForAll(url)).toBe(false)
  }
})

test('a server that wants a token shows its page without one, and no data', async () => {
  await using closed = await TestServer.start({ token: 'a-token-that-nobody-guesses' })
  expect((await closed.ask('GET', '/')).status).not.toBe(401)
  expect((await closed.ask('GET', '/v1/status')).status).toBe(401)
})

test('a page of another origin gets nothing done', async () => {
  await using open = await TestServer.start()
  const headers = { origin: 'https://elsewhere.example' }
  for (const [method, path] of [
    ['PUT', '/v1/groups/jobs/members/a/drain'],
    ['DELETE', '/v1/groups/jobs/members/a'],
    ['PUT', '/v1/groups/jobs/freeze'],
    ['GET', '/v1/status'],
  ] as const) {
    expect((await open.ask(method, path, { headers })).error?.code).toBe('CAUCUS_FORBIDDEN')
  }
})

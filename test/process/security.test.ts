import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { connect, remote } from 'caucus'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endAll, repository, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return true
  } catch {
    return process.env.CAUCUS_REQUIRE_ALL !== undefined
  }
})()

const folder = mkdtempSync(join(tmpdir(), 'caucus-security-'))
const file = (name: string) => join(folder, name)
const text = (name: string) => readFileSync(file(name), 'utf8').trim()

/** The blocks of shell under the first heading of the document, in order. */
const [tokens = '', certificates = '', serve = '', clients = ''] = (() => {
  const document = readFileSync(join(repository, 'docs/security.md'), 'utf8')
  const part = document.slice(document.indexOf('## In five minutes'), document.indexOf('## Entries'))
  return [...part.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '')
})()

const shell = (script: string) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, PATH: `${file('bin')}:${process.env.PATH}`, NO_COLOR: '1' }
    execFile('sh', ['-euc', script], { cwd: folder, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    )
  })

beforeAll(async () => {
  if (!hasOpenssl) return
  execFileSync('mkdir', [file('bin')])
  writeFileSync(
    file('bin/caucus'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(repository, 'bin/caucus.js')}' "$@"\n`,
  )
  chmodSync(file('bin/caucus'), 0o755)
  for (const script of [tokens, certificates]) expect(await shell(script)).toMatchObject({ code: 0 })
})
afterEach(endAll)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The server of the document, on a free port, with `more` changed in its line. */
const startServer = async (change: (line: string) => string = (line) => line) => {
  rmSync(file('audit.jsonl'), { force: true })
  const line = change(serve.trim().replace('localhost:8989', 'localhost:0'))
  const args = line
    .split(' ')
    .slice(1)
    .map((arg) => (existsSync(file(arg)) || arg.endsWith('.jsonl') ? file(arg) : arg))
  const server = startNode(['bin/caucus.js', ...args, '--timeout', '1', '--settle', '0.1', '--fresh'])
  const url = await waitFor('the server to listen', () => {
    if (server.ended() !== undefined) throw new Error(server.stderr())
    return /^listening on (https:\S+)\n/.exec(server.stdout())?.[1]
  })
  const port = new URL(url).port
  return { server, url, port, here: (script: string) => script.replaceAll('localhost:8989', `localhost:${port}`) }
}

const tls = (client?: string) => ({
  ca: text('ca.pem'),
  ...(client !== undefined && { cert: text(`${client}.pem`), key: text(`${client}.key`) }),
})
const timing = { heartbeatMs: 100, leaseMs: 1_000, stopMarginMs: 50, settleMs: 100 }
const withoutCertificates = (line: string) => line.replace(' --tls-ca ca.pem', '')

/** The status of a request of its own, or how the connection failed. */
const statusOf = (url: string, options: object) =>
  new Promise<number | string>((resolve) => {
    get(url, { agent: false, ca: text('ca.pem'), ...options }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    }).on('error', (error) => resolve(String((error as NodeJS.ErrnoException).code)))
  })

const leaked = (where: string) => [text('ops.token'), text('jobs.token')].filter((secret) => where.includes(secret))

describe.skipIf(!hasOpenssl)('the five minutes of docs/security.md', () => {
  test('lead to a server, and to clients that get in', async () => {
    expect(text('access.json')).not.toContain(text('ops.token'))
    const { server, here } = await startServer()
    const { code, stdout, stderr } = await shell(here(clients))
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toContain('exclusion: leased')
    expect(leaked(server.stderr() + stdout + stderr)).toEqual([])
    expect(await server.stop()).toBe(0)
  })

  test('keep out who has no certificate, or one that is not for clients', async () => {
    const { url } = await startServer()
    const authorization = `Bearer ${text('ops.token')}`
    expect(await statusOf(`${url}/v1/status`, { headers: { authorization } })).toBeTypeOf('string')
    expect(await statusOf(`${url}/v1/status`, { ...tls('server'), headers: { authorization } })).toBeTypeOf('string')
    expect(await statusOf(`${url}/v1/status`, { ...tls('worker-1'), headers: { authorization } })).toBe(200)
    expect(await statusOf(`${url}/v1/groups/jobs-a`, tls('worker-1'))).toBe(404)
    expect(await statusOf(`${url}/v1/groups/web`, tls('worker-1'))).toBe(403)
    const wrong = { ...tls('worker-1'), headers: { authorization: 'Bearer not-the-token' } }
    expect(await statusOf(`${url}/v1/status`, wrong)).toBe(401)
  })
})

describe.skipIf(!hasOpenssl)('a program', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that resumes its session of %s is still who its certificate says',
    async (version) => {
      const { url } = await startServer()
      const agent = new Agent({ ...tls('worker-1'), maxVersion: version, minVersion: version, maxCachedSessions: 1 })
      const ask = () =>
        new Promise<{ body: string; resumed: boolean }>((resolve, reject) => {
          get(`${url}/v1/groups/web`, { agent }, (answer) => {
            const resumed = (answer.socket as TLSSocket).isSessionReused()
            let body = ''
            answer.setEncoding('utf8').on('data', (part: string) => {
              body += part
            })
            answer.on('end', () => resolve({ body, resumed }))
          }).on('error', reject)
        })
      const known = expect.stringContaining('worker-1.workers.example\\" may not read the group')
      // Whoever is told what it may not do is known.
      expect(await ask()).toEqual({ body: known, resumed: false })
      expect(await ask()).toEqual({ body: known, resumed: true })
      agent.destroy()
    },
  )

  test('is who its certificate says: under that name it is let in, under another it is told what is missing', async () => {
    const { url } = await startServer()
    await using caucus = await connect(remote(url, { tls: tls('worker-1'), timing }))
    await using membership = await caucus.group('jobs-a').join({ id: 'worker-1.workers.example-7' })
    await membership.settled({ timeoutMs: 10_000 })
    await expect(caucus.group('jobs-a').join({ id: 'worker-2.workers.example' })).rejects.toMatchObject({
      code: 'CAUCUS_FORBIDDEN',
      message: expect.stringContaining('"worker-1.workers.example" may not be the member "worker-2.workers.example"'),
    })
    // Refused under one id, it goes on under the other.
    expect(membership.slot).toMatchObject({ index: 1, total: 1 })
  })

  test('with a token joins the groups of its entry and no others', async () => {
    const { url } = await startServer(withoutCertificates)
    await using caucus = await connect(remote(url, { token: text('jobs.token'), tls: tls(), timing }))
    await using membership = await caucus.group('jobs-a').join()
    await membership.settled({ timeoutMs: 10_000 })
    await expect(caucus.group('web').join()).rejects.toMatchObject({
      code: 'CAUCUS_FORBIDDEN',
      definite: true,
      message: expect.stringContaining('an entry for it with the role member that covers the group "web"'),
    })
    await expect(caucus.group('web').view()).rejects.toMatchObject({ code: 'CAUCUS_FORBIDDEN' })
    expect((await caucus.groups()).map(({ name }) => name)).toEqual(['jobs-a'])
    await expect(connect(remote(url, { token: 'not-the-token', tls: tls() }))).rejects.toMatchObject({
      code: 'CAUCUS_UNAUTHORIZED',
    })
    await expect(connect(remote(url, { tls: tls() }))).rejects.toMatchObject({ code: 'CAUCUS_UNAUTHORIZED' })
  })
})

describe.skipIf(!hasOpenssl)('when the token file is replaced', () => {
  const write = (rules: string | readonly object[]) => {
    writeFileSync(file('access.new'), typeof rules === 'string' ? rules : JSON.stringify(rules), { mode: 0o600 })
    renameSync(file('access.new'), file('access.json'))
  }

  test('who is gone loses its link and comes back no more; a bad file changes nothing; nothing secret is told', async () => {
    const before = text('access.json')
    const { server, url, here } = await startServer(withoutCertificates)
    const { rules, ops } = { rules: JSON.parse(before) as object[], ops: text('ops.token') }
    await using caucus = await connect(remote(url, { token: text('jobs.token'), tls: tls(), timing }))
    await using membership = await caucus.group('jobs-a').join({ id: 'x' })
    await membership.settled({ timeoutMs: 10_000 })
    const told = caucus.events({ buffer: 100 })

    write('[{ "name": "ops", "token": ')
    await waitFor('the bad file to be noticed', () => /the tokens stay as they were/.test(server.stderr()) || undefined)
    const status = await shell(
      here('caucus status --json --server https://localhost:8989 --token-file ops.token --tls-ca ca.pem'),
    )
    expect(JSON.parse(status.stdout).groups[0]).toMatchObject({ name: 'jobs-a', total: 1 })
    expect(membership.slot).toBeDefined()

    write([rules[0] as object, { name: 'next', token: 'a-token-of-tomorrow', role: 'read' }])
    for await (const event of told) {
      if (event.type === 'link.refused') {
        expect(event.error).toMatchObject({ code: 'CAUCUS_UNAUTHORIZED' })
        break
      }
    }
    // Nobody renews it any more: what it had ends with its lease.
    await waitFor('the lease to end', () => (membership.slot === undefined ? true : undefined))
    const refused = await shell(
      here('caucus members jobs-a --server https://localhost:8989 --token-file jobs.token --tls-ca ca.pem'),
    )
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('CAUCUS_UNAUTHORIZED') })
    writeFileSync(file('next.token'), 'a-token-of-tomorrow')
    const next = await shell(
      here('caucus status --server https://localhost:8989 --token-file next.token --tls-ca ca.pem'),
    )
    expect(next.code).toBe(0)

    const metrics = await fetchText(`${url}/metrics`, ops)
    expect(metrics).toMatch(/caucus_access_changes_total 1/)
    expect(metrics).toMatch(/caucus_access_failures_total 1/)
    expect(metrics).toMatch(/caucus_links_revoked_total 1/)
    const title = existsSync(`/proc/${server.pid}/cmdline`) ? readFileSync(`/proc/${server.pid}/cmdline`, 'utf8') : ''
    expect(await server.stop()).toBe(0)
    const lines = text('audit.jsonl')
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; outcome: string })
    expect(lines.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual(
      expect.arrayContaining(['reload failed', 'reload done', 'refuse refused']),
    )
    expect(leaked(server.stderr() + server.stdout() + metrics + title + text('audit.jsonl') + refused.stderr)).toEqual(
      [],
    )
    write(before)
  })
})

const fetchText = (url: string, token: string) =>
  new Promise<string>((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    get(url, { agent: false, ca: text('ca.pem'), headers }, (answer) => {
      let body = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      answer.on('end', () => resolve(body))
    }).on('error', reject)
  })

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, remote } from 'caucus'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OPENSSL } from '../../src/testing/servers/certificates.ts'
import { freePorts } from '../../src/testing/trial/peers/ports.ts'
import { tableRows } from '../tidy/documents.ts'
import { dashboard, manifestsOf, rulesOf, selectorsOf, textOf } from '../unit/deploy/support.ts'
import { ask, follow, type Pod, podsOf, seriesOf } from './support/deployed.ts'
import { lackFor } from './support/needs.ts'
import { endAll, type Running, repository, startCaucus, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const run = promisify(execFile)
const lack = lackFor('the voters of deploy/kubernetes', [OPENSSL])

let folder: string
let pods: Pod[]
const running = new Map<Pod, Running>()

const start = (pod: Pod) => running.set(pod, startCaucus(pod.args, pod.env))
const urlOf = ({ port }: Pod) => `https://127.0.0.1:${port}`
const secret = (name: string) => join(folder, name)
const tokenOf = (name: string) => readFileSync(secret(`${name}.token`), 'utf8').trim()

/** One of the probes, as the kubelet asks it. */
const probe = async (pod: Pod, name: 'startupProbe' | 'livenessProbe' | 'readinessProbe') => {
  const process = running.get(pod)
  if (process?.ended() !== undefined) throw new Error(`${pod.name} ended: ${process.stderr()}`)
  const { path } = manifestsOf().container[name].httpGet
  return await ask(`${urlOf(pod)}${path}`).catch((error: Error) => ({ status: 0, text: error.message }))
}
const succeeds = (pod: Pod, name: Parameters<typeof probe>[1]) =>
  waitFor(`the ${name} of ${pod.name}`, async () => (await probe(pod, name)).status === 200, { withinMs: 60_000 })

const leaderOf = async (pod: Pod): Promise<string | undefined> => {
  const { status, text } = await ask(`${urlOf(pod)}/v1/leader`, { token: tokenOf('ops') })
  return status === 200 ? JSON.parse(text).identifier : undefined
}
const theyAgree = (among: readonly Pod[]) =>
  waitFor(
    'one leader that all know',
    async () => {
      const [first, ...others] = await Promise.all(among.map(leaderOf))
      return others.every((other) => other === first) ? first : undefined
    },
    { withinMs: 60_000 },
  )

describe.skipIf(lack)('the voters of deploy/kubernetes, with what docs/deploy.md makes', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'caucus-deploy-'))
    follow(folder, 'cat > access.json')
    follow(folder, 'openssl req -x509')
    const mounts = secret('pods')
    mkdirSync(mounts)
    pods = podsOf({ secrets: folder, folder: mounts, ports: await freePorts(3) })
  })
  afterAll(async () => {
    await endAll()
    rmSync(folder, { recursive: true, force: true })
  })

  test('have files that caucus check takes, as they stand in deploy/ too', async () => {
    const env = { ...process.env, CAUCUS_TOKEN_FILE: secret('access.json') }
    const given = ['config', 'kubernetes/config'].flatMap((where) =>
      [0, 1, 2].map((at) => join(repository, 'deploy', where, `caucus-${at}.json`)),
    )
    for (const file of [...pods.map(({ config }) => config), ...given]) {
      const { stdout } = await run(process.execPath, ['bin/caucus.js', 'check', file], { cwd: repository, env })
      expect(stdout).toContain('is sound')
    }
    // Without the token file it says what is missing.
    const [file = ''] = given
    const refused = run(process.execPath, ['bin/caucus.js', 'check', file], { cwd: repository })
    await expect(refused).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('there is no token') })
  })

  test('have a certificate with every name that they are called by', async () => {
    const names = await run('openssl', ['x509', '-in', secret('tls.crt'), '-noout', '-ext', 'subjectAltName'])
    const { peers } = JSON.parse(textOf('deploy/kubernetes/config/caucus-0.json'))
    for (const { host } of peers) expect(names.stdout).toContain(`DNS:${host}`)
    for (const { metadata } of [manifestsOf().one('Service')]) expect(names.stdout).toContain(`DNS:${metadata.name},`)
  })

  test('answer their probes, and elect one once all are there', async () => {
    const [first, ...others] = pods
    if (first === undefined) throw new Error('no pods')
    start(first)
    await succeeds(first, 'startupProbe')
    await succeeds(first, 'livenessProbe')
    // It is ready by itself, though nobody leads: or a rolling update would wait for what it keeps from coming about.
    expect(await probe(first, 'readinessProbe')).toEqual({ status: 200, text: '{"ok":true,"leader":null}' })
    expect(await leaderOf(first)).toBeUndefined()
    for (const pod of others) start(pod)
    for (const pod of pods) await succeeds(pod, 'readinessProbe')
    expect(pods.map(({ name }) => name)).toContain(await theyAgree(pods))
  }, 120_000)

  test('are asked by operators, by programs and by nobody else', async () => {
    const [pod] = pods
    if (pod === undefined) throw new Error('no pods')
    const given = ['--server', urlOf(pod), '--token-file', secret('ops.token'), '--tls-ca', secret('ca.crt')]
    const { stdout } = await run(process.execPath, ['bin/caucus.js', 'leader', ...given], { cwd: repository })
    expect(stdout).toContain('caucus-')
    expect((await ask(`${urlOf(pod)}/metrics`)).status).toBe(401)
    expect((await ask(`${urlOf(pod)}/v1/status`, { token: tokenOf('prometheus') })).status).toBe(200)
    // The token for /metrics may look and touch nothing.
    const url = `${urlOf(pod)}/v1/leader/transfer`
    expect((await ask(url, { token: tokenOf('prometheus'), method: 'POST' })).status).toBe(403)
  })

  test('serve every metric that the rules and the dashboard are about', async () => {
    const ca = readFileSync(secret('ca.crt'))
    const backend = remote(pods.map(urlOf), { token: tokenOf('workers'), tls: { ca }, timing: 'lan' })
    await using caucus = await connect(backend)
    await using membership = await caucus.group('jobs').join({ share: { partitions: 8 } })
    await waitFor('the share', () => membership.partitions.length === 8)
    await using _producer = await caucus.topic<string, string>('price').produce((sku) => sku)
    await caucus.topic<string, string>('price').gather('milk', { withinMs: 5_000 })

    const asPrometheus = { token: tokenOf('prometheus'), ca: secret('ca.crt') }
    const pages = await Promise.all(
      pods.map(async (pod) => {
        expect((await ask(`${urlOf(pod)}/v1/nowhere`, asPrometheus)).status).toBe(404)
        return (await ask(`${urlOf(pod)}/metrics`, asPrometheus)).text
      }),
    )
    const served = seriesOf(pages.join('\n'))
    expect([...used()].filter((name) => !served.has(name))).toEqual([])

    // The page about them names whatever is served, and nothing of a cluster that is not.
    const page = textOf('docs/metrics.md')
    const families = [...served].map((name) => name.replace(/_(bucket|sum|count)$/, ''))
    expect(families.filter((name) => !page.includes(`\`${name}`))).toEqual([])
    const cluster = /^## A cluster of peers\n(.*?)^What a peer counts/ms.exec(page)?.[1] ?? ''
    expect([...tableRows(cluster).keys()].filter((name) => !served.has(name))).toEqual([])
  })

  test('let the worker of deploy/kubernetes in, and have its share back as soon as it is told to end', async () => {
    const [pod] = pods
    if (pod === undefined) throw new Error('no pods')
    const { spec } = manifestsOf().one('Deployment', 'worker').spec.template
    const [{ command, args, env }] = spec.containers
    const given = { token: secret('workers.token'), 'ca.crt': secret('ca.crt') }
    const known = new Map<string, string>(
      env.map(({ name, value = 'worker-x7k2p' }: { name: string; value?: string }) => [
        name,
        Object.entries(given).reduce((text, [key, file]) => text.replace(`/etc/caucus/${key}`, file), value),
      ]),
    )
    // Where a Service stands in front of them, any of them answers.
    known.set('CAUCUS_SERVER', urlOf(pod))
    const words = [...command.slice(1), ...args].map((word: string) =>
      word.replace('$(POD_NAME)', known.get('POD_NAME') ?? '').replace('./rebuild-index', 'cat'),
    )
    const worker = startCaucus(words, Object.fromEntries(known))
    const members = async (): Promise<unknown[]> => {
      if (worker.ended() !== undefined) throw new Error(`the worker ended: ${worker.stderr()}`)
      const { status, text } = await ask(`${urlOf(pod)}/v1/groups/nightly`, { token: tokenOf('ops') })
      return status === 200 ? JSON.parse(text).members : []
    }
    await waitFor('the worker to be a member', async () => (await members()).length === 1)
    expect(await worker.stop('SIGTERM', spec.terminationGracePeriodSeconds * 1_000)).toBe(0)
    const { text } = await ask(`${urlOf(pod)}/v1/groups/nightly/history`, { token: tokenOf('ops') })
    expect(text).toContain('member.left')
    expect(text).not.toContain('member.expired')
  }, 120_000)

  test('hand over when the leader is told to end, in less than what Kubernetes waits', async () => {
    const leader = await theyAgree(pods)
    const left = pods.filter(({ name }) => name !== leader)
    const pod = pods.find(({ name }) => name === leader)
    const process = pod && running.get(pod)
    if (pod === undefined || process === undefined) throw new Error('the leader is none of them')
    const { terminationGracePeriodSeconds } = manifestsOf().pod
    // Killed after that, it would have no exit code.
    expect(await process.stop('SIGTERM', terminationGracePeriodSeconds * 1_000)).toBe(0)
    const next = await theyAgree(left)
    expect(left.map(({ name }) => name)).toContain(next)

    // Its volume is still there, and so are the others: it is one of them again.
    start(pod)
    await succeeds(pod, 'readinessProbe')
    expect(await theyAgree(pods)).toBe(next)
  }, 120_000)
})

test('a single server serves what the rules for it are about', async () => {
  const server = await startServer(['--group', 'jobs'])
  try {
    await fetch(`${server.url}/index`, { headers: { 'bloc-session-id': 'a' } })
    const metrics = async () => await (await fetch(`${server.url}/metrics`)).text()
    const served = seriesOf(await metrics())
    const names = rulesOf().flatMap(({ group, expr }) => (group === 'caucus' ? selectorsOf(expr) : []))
    expect(names.filter(({ name }) => !served.has(name))).toEqual([])

    expect(await metrics()).toContain('\ncaucus_evictions_total 0\n')
    expect((await fetch(`${server.url}/v1/groups/jobs/members/a`, { method: 'DELETE' })).status).toBe(200)
    // There is nobody any more whom it could evict.
    expect((await fetch(`${server.url}/v1/groups/jobs/members/a`, { method: 'DELETE' })).status).toBe(404)
    const after = await metrics()
    expect(after).toContain('\ncaucus_evictions_total 1\n')
    const busy = Number(/^caucus_event_loop_active_seconds_total (\S+)$/m.exec(after)?.[1])
    expect(busy).toBeGreaterThan(0)
  } finally {
    await endAll()
  }
})

/** What stands in the rules and on the dashboard, but for what Prometheus says by itself. */
const used = (): Set<string> => {
  const shown = dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  const names = [...rulesOf().map(({ expr }) => expr), ...shown].flatMap(selectorsOf).map(({ name }) => name)
  return new Set(names.filter((name) => name !== 'up'))
}

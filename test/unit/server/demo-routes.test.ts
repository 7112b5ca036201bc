import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseTokenFile } from '../../../src/config/token-file.ts'
import { CaucusError } from '../../../src/errors.ts'
import { hostCoordinator } from '../../../src/runtime/coordinator-host.ts'
import { Access } from '../../../src/server/access/access.ts'
import type { DemoControls } from '../../../src/server/demo-routes.ts'
import { type Listening, listen, listenFor } from '../../../src/server/listen.ts'
import type { ListenOptions } from '../../../src/server/options.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { SETTINGS } from './harness.ts'

const hosting = await hostCoordinator({
  clock: new SimulatedClock(1_000),
  wallMs: () => 1_700_000_000_000,
  store: memoryStore({ instanceId: 'server-1' }),
  defaults: SETTINGS,
  fresh: true,
  limits: { groups: 10, membersPerGroup: 10 },
  onFault: (error) => {
    throw error
  },
})
const orders: unknown[] = []
const controls: DemoControls = {
  group: 'demo',
  state: async () => ({ round: 3 }),
  order: async (order) => {
    if ((order as { do: string }).do === 'explode') throw new CaucusError('CAUCUS_CONFLICT', 'not that')
    orders.push(order)
    return { done: true }
  },
}
const OPTIONS: ListenOptions = { hosting, port: 0, version: '0.0.0' }

let server: Listening
const start = async (options: Partial<ListenOptions> = {}) => {
  server = await listenFor({ ...OPTIONS, ...options }, controls)
  return server.url
}
beforeEach(() => void orders.splice(0))
afterEach(() => server.close({ drain: false }))

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/demo/orders`, { method: 'POST', body, headers })
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code

test('a server of a demo passes on what its page asks, and what comes of it', async () => {
  const url = await start()
  expect(await (await fetch(`${url}/demo`)).json()).toEqual({ round: 3 })
  expect(await (await post(url, '{"do":"kill","who":"w1"}', { origin: url })).json()).toEqual({ done: true })
  expect(orders).toEqual([{ do: 'kill', who: 'w1' }])
  const refused = await post(url, '{"do":"explode"}')
  expect([refused.status, await codeOf(refused)]).toEqual([409, 'CAUCUS_CONFLICT'])
})

test('pages of other origins, and of names that lead here, order nothing', async () => {
  const url = await start()
  const port = new URL(url).port
  for (const origin of ['https://evil.example', 'null', `http://localhost:${port}`, 'http://127.0.0.1:1']) {
    const answer = await post(url, '{"do":"kill"}', { origin, 'content-type': 'text/plain' })
    expect([answer.status, await codeOf(answer)]).toEqual([403, 'CAUCUS_FORBIDDEN'])
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    expect((await fetch(`${url}/demo`, { headers: { origin } })).status).toBe(403)
  }
  // No browser asks whether it may: there is nothing that could say yes.
  const preflight = { method: 'OPTIONS', headers: { origin: 'https://evil.example' } }
  expect((await fetch(`${url}/demo/orders`, preflight)).status).toBe(403)
  expect(orders).toEqual([])
})

test('what is no order, or comes in another way, does nothing', async () => {
  const url = await start()
  for (const body of ['', '{', 'do=kill']) expect(await codeOf(await post(url, body))).toBe('CAUCUS_INVALID_ARGUMENT')
  expect((await fetch(`${url}/demo/orders`)).status).toBe(405)
  expect((await fetch(`${url}/demo`, { method: 'POST', body: '{}' })).status).toBe(405)
  expect(orders).toEqual([])
})

test('with tokens, only who may order everything in the group orders faults', async () => {
  const entries = [
    { name: 'reader', token: 'reader-0123456789', role: 'read' },
    { name: 'worker', token: 'worker-0123456789', role: 'member' },
    { name: 'of-others', token: 'others-0123456789', role: 'admin', groups: ['other-*'] },
    { name: 'operator', token: 'operator-0123456789', role: 'admin', groups: ['demo'] },
  ]
  const url = await start({ access: new Access(parseTokenFile(JSON.stringify(entries), 'the test')) })
  const as = async (token: string) => {
    const headers = { authorization: `Bearer ${token}-0123456789` }
    return [(await fetch(`${url}/demo`, { headers })).status, (await post(url, '{"do":"kill"}', headers)).status]
  }
  expect(await as('nobody')).toEqual([401, 401])
  expect(await as('reader')).toEqual([200, 403])
  expect(await as('worker')).toEqual([200, 403])
  expect(await as('others')).toEqual([403, 403])
  expect(await as('operator')).toEqual([200, 200])
  expect(orders).toHaveLength(1)
})

test('it is for its own machine alone, whatever else would let it listen further', async () => {
  await start()
  await expect(listenFor({ ...OPTIONS, host: '0.0.0.0', insecure: true }, controls)).rejects.toThrow('loopback alone')
})

test('any other server has neither the routes nor a page that knows of them', async () => {
  server = await listen(OPTIONS)
  const { url } = server
  expect((await fetch(`${url}/demo`)).status).toBe(404)
  expect((await post(url, '{"do":"kill"}')).status).toBe(404)
  const page = await fetch(`${url}/`)
  expect(await page.text()).not.toContain('data-demo')
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object }
  expect(Object.keys(paths).filter((path) => path.includes('demo'))).toEqual([])
})

test('nor is it described to programs where it is', async () => {
  const url = await start()
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object }
  expect(Object.keys(paths).filter((path) => path.includes('demo'))).toEqual([])
  // Where the page was built.
  const page = await fetch(`${url}/`)
  if (page.status === 200) expect(await page.text()).toContain('<html data-demo')
})

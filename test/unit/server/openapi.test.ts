import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApiDocument } from '../../../src/wire/openapi.ts'
import { OPERATIONS } from '../../../src/wire/openapi-operations.ts'
import { TestCluster } from './forwarding/peers.ts'
import { TestServer } from './harness.ts'
import type { OpenApi } from './openapi-schema.ts'

let server: TestServer
let document: OpenApi & Record<string, unknown>
beforeAll(async () => {
  server = await TestServer.start()
  document = (await server.ask('GET', '/openapi.json')).json as typeof document
})
afterAll(() => server[Symbol.asyncDispose]())

const OF_PEERS = 'leadershipRoutes'

/** Every route that any file of routes registers, or any but those of peers. */
const registered = async (isPeer: boolean): Promise<readonly string[]> => {
  const folder = fileURLToPath(new URL('../../../src/server/routes/', import.meta.url))
  const app = fastify()
  const found: string[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) found.push(`${each} ${url}`)
  })
  for (const file of readdirSync(folder)) {
    const exported = (await import(`${folder}${file}`)) as Record<string, (app: unknown, context: object) => void>
    for (const [name, register] of Object.entries(exported)) {
      if (name.endsWith('Routes') && (isPeer || name !== OF_PEERS)) register(app, {})
    }
  }
  return found
}

describe('/openapi.json', () => {
  test('is OpenAPI 3.1, to the satisfaction of a validator that is not ours', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true })
    const broken = { ...document, paths: { '/x': { get: { responses: { 200: {} } } } } }
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false })
  })

  const routesIn = ({ paths }: OpenApi) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    )

  test('has every route with every method, and nothing else', async () => {
    const routes = await registered(false)
    expect(routes.length).toBeGreaterThan(15)
    expect(routesIn(document).sort()).toEqual([...routes].sort())
  })

  test('has who leads only where there is a cluster of peers, and with it what may go wrong on the way to the one that leads', async () => {
    await using cluster = await TestCluster.start()
    const ofPeer = (await cluster.follower.ask('GET', '/openapi.json')).json as typeof document
    expect(await new Validator().validate(structuredClone(ofPeer))).toEqual({ valid: true })
    const routes = await registered(true)
    expect(routesIn(ofPeer).sort()).toEqual([...routes].sort())
    expect(Object.keys(ofPeer.paths).filter((path) => !(path in document.paths))).toEqual([
      '/v1/leader',
      '/v1/peers',
      '/v1/peers/history',
      '/v1/peer',
      '/v1/leader/transfer',
    ])
    expect(Object.keys(OPERATIONS).filter((route) => !routes.includes(route))).toEqual([])
    const refused = (from: OpenApi) => JSON.stringify(from.paths['/v1/groups']?.get?.responses['503'])
    expect(refused(ofPeer)).toContain('CAUCUS_NO_QUORUM')
    expect(refused(document)).not.toContain('CAUCUS_NO_QUORUM')
  })

  test('has the routes of bloc only where they are served', async () => {
    await using plain = await TestServer.start({ pollGroup: undefined })
    const { paths } = (await plain.ask('GET', '/openapi.json')).json as OpenApi
    expect(Object.keys(document.paths).filter((path) => !(path in paths))).toEqual(['/index', '/session'])
  })

  test('cannot leave a route out: a server with one that nobody has described does not start', () => {
    expect(() => openApiDocument([{ method: 'POST', path: '/v1/novelty' }], '1')).toThrow('POST /v1/novelty')
  })

  test('names every operation once, and every parameter of a path', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, ...operation })),
    )
    const ids = operations.map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, parameters } of operations) {
      const inPath = parameters.filter((each) => each.in === 'path').map(({ name }) => `{${name}}`)
      expect(path.match(/\{\w+\}/g) ?? []).toEqual(inPath)
    }
  })

  test('says who may ask: a token or a certificate for all but the health', () => {
    expect(document.security).toEqual([{ bearer: [] }, { mutualTLS: [] }, {}])
    const open = Object.entries(document.paths).filter(([, { get }]) => get?.security?.length === 0)
    expect(open.map(([path]) => path)).toEqual(['/healthz', '/readyz'])
    expect(document.servers).toEqual([{ url: '/', description: expect.any(String) }])
  })

  test('is asked for with a token like every other route', async () => {
    await using closed = await TestServer.start({ token: 'a-token-of-this-test' })
    expect((await closed.ask('GET', '/openapi.json')).status).toBe(401)
    const headers = { authorization: 'Bearer a-token-of-this-test' }
    expect((await closed.ask('GET', '/openapi.json', { headers })).status).toBe(200)
  })

  test('gives every refusal the codes of its status, and no other', () => {
    const statuses = Object.keys(document.paths['/v1/groups/{group}/members/{member}']?.put?.responses ?? {})
    expect(statuses).toEqual(['200', '400', '401', '403', '409', '413', '429', '500', '503', '504'])
    const conflict = document.paths['/v1/groups/{group}/members/{member}']?.put?.responses['409']
    expect(conflict?.content?.['application/json']?.schema).toMatchObject({
      allOf: [{}, { properties: { error: { properties: { code: { enum: ['CAUCUS_CONFLICT', 'CAUCUS_FENCED'] } } } } }],
    })
  })

  test('describes the link: its subprotocols and the frames of both sides', () => {
    expect(document.paths['/v1/link']?.get).toMatchObject({
      responses: { 101: {} },
      'x-caucus-link': { subprotocols: ['caucus.v2', 'caucus.v1'], fromMember: {}, fromServer: {} },
    })
  })
})

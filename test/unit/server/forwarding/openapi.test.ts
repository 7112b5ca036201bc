import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { closed, type OpenApi, resolved } from '../openapi-schema.ts'
import { TestCluster } from './peers.ts'

test('what a peer answers about leadership fits what its document says, and has no field more', async () => {
  await using cluster = await TestCluster.start()
  const { follower } = cluster
  const document = (await follower.ask('GET', '/openapi.json')).json as OpenApi
  const ajv = new Ajv2020({ strict: false })
  const seen = async (method: string, path: string, body?: string) => {
    const { status, json } = await follower.ask(method, path, body === undefined ? {} : { body })
    const described = document.paths[path]?.[method.toLowerCase()]?.responses[status]?.content
    const { schema } = described?.['application/json'] ?? expect.fail(`${method} ${path} ${status}`)
    const whole = resolved(schema, document)
    const check = ajv.compile(status === 200 ? (closed(whole) as object) : whole)
    expect([path, check(json), ajv.errorsText(check.errors), json]).toEqual([path, true, 'No errors', json])
    return `${method} ${path} ${status}`
  }
  expect([
    await seen('GET', '/v1/leader'),
    await seen('GET', '/v1/peers'),
    await seen('GET', '/v1/peers/history'),
    await seen('GET', '/v1/peer'),
    await seen('GET', '/readyz'),
    await seen('GET', '/v1/status'),
    await seen('POST', '/v1/leader/transfer'),
    await seen('POST', '/v1/leader/transfer', '{"to":"a"}'),
    await seen('POST', '/v1/leader/transfer', '{"to":"z"}'),
    await seen('POST', '/v1/leader/transfer', '{"to":1}'),
  ]).toEqual([
    'GET /v1/leader 200',
    'GET /v1/peers 200',
    'GET /v1/peers/history 200',
    'GET /v1/peer 400',
    'GET /readyz 200',
    'GET /v1/status 200',
    'POST /v1/leader/transfer 200',
    'POST /v1/leader/transfer 200',
    'POST /v1/leader/transfer 404',
    'POST /v1/leader/transfer 400',
  ])
  cluster.seat(undefined)
  follower.peers.patienceMs = 1
  expect([await seen('GET', '/v1/leader'), await seen('GET', '/v1/groups'), await seen('GET', '/readyz')]).toEqual([
    'GET /v1/leader 503',
    'GET /v1/groups 503',
    'GET /readyz 200',
  ])
  follower.peers.role = 'idle'
  expect(await seen('GET', '/readyz')).toBe('GET /readyz 503')
})

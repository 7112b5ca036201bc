import { expect, onTestFinished, test } from 'vitest'
import { serve } from './server.ts'

const server = async () => {
  const served = await serve()
  onTestFinished(() => served.close())
  return served
}

test('over HTTP a candidate sees its token while it leads, and resigns by leaving', async () => {
  const { url } = await server()
  const path = (id: string, query = '') => `${url}/v1/groups/election%2Fe/members/${id}${query}`
  const put = async (id: string, more: object = {}) => {
    const body = JSON.stringify({ bootId: `boot of ${id}`, sequence: 1, share: 'tenure', ...more })
    const answer = await fetch(path(id), { method: 'PUT', body })
    return (await answer.json()) as Record<string, unknown>
  }
  const a = await put('a')
  expect(a).toMatchObject({ state: 'settled', token: expect.any(Number) })
  expect(a).not.toHaveProperty('partitions')
  expect(await put('b')).not.toHaveProperty('token')
  const seen = (await (await fetch(`${url}/v1/groups/election%2Fe`)).json()) as { members: unknown[] }
  expect(seen).toMatchObject({ share: 'tenure', members: [{ id: 'a', leads: true, epoch: a.token }, { id: 'b' }] })
  const { generation, incarnation, order, token } = a
  const holding = [{ item: 0, epoch: token }]
  // It need not say its share again.
  const renewed = await put('a', { sequence: 2, share: undefined, generation, incarnation, order, holding })
  expect(renewed).toMatchObject({ token })
  const query = new URLSearchParams({ incarnation: `${incarnation}`, bootId: 'boot of a', sequence: '3' })
  expect((await fetch(path('a', `?${query}`), { method: 'DELETE' })).status).toBe(200)
  expect((await put('b', { sequence: 2 })).token).toBeGreaterThan(Number(token))
  for (const share of ['index', { partitions: 2 }, undefined]) {
    expect(await put('c', { share })).toMatchObject({ error: { code: 'CAUCUS_CONFLICT' } })
  }
  const other = { method: 'PUT', body: '{"bootId":"b","sequence":1,"share":"tenure"}' }
  const refused = await fetch(`${url}/v1/groups/g/members/a`, other)
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: 'CAUCUS_CONFLICT' } }])
})

test('over HTTP nobody calls once()', async () => {
  const { url } = await server()
  const at = Date.now()
  const put = (group: string, body: object) =>
    fetch(`${url}/v1/groups/${encodeURIComponent(group)}/members/a`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ bootId: 'b', sequence: 1, ...body }),
    })
  const refused = await put(`once/job/${at}`, { share: 'once' })
  expect(refused.status).toBe(400)
  expect(await refused.text()).toContain('call once() of the client')
  expect((await put(`once/job/${at}`, {})).status).toBe(409)
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerOf, putTo } from '../../../src/demo/web.ts'

const says: Record<string, { status: number; body: string }> = {
  '/led': { status: 200, body: '{"identifier":"a"}' },
  '/nobody': { status: 503, body: '{}' },
  '/absent': { status: 404, body: '{}' },
  '/cut': { status: 502, body: '{}' },
  '/late': { status: 504, body: '{}' },
  '/broken': { status: 500, body: '{}' },
}
const server = createServer(({ url = '' }, response) => {
  const said = says[url]
  // Nothing at all, as one that stands still.
  if (said !== undefined) response.writeHead(said.status).end(said.body)
})
let url = ''
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const never = new AbortController().signal
/** Nobody listens there: no port is 0. */
const GONE = 'http://127.0.0.1:0'

describe('of several servers', () => {
  test('one that is not there is passed over', async () => {
    expect(await answerOf([GONE, url], '/led', never)).toEqual({ identifier: 'a' })
  })

  test('none answers while nobody leads, and none for what is not there', async () => {
    expect(await answerOf([url, GONE], '/nobody', never)).toBeUndefined()
    expect(await answerOf([url], '/absent', never)).toBeUndefined()
    // Of a server that asked one which was just killed.
    for (const path of ['/cut', '/late']) expect(await answerOf([url], path, never)).toBeUndefined()
  })

  test('an order is taken by the first that can, or by none now, or by none ever', async () => {
    expect(await putTo([GONE, url], '/led', never)).toBe(true)
    expect(await putTo([url], '/absent', never)).toBe(true)
    for (const path of ['/nobody', '/cut', '/late']) expect(await putTo([url, GONE], path, never)).toBe(false)
    await expect(putTo([url], '/broken', never)).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
  })

  test('one that answers with something else is a fault', async () => {
    await expect(answerOf([url], '/broken', never)).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
  })

  test('the signal ends the wait for one that stands still', async () => {
    const controller = new AbortController()
    const heard = once(server, 'request')
    const asked = answerOf([url], '/silence', controller.signal)
    await heard
    controller.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    await expect(answerOf([url], '/led', controller.signal)).rejects.toThrow('enough')
  })
})

import { getEventListeners } from 'node:events'
import { connect, embedded } from 'caucus'
import { expect, test } from 'vitest'
import { never, settled, valuesOf } from './topic-support.ts'
import { codeOf, world } from './world.ts'

/** A schema of a few lines, sound or not. */
const fits = (isFit: (value: unknown) => unknown) => ({
  '~standard': { version: 1 as const, vendor: 't', validate: isFit as never },
})
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

test.each(['throws', 'rejects'])('a handler that %s with a revoked proxy ends one request', async (how) => {
  const { connect, within } = world()
  const caucus = await connect()
  const topic = caucus.topic<boolean>('t')
  topic.produce((bad) => {
    if (!bad) return 'fine'
    if (how === 'throws') throw revoked()
    return Promise.reject(revoked())
  })
  expect(await within(200, topic.gather(true, { withinMs: 100 }))).toMatchObject({
    ending: 'exhausted',
    errors: [{ outcome: 'error' }],
  })
  expect(valuesOf((await within(200, topic.gather(false, { withinMs: 100 }))).replies)).toEqual(['fine'])
})

test('a gather that is refused leaves nothing on its signal', async () => {
  const { connect } = world()
  const caucus = await connect()
  const topic = caucus.topic<number>('t', { request: fits(() => ({ issues: [{ message: 'no' }] })) })
  const { signal } = new AbortController()
  for (let i = 0; i < 3; i++) expect(await codeOf(topic.gather(1, { signal }))).toBe('CAUCUS_INVALID_ARGUMENT')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
test('nor does one after the connection was closed', async () => {
  const { connect } = world()
  const caucus = await connect()
  const topic = caucus.topic<number>('t')
  await caucus.close()
  const { signal } = new AbortController()
  for (let i = 0; i < 3; i++) expect(await codeOf(topic.gather(1, { signal }))).toBe('CAUCUS_CLOSED')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a gather never takes longer than its limit, whatever its schema does', async () => {
  const { connect, within } = world()
  const topic = (await connect()).topic<number>('t', { request: fits(never) })
  topic.produce(() => 1)
  await within(
    500,
    topic.gather(1, { withinMs: 100 }).catch(() => undefined),
  )
})

test('a schema that throws is a CaucusError of the ask', async () => {
  const { connect } = world()
  const topic = (await connect()).topic<number>('t', {
    request: fits(() => {
      throw new TypeError('my own fault')
    }),
  })
  expect(await codeOf(topic.gather(1))).toBe('CAUCUS_INVALID_ARGUMENT')
})
test('an issue whose path is odd is still an issue', async () => {
  const { connect } = world()
  const topic = (await connect()).topic<number>('t', {
    request: fits(() => ({ issues: [{ message: 'no', path: [null, { key: Symbol('s') }] }] })),
  })
  expect(await codeOf(topic.gather(1))).toBe('CAUCUS_INVALID_ARGUMENT')
})

test('who asks again and again does not stop the timers of the process', async () => {
  const caucus = await connect(embedded())
  const topic = caucus.topic<number>('t')
  topic.produce((n) => n)
  let over = false
  const timer = setTimeout(() => {
    over = true
  }, 5)
  let asked = 0
  while (!over && asked < 300_000) {
    await topic.gather(asked)
    asked++
  }
  clearTimeout(timer)
  await caucus.close()
  expect(asked).toBeLessThan(300_000)
})

test('a drain during a reply whose schema never settles ends at its limit', async () => {
  const { connect, within } = world()
  const topic = (await connect()).topic<number, number>('t', { reply: fits(never) })
  const producer = topic.produce(() => 1)
  void topic.gather(1, { withinMs: 100 })
  await settled()
  await within(300, producer.drain({ limitMs: 200 }))
})

import { connect, type Heard, type ReplyStream, remote } from 'caucus'
import { afterEach, expect, test } from 'vitest'
import { codeOf } from '../../src/testing/contract/assertions.ts'
import { serve } from '../contract/server.ts'
import { closeAll, LONG_MS, says, using } from './support/closing.ts'
import { startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

afterEach(closeAll)

const connected = async (url: string) => using(await connect(remote(url)))

test('a producer that is killed completes its part as left, at once, and breaks off what it streams', async () => {
  const server = await startServer(['--fresh'])
  const victim = startNode(['test/process/support/topic-producer.mjs', server.url, 'victim'])
  const asker = await connected(server.url)
  const other = await connected(server.url)
  const topic = asker.topic<string, string>('t')
  await other
    .topic('t')
    .produce((request) => `other has ${request}`, { id: 'other', concurrency: 10 })
    .ready()
  await says(victim, 'ready')
  const from = (replies: readonly { from: string }[]) => replies.map((each) => each.from).toSorted()
  expect(from((await topic.gather('hello', { withinMs: LONG_MS })).replies)).toEqual(['other', 'victim'])

  const streaming = asker.topic<string, ReplyStream>('t')
  const { replies } = await streaming.gather('stream', { to: { id: 'victim' }, withinMs: LONG_MS })
  let read = 0
  const reading = (async () => {
    for await (const { length } of replies[0]?.value ?? []) read += length
  })()
  const asking = topic.gather('silent', { withinMs: LONG_MS })
  await says(victim, 'silent')
  await waitFor('something to be read', () => read > 100_000)
  victim.signal('SIGKILL')
  expect(await asking).toMatchObject({
    replies: [{ from: 'other', value: 'other has silent' }],
    missing: ['victim'],
    left: ['victim'],
    ending: 'exhausted',
  })
  await expect(reading).rejects.toMatchObject({ code: 'CAUCUS_CONNECTION_LOST' })
  const view = await waitFor('it to be off the roster', async () => {
    const seen = await topic.view()
    return seen?.producers.length === 1 && seen
  })
  expect(view.producers).toMatchObject([{ id: 'other' }])
})

test('a server that is killed and started again has everybody back; what was under way has failed', async () => {
  const first = await serve()
  const serving = await connected(first.url)
  const asker = await connected(first.url)
  const reasons: unknown[] = []
  const producer = serving.topic<string>('t').produce(
    (request, { signal }) => {
      if (request === 'quick') return 'done'
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          reject(signal.reason)
        })
      })
    },
    { id: 'p', concurrency: 10 },
  )
  const topic = asker.topic<string>('t')
  const heard: Heard[] = []
  asker.topic<string>('t').listen((one) => void heard.push(one))
  await producer.ready()
  await waitFor('the listener', async () => (await topic.view())?.listeners === 1)
  await topic.gather('quick', { withinMs: LONG_MS })
  const asking = codeOf(topic.gather('slow', { withinMs: LONG_MS }))
  await waitFor('it to be at work', () => producer.running === 1)

  await first.kill()
  expect(await asking).toBe('CAUCUS_CONNECTION_LOST')
  await waitFor('the producer to have heard', () => producer.state === 'registering' && producer.running === 0)
  expect(reasons).toMatchObject([{ code: 'CAUCUS_CONNECTION_LOST' }])
  await expect(topic.gather('quick')).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE', definite: true })

  using(await serve({ port: first.port }))
  await producer.ready({ signal: AbortSignal.timeout(20_000) })
  await waitFor('the listener', async () => {
    const view = await topic.view().catch(() => undefined)
    return view?.listeners === 1
  })
  expect((await topic.gather('quick', { withinMs: LONG_MS })).replies).toMatchObject([{ from: 'p', value: 'done' }])
  await waitFor('what it heard', () => heard.length === 3)
  expect(heard).toMatchObject([{ value: 'done' }, { type: 'gap', dropped: undefined }, { value: 'done' }])
})

test('megabytes in both directions end no link, and what is too large is said to be', async () => {
  const server = using(await serve())
  const serving = await connected(server.url)
  const asker = await connected(server.url)
  const lost: string[] = []
  void (async () => {
    for await (const event of asker.events()) lost.push(event.type)
  })()
  await serving
    .topic<Uint8Array, unknown>('t')
    .produce((bytes) => (bytes.length === 1 ? new Uint8Array(600_000) : bytes), { concurrency: 100 })
    .ready()
  const topic = asker.topic<Uint8Array>('t')
  const large = new Uint8Array(400_000).fill(7)
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const { replies, errors } = await topic.gather(large, { withinMs: LONG_MS })
      const value = replies[0]?.value as Uint8Array | undefined
      if (value !== undefined) expect([value.length, value[399_999]]).toEqual([400_000, 7])
      return value !== undefined || errors[0]?.error.code
    }).map((asked) => asked.catch((error) => error.code)),
  )
  // What does not fit into the way at once is refused, and nothing else happens to it.
  expect(outcomes.filter((one) => one !== true && one !== 'CAUCUS_OVERLOADED')).toEqual([])
  expect(outcomes).toContain(true)
  const { errors } = await topic.gather(new Uint8Array(1), { withinMs: LONG_MS })
  expect(errors).toMatchObject([{ outcome: 'error', error: { code: 'CAUCUS_TOO_LARGE' } }])
  expect(lost).toEqual([])
})

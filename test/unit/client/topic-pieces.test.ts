import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { gate, settled } from './topic-support.ts'
import { world } from './world.ts'

const bytes = () => Readable.from([Buffer.from('abc')])
const refusing = {
  '~standard': { version: 1 as const, vendor: 't', validate: () => ({ issues: [{ message: 'too dear' }] }) },
}

const taking = { '~standard': { version: 1 as const, vendor: 't', validate: (value: unknown) => ({ value }) } }

/** Producers `a`, `b` and `c`, each of which gives its asker a stream. */
const streaming = async (schemas = {}) => {
  const given: Readable[] = []
  const topic = (await world().connect()).topic<null, AsyncIterable<Uint8Array>>('files', schemas)
  for (const id of ['a', 'b', 'c']) {
    topic.produce(
      async () => {
        const stream = bytes()
        given.push(stream)
        return stream
      },
      { id },
    )
  }
  const letGo = () => given.map(({ destroyed }) => destroyed)
  return { topic, letGo }
}

test.each([{}, { reply: taking }])(
  'of several streams of one turn, those that nobody needs are let go (%j)',
  async (schemas) => {
    const { topic, letGo } = await streaming(schemas)
    const { replies, released } = await topic.gather(null, { until: 'first' })
    await settled()
    expect([replies[0]?.from, released]).toEqual(['a', ['b', 'c']])
    expect(letGo()).toEqual([false, true, true])
  },
)

test('what was not read of an ask that is broken off is let go', async () => {
  const { topic, letGo } = await streaming()
  for await (const answer of topic.ask(null)) {
    expect(answer.from).toBe('a')
    // Everybody has answered, and the ask has ended; the second and third reply wait to be read.
    await settled()
    break
  }
  await settled()
  expect(letGo()).toEqual([false, true, true])
})

test.each(['gather', 'ask'] as const)('what has come is let go when its %s is called off', async (how) => {
  const { topic, letGo } = await streaming()
  topic.produce(() => new Promise<never>(() => {}), { id: 'slow' })
  const calling = new AbortController()
  const options = { signal: calling.signal }
  const asked = how === 'gather' ? topic.gather(null, options) : topic.ask(null, options)
  await settled()
  expect(letGo()).toEqual([false, false, false])
  calling.abort(new Error('enough'))
  await expect(how === 'gather' ? asked : (asked as ReturnType<typeof topic.ask>).next()).rejects.toThrow('enough')
  await settled()
  expect(letGo()).toEqual([true, true, true])
})

test('what came in the turn in which its ask was called off is let go', async () => {
  const topic = (await world().connect()).topic<null, AsyncIterable<Uint8Array>>('files')
  const calling = new AbortController()
  const stream = bytes()
  topic.produce(() => stream, { id: 'a' })
  topic.produce(() => calling.abort(new Error('enough')) as never, { id: 'b' })
  await expect(topic.gather(null, { signal: calling.signal })).rejects.toThrow('enough')
  await settled()
  expect(stream.destroyed).toBe(true)
})

test.each(['asker', 'producer'])('what the schema of the %s refuses is let go', async (whose) => {
  const caucus = await world().connect()
  const [plain, strict] = [caucus.topic<null>('files'), caucus.topic<null>('files', { reply: refusing as never })]
  const stream = bytes()
  const [asker, producer] = whose === 'asker' ? [strict, plain] : [plain, strict]
  producer.produce(() => stream)
  const { errors } = await asker.gather(null)
  expect(errors[0]?.error.message).toContain('too dear')
  await settled()
  expect(stream.destroyed).toBe(true)
})

test('a stream whose on() is for something else is a reply like any other', async () => {
  const topic = (await world().connect()).topic<null, AsyncIterable<Uint8Array>>('files')
  topic.produce(() => ({
    on: (event: string) => {
      throw new Error(`there is no ${event}`)
    },
    async *[Symbol.asyncIterator]() {
      yield Buffer.from('abc')
    },
  }))
  const { replies } = await topic.gather(null)
  for await (const chunk of replies[0]?.value ?? []) expect(String(chunk)).toBe('abc')
  expect(replies).toHaveLength(1)
})

test('replies of one turn that come after the one that was enough are late in the summary, too', async () => {
  const topic = (await world().connect()).topic('t')
  const open = gate()
  for (const id of ['a', 'b', 'c']) topic.produce(() => open.promise, { id })
  const gathered = topic.gather(null, { until: 'first' })
  await settled()
  open.open()
  const { late, released } = await gathered
  expect([late, released, (await topic.view())?.late]).toEqual([2, ['b', 'c'], 2])
})

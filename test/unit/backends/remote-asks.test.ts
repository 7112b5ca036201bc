import type { StandardSchema } from 'caucus'
import { expect, test } from 'vitest'
import { codeOf } from '../../../src/testing/contract/assertions.ts'
import { contentOf, json, linkedTopics, summary } from './topics-link.ts'

/** Lets numbers through, doubled. */
const doubled = (when: (value: number) => Promise<void> | undefined = () => undefined): StandardSchema<number> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const result = typeof value === 'number' ? { value: 2 * value } : { issues: [{ message: 'no number' }] }
      return when(value as number)?.then(() => result) ?? result
    },
  },
})

const reply = (ask: number, from: string, value: unknown) =>
  ({ type: 'answered', ask, from, payload: json(value) }) as const

test('what one turn asks goes out in one frame, and the answers come back as values', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  const asking = [
    topic.gather({ n: 1 }, { withinMs: 300, to: { pick: 1 } }),
    topic.gather(undefined),
    topic.gather('x'),
  ]
  const [first, second] = await link.heard()
  expect(link.frames).toBe(1)
  expect(first).toMatchObject({
    type: 'ask',
    ask: 1,
    topic: 't',
    until: 'all',
    withinMs: 300,
    to: { pick: 1 },
    named: false,
    patient: true,
  })
  expect(first?.type === 'ask' && contentOf(first.payload)).toEqual({ n: 1 })
  expect(second).toMatchObject({ ask: 2, withinMs: 5_000, payload: { kind: 'none' } })
  link.hears(
    reply(1, 'a', { cents: 3 }),
    {
      type: 'failed',
      ask: 1,
      from: 'b',
      outcome: 'refused',
      error: { code: 'CAUCUS_OVERLOADED', message: 'full', retriable: true, definite: true, details: {} },
    },
    { type: 'answered', ask: 2, from: 'a', payload: { kind: 'bytes', bytes: Buffer.from('raw') } },
    { type: 'answered', ask: 2, from: 'b', payload: { kind: 'none' } },
    { type: 'finished', ask: 2, summary: summary({ expected: 2, replied: 2 }) },
    {
      type: 'finished',
      ask: 1,
      summary: summary({
        expected: 3,
        replied: 1,
        errors: 1,
        refused: 1,
        missing: ['c'],
        left: ['c'],
        ending: 'exhausted',
      }),
    },
    { type: 'finished', ask: 3, summary: summary({ ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' }) },
  )
  const [one, two, three] = await Promise.all(asking)
  expect(one).toMatchObject({
    replies: [{ from: 'a', value: { cents: 3 } }],
    errors: [{ from: 'b', outcome: 'refused' }],
    missing: ['c'],
    left: ['c'],
  })
  expect(two?.replies).toEqual([
    { type: 'reply', from: 'a', value: new Uint8Array(Buffer.from('raw')) },
    { type: 'reply', from: 'b', value: undefined },
  ])
  expect(three).toMatchObject({ ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' })
})

test('what was answered is nobody else’s memory', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t').gather(new Uint8Array([1, 2, 3]))
  const asked = await link.next('ask')
  expect(asked.payload).toEqual({ kind: 'bytes', bytes: Buffer.from([1, 2, 3]) })
  link.hears(
    { type: 'answered', ask: 1, from: 'a', payload: { kind: 'bytes', bytes: Buffer.alloc(3, 7) } },
    { type: 'finished', ask: 1, summary: summary({ expected: 1, replied: 1 }) },
  )
  const value = (await asking).replies[0]?.value as Uint8Array
  expect([value.constructor, value.buffer.byteLength]).toEqual([Uint8Array, 3])
})

test.each<[string, unknown, string]>([
  ['a function', () => 1, 'CAUCUS_INVALID_ARGUMENT'],
  ['a symbol', Symbol('x'), 'CAUCUS_INVALID_ARGUMENT'],
  ['a BigInt', { n: 1n }, 'CAUCUS_INVALID_ARGUMENT'],
  [
    'a circle',
    Object.assign([1], { 0: undefined }) &&
      (() => {
        const a: unknown[] = []
        a.push(a)
        return a
      })(),
    'CAUCUS_INVALID_ARGUMENT',
  ],
  ['a depth', JSON.parse(`${'['.repeat(1_001)}${']'.repeat(1_001)}`), 'CAUCUS_INVALID_ARGUMENT'],
  ['a great depth', JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 'CAUCUS_INVALID_ARGUMENT'],
  ['a long text', 'x'.repeat(512 * 1024), 'CAUCUS_TOO_LARGE'],
  ['many bytes', new Uint8Array(512 * 1024 + 1), 'CAUCUS_TOO_LARGE'],
])('%s is not sent, and nothing is left of it', async (_name, payload, code) => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  expect(await codeOf(topic.gather(payload))).toBe(code)
  expect(await codeOf(topic.ask(payload).next())).toBe(code)
  expect(await link.heard()).toEqual([])
})

test('what is as long as it may be is sent, and brackets in a text are no depth', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  const deep = JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`)
  for (const payload of ['x'.repeat(512 * 1024 - 2), new Uint8Array(512 * 1024), `"\\${'['.repeat(3_000)}`, deep]) {
    topic.gather(payload).catch(() => undefined)
    expect(contentOf((await link.next('ask')).payload)).toEqual(
      payload instanceof Uint8Array ? Buffer.from(payload) : payload,
    )
  }
})

test('breaking off abandons, and nothing of what still comes is heard', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t').ask(1)
  await link.next('ask')
  link.hears(reply(1, 'a', 1))
  for await (const answer of asking) {
    expect(answer.from).toBe('a')
    break
  }
  expect(await link.heard()).toEqual([{ type: 'abandon', ask: 1 }])
  link.hears(reply(1, 'b', 2), { type: 'finished', ask: 1, summary: summary({ ending: 'abandoned' }) })
  expect(await link.heard()).toEqual([])
})

test('a server that never says how an ask went cannot hold it for ever', async () => {
  const link = linkedTopics()
  const asking = codeOf(link.topics.topic('t').gather(1, { withinMs: 300 }))
  const judging = codeOf(link.topics.topic('t', { reply: doubled() }).gather(1, { withinMs: 300 }))
  await link.heard()
  await link.clock.play(1_302)
  expect([await asking, await judging]).toEqual(['CAUCUS_TIMEOUT', 'CAUCUS_TIMEOUT'])
  expect((await link.heard()).map(({ type }) => type)).toEqual(['abandon', 'abandon'])
})

test('without a link nothing is asked', async () => {
  const link = linkedTopics({ open: false })
  const topic = link.topics.topic('t')
  await expect(topic.gather(1)).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE', retriable: true, definite: true })
  link.connect()
  const asking = topic.gather(1)
  expect(await link.next('ask')).toMatchObject({ ask: 1 })
  link.lose()
  await expect(asking).rejects.toMatchObject({
    code: 'CAUCUS_CONNECTION_LOST',
    definite: false,
    message: expect.stringContaining('ask again'),
  })
  await expect(topic.gather(1)).rejects.toMatchObject({ code: 'CAUCUS_UNAVAILABLE' })
})

test('a server of the version before says so in every call', async () => {
  const link = linkedTopics({ hasTopics: false })
  const topic = link.topics.topic('t')
  const text = 'upgrade caucus on the server'
  await expect(topic.gather(1)).rejects.toMatchObject({
    code: 'CAUCUS_PROTOCOL',
    message: expect.stringContaining(text),
  })
  const producer = topic.produce(() => 1)
  expect([producer.state, producer.error?.code]).toEqual(['left', 'CAUCUS_PROTOCOL'])
  await expect(producer.ready()).rejects.toMatchObject({ code: 'CAUCUS_PROTOCOL' })
  await expect(topic.listen().next()).rejects.toMatchObject({ code: 'CAUCUS_PROTOCOL' })
  expect(await link.heard()).toEqual([])
})

test('what is denied fails with what the server said', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  const asking = codeOf(topic.gather(1))
  const producer = topic.produce(() => 1)
  const listening = codeOf(topic.listen().next())
  await link.heard()
  const error = { code: 'CAUCUS_FORBIDDEN', message: 'not you', retriable: false, definite: true, details: {} } as const
  for (const what of ['ask', 'producer', 'listener'] as const) link.hears({ type: 'denied', what, key: 1, error })
  expect([await asking, producer.error?.code, await listening]).toEqual(Array(3).fill('CAUCUS_FORBIDDEN'))
})

test('a link that takes nothing refuses what is asked, and not what has been said', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  link.setUnsent(3 * 2 ** 20)
  const large = new Uint8Array(2 ** 19)
  const asked = Array.from({ length: 40 }, () => codeOf(topic.gather(large)))
  expect(await link.heard()).toEqual([])
  link.setUnsent(0)
  await link.clock.play(10)
  const sent = await link.heard()
  expect(sent.length).toBeGreaterThan(30)
  link.lose()
  const codes = await Promise.all(asked)
  expect(codes.filter((code) => code === 'CAUCUS_CONNECTION_LOST')).toHaveLength(sent.length)
  expect(codes.filter((code) => code === 'CAUCUS_OVERLOADED')).toHaveLength(40 - sent.length)
})

test('whoever looks at each answer as it comes does not have them wait for the end', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t').ask(1)
  expect(await link.next('ask')).toMatchObject({ patient: false })
  const judging = link.topics.topic('t', { reply: doubled() }).gather(1)
  expect(await link.next('ask')).toMatchObject({ patient: false })
  link.hears(
    { type: 'finished', ask: 1, summary: summary({ ending: 'nobody' }) },
    { type: 'asked', ask: 2, expected: [] },
    { type: 'finished', ask: 2, summary: summary({ ending: 'nobody' }) },
  )
  for await (const reply of asking) expect(reply).toBeUndefined()
  expect((await judging).replies).toEqual([])
})

test('with a schema it is this process that judges, and that knows when it has enough', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t', { reply: doubled() })
  const asking = topic.gather(0, { until: 2 })
  expect(await link.next('ask')).toMatchObject({ until: 'all', named: true })
  link.hears(
    { type: 'asked', ask: 1, expected: ['a', 'b', 'c', 'd'] },
    reply(1, 'a', 1),
    reply(1, 'b', 'x'),
    reply(1, 'c', 3),
  )
  expect(await asking).toMatchObject({
    replies: [
      { from: 'a', value: 2 },
      { from: 'c', value: 6 },
    ],
    errors: [{ from: 'b', outcome: 'error', error: { code: 'CAUCUS_HANDLER_FAILED' } }],
    expected: 4,
    released: ['d'],
    ending: 'met',
  })
  expect(await link.heard()).toEqual([{ type: 'abandon', ask: 1 }])
})

test('who has left is known at the end, by name', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t', { reply: doubled() }).gather(0)
  await link.next('ask')
  link.hears({ type: 'asked', ask: 1, expected: ['a', 'b'] }, reply(1, 'a', 'x'), {
    type: 'finished',
    ask: 1,
    summary: summary({ expected: 2, replied: 1, missing: ['b'], left: ['b'], ending: 'exhausted' }),
  })
  expect(await asking).toMatchObject({ errors: [{ from: 'a' }], missing: ['b'], left: ['b'], ending: 'exhausted' })
  expect(await link.heard()).toEqual([])
})

test('a time limit names those who said nothing, judged or not', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t', { reply: doubled() }).gather(0, { withinMs: 300 })
  await link.next('ask')
  link.hears({ type: 'asked', ask: 1, expected: ['a', 'b'] }, reply(1, 'a', 1))
  await link.clock.play(302)
  const timeout = summary({ expected: 2, replied: 1, missing: ['b'], ending: 'timeout', code: 'CAUCUS_TIMEOUT' })
  link.hears({ type: 'finished', ask: 1, summary: timeout })
  expect(await asking).toMatchObject({
    replies: [{ value: 2 }],
    missing: ['b'],
    ending: 'timeout',
    code: 'CAUCUS_TIMEOUT',
  })
})

test('quiet is kept by this side', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t', { reply: doubled() }).gather(0, { until: { quiet: 50 } })
  await link.next('ask')
  link.hears({ type: 'asked', ask: 1, expected: ['a', 'b', 'c'] }, reply(1, 'a', 1))
  await link.clock.play(40)
  link.hears(reply(1, 'b', 2))
  await link.clock.play(40)
  expect(await link.heard()).toEqual([])
  await link.clock.play(12)
  expect(await asking).toMatchObject({ replies: [{ value: 2 }, { value: 4 }], released: ['c'], ending: 'met' })
})

test('a schema that takes its time holds up nobody else’s reply, and has until the limit', async () => {
  const link = linkedTopics()
  let open = () => {}
  const slow = new Promise<void>((resolve) => {
    open = resolve
  })
  const schema = doubled((value) => (value === 1 ? slow : value === 9 ? new Promise(() => {}) : undefined))
  const topic = link.topics.topic('t', { reply: schema })
  const all = summary({ expected: 2, replied: 2 })
  const asking = topic.gather(0, { withinMs: 300 })
  const never = topic.gather(0, { withinMs: 300 })
  await link.heard()
  for (const ask of [1, 2]) link.hears({ type: 'asked', ask, expected: ['a', 'b'] })
  link.hears(reply(1, 'a', 1), reply(1, 'b', 2), { type: 'finished', ask: 1, summary: all })
  link.hears(reply(2, 'a', 9), reply(2, 'b', 2), { type: 'finished', ask: 2, summary: all })
  open()
  expect((await asking).replies.map(({ value }) => value)).toEqual([4, 2])
  await link.clock.play(302)
  expect(await never).toMatchObject({ replies: [{ from: 'b' }], missing: ['a'], ending: 'timeout' })
})

test('what no server of ours would say harms nobody', async () => {
  const link = linkedTopics()
  const asking = link.topics.topic('t', { reply: doubled() }).gather(0)
  await link.next('ask')
  link.hears(
    reply(7, 'a', 1),
    reply(1, 'too-early', 1),
    { type: 'asked', ask: 1, expected: ['a'] },
    reply(1, 'stranger', 1),
    { type: 'answered', ask: 1, from: 'a', payload: { kind: 'json', bytes: Buffer.from('{"') } },
    { type: 'finished', ask: 9, summary: summary() },
    { type: 'cancel', request: 5, because: 'met' },
    { type: 'produced', producer: 5 },
    { type: 'gap', listener: 5, dropped: 1 },
    { type: 'credit', stream: 5, bytes: 1 },
    { type: 'stop', stream: 5 },
    { type: 'end', stream: 5 },
    { type: 'chunk', stream: 5, bytes: Buffer.from('x') },
  )
  expect(await asking).toMatchObject({
    errors: [{ from: 'a', error: { code: 'CAUCUS_PROTOCOL' } }],
    ending: 'exhausted',
  })
  expect(link.remote.taken(Buffer.from('nonsense'))).toEqual(expect.any(String))
})

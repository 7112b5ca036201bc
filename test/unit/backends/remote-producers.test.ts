import { CaucusError, type RequestContext } from 'caucus'
import { expect, test } from 'vitest'
import { codeOf } from '../../../src/testing/contract/assertions.ts'
import { contentOf, json, linkedTopics } from './topics-link.ts'

const request = (number: number, value: unknown, { producer = 1, remainingMs = 1_000 } = {}) =>
  ({ type: 'request', request: number, producer, from: 'asker-7', remainingMs, payload: json(value) }) as const

/** A gate for handlers. */
const gate = <T = void>() => {
  let open: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => {
    open = resolve
  })
  return { promise, open }
}

test('a producer registers, serves what comes and answers in one frame', async () => {
  const link = linkedTopics()
  const seen: Record<string, unknown>[] = []
  const producer = link.topics.topic<number>('t').produce(
    (n, { from, topic, remainingMs }) => {
      seen.push({ n, from, topic, remainingMs })
      return n === 2 ? undefined : n === 3 ? new Uint8Array([9]) : { n }
    },
    { id: 'p', concurrency: 4, queue: 'q', metadata: { zone: 'x' } },
  )
  expect(producer.state).toBe('registering')
  expect(await link.heard()).toEqual([
    { type: 'produce', producer: 1, topic: 't', id: 'p', concurrency: 4, queue: 'q', metadata: { zone: 'x' } },
  ])
  link.hears({ type: 'produced', producer: 1 })
  await producer.ready()
  expect(producer.state).toBe('serving')
  link.hears(request(11, 1), request(12, 2), request(13, 3))
  const replies = await link.heard()
  expect(link.frames).toBe(2)
  expect(replies).toEqual([
    { type: 'reply', request: 11, payload: { kind: 'json', bytes: Buffer.from('{"n":1}') } },
    { type: 'reply', request: 12, payload: { kind: 'none' } },
    { type: 'reply', request: 13, payload: { kind: 'bytes', bytes: Buffer.from([9]) } },
  ])
  expect(seen[0]).toEqual({ n: 1, from: 'asker-7', topic: 't', remainingMs: 1_000 })
})

test('what a handler throws, or gives that cannot be sent, is its own outcome, and it lives on', async () => {
  const link = linkedTopics()
  const given: readonly (() => unknown)[] = [
    () => {
      throw new Error('no milk')
    },
    () => {
      throw undefined
    },
    () => Promise.reject(new CaucusError('CAUCUS_CONFLICT', 'not now')),
    () => () => 1,
    () => ({ n: 1n }),
    () => 'x'.repeat(600_000),
    () => 'fine',
  ]
  const producer = link.topics.topic<number>('t').produce((n) => given[n]?.())
  await link.heard()
  link.hears(...given.map((_each, n) => request(n, n)))
  const said = await link.heard()
  expect(said.map((one) => (one.type === 'fail' ? one.error.code : one.type))).toEqual([
    'CAUCUS_HANDLER_FAILED',
    'CAUCUS_HANDLER_FAILED',
    'CAUCUS_CONFLICT',
    'CAUCUS_HANDLER_FAILED',
    'CAUCUS_HANDLER_FAILED',
    'CAUCUS_TOO_LARGE',
    'reply',
  ])
  expect(said[5]).toMatchObject({ error: { message: expect.stringContaining('async iterable of Uint8Array') } })
  expect([producer.running, producer.queued]).toEqual([0, 0])
})

test('what is no JSON never reaches a handler, and is answered', async () => {
  const link = linkedTopics()
  link.topics.topic('t').produce(() => expect.fail('it was served'))
  await link.heard()
  link.hears({ ...request(1, 1), payload: { kind: 'json', bytes: Buffer.from('{"a":') } })
  expect(await link.next('fail')).toMatchObject({ request: 1, outcome: 'error', error: { code: 'CAUCUS_PROTOCOL' } })
})

test('the end of an ask aborts its handler; what that still gives is late and goes up empty', async () => {
  const link = linkedTopics()
  const contexts: RequestContext[] = []
  const answers = [gate<string>(), gate<string>()]
  link.topics.topic<number>('t').produce(
    (n, context) => {
      contexts.push(context)
      return answers[n]?.promise
    },
    { concurrency: 2 },
  )
  await link.heard()
  link.hears(request(1, 0), request(2, 1))
  await link.heard()
  const signals = contexts.map(({ signal }) => signal)
  link.hears({ type: 'cancel', request: 1, because: 'met' })
  await link.heard()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  expect(signals[0]?.reason).toMatchObject({ code: 'CAUCUS_CLOSED' })
  answers[0]?.open('too late')
  answers[1]?.open('in time')
  const said = await link.heard()
  expect(said.map((one) => one.type === 'reply' && contentOf(one.payload as never))).toEqual(['none', 'in time'])
})

test('the limit is kept by this side’s clock too, and the server says whether a reply was late', async () => {
  const link = linkedTopics()
  let context: RequestContext | undefined
  const answer = gate<string>()
  const producer = link.topics.topic('t').produce((_payload, its) => {
    context = its
    return answer.promise
  })
  await link.heard()
  link.hears(request(1, 1, { remainingMs: 200 }), request(2, 2, { remainingMs: 200 }))
  await link.heard()
  await link.clock.play(50)
  expect([context?.remainingMs, producer.queued]).toEqual([150, 1])
  const signal = context?.signal
  await link.clock.play(152)
  await link.heard()
  expect([context?.remainingMs, producer.queued, signal?.reason]).toMatchObject([0, 0, { code: 'CAUCUS_TIMEOUT' }])
  answer.open('by my clock')
  expect(contentOf((await link.next('reply')).payload as never)).toBe('by my clock')
})

test('more than may wait is refused', async () => {
  const link = linkedTopics()
  const producer = link.topics.topic('t').produce(() => new Promise(() => {}), { queueLimit: 1 })
  await link.heard()
  link.hears(request(1, 1), request(2, 2), request(3, 3))
  expect(await link.next('fail')).toMatchObject({
    request: 3,
    outcome: 'refused',
    error: { code: 'CAUCUS_OVERLOADED' },
  })
  expect([producer.running, producer.queued]).toEqual([1, 1])
})

test('a drain finishes what there is, then leaves', async () => {
  const link = linkedTopics()
  const answer = gate<number>()
  const producer = link.topics.topic('t').produce(() => answer.promise)
  await link.heard()
  link.hears(request(1, 1))
  const drained = producer.drain()
  expect(await link.heard()).toEqual([{ type: 'withdraw', producer: 1 }])
  answer.open(1)
  await drained
  expect((await link.heard()).map(({ type }) => type)).toEqual(['reply', 'leave'])
  expect(producer.state).toBe('left')
})

test('whoever lost its id ends; what it worked on is aborted and says nothing more', async () => {
  const link = linkedTopics()
  let signal: AbortSignal | undefined
  const answer = gate<number>()
  const producer = link.topics.topic('t').produce(
    (_payload, context) => {
      signal = context.signal
      return answer.promise
    },
    { id: 'same' },
  )
  await link.heard()
  link.hears(request(1, 1))
  await link.heard()
  link.hears({ type: 'fenced', producer: 1 })
  await link.heard()
  expect([producer.state, producer.error?.code, signal?.reason]).toMatchObject([
    'left',
    'CAUCUS_FENCED',
    { code: 'CAUCUS_FENCED' },
  ])
  answer.open(1)
  link.hears(request(2, 2))
  expect(await link.heard()).toEqual([])
})

test('a lost link aborts what is at work, and producers and listeners are there again on the next one', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic<number>('t')
  const answer = gate<string>()
  let signal: AbortSignal | undefined
  const serve = (n: number, context: RequestContext) => {
    if (n !== 1) return `later ${n}`
    signal = context.signal
    return answer.promise
  }
  const producer = topic.produce(serve, { id: 'p', concurrency: 2 })
  const leaving = topic.produce(() => answer.promise, { id: 'leaving' })
  const heard: unknown[] = []
  topic.listen((one) => void heard.push(one))
  await link.heard()
  link.hears({ type: 'produced', producer: 1 }, { type: 'produced', producer: 2 })
  link.hears(request(1, 1), request(2, 1, { producer: 2 }))
  await link.heard()
  const drained = leaving.drain()
  link.hears({ type: 'heard', listener: 1, from: 'x', payload: json(5) }, { type: 'gap', listener: 1, dropped: 3 })
  link.lose()
  await link.turn()
  expect([producer.state, leaving.state, signal?.reason]).toMatchObject([
    'registering',
    'draining',
    { code: 'CAUCUS_CONNECTION_LOST' },
  ])
  const ready = producer.ready()
  link.connect()
  // The numbers of the next link begin anew: what comes for the old one must not pass for it.
  link.hears({ type: 'produced', producer: 1 }, request(1, 8))
  answer.open('of the link before')
  await Promise.all([ready, drained])
  const said = await link.heard()
  expect(said.map((one) => (one.type === 'reply' ? contentOf(one.payload as never) : one.type))).toEqual([
    'produce',
    'listen',
    'later 8',
  ])
  expect(producer.state).toBe('serving')
  expect(heard).toEqual([
    { type: 'reply', from: 'x', value: 5 },
    { type: 'gap', dropped: 3 },
    { type: 'gap', dropped: undefined },
  ])
})

test('what is begun without a link is there once there is one', async () => {
  const link = linkedTopics({ open: false })
  const producer = link.topics.topic('t').produce(() => 1, { id: 'p' })
  link.topics.topic('t').listen(() => {})
  const gone = link.topics.topic('t').produce(() => 1, { id: 'gone' })
  gone.close()
  expect(await link.heard()).toEqual([])
  link.connect()
  expect((await link.heard()).map(({ type }) => type)).toEqual(['produce', 'listen'])
  expect(producer.state).toBe('registering')
})

test('whoever waits for a producer that never gets on the roster is told', async () => {
  const link = linkedTopics()
  const producer = link.topics.topic('t').produce(() => 1, { id: 'p' })
  await link.heard()
  link.hears({ type: 'produced', producer: 1 })
  await producer.ready()
  link.lose()
  const again = codeOf(producer.ready())
  producer.close()
  expect([await again, await codeOf(producer.ready())]).toEqual(['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
})

test('a listener hears what others said until it is closed', async () => {
  const link = linkedTopics()
  const listener = link.topics.topic('t').listen()
  expect(await link.heard()).toEqual([{ type: 'listen', listener: 1, topic: 't' }])
  const says = (payload: Uint8Array) =>
    link.hears({ type: 'heard', listener: 1, from: 'x', payload: { kind: 'json', bytes: payload } })
  says(Buffer.from('1'))
  says(Buffer.from('{'))
  expect([(await listener.next()).value, (await listener.next()).value]).toEqual([
    { type: 'reply', from: 'x', value: 1 },
    { type: 'gap', dropped: 1 },
  ])
  await listener.return()
  says(Buffer.from('2'))
  expect(await link.heard()).toEqual([{ type: 'unlisten', listener: 1 }])
})

test('a slow listener is told how many replies it missed, or that nobody knows', async () => {
  const link = linkedTopics()
  const listener = link.topics.topic('t').listen({ buffer: 2 })
  await link.heard()
  const says = (...values: number[]) => {
    for (const value of values) link.hears({ type: 'heard', listener: 1, from: 'x', payload: json(value) })
  }
  const read = async () => {
    const { value } = await listener.next()
    return value?.type === 'gap' ? { dropped: value.dropped } : value?.value
  }
  link.hears({ type: 'gap', listener: 1, dropped: 5 })
  says(1, 2, 3)
  expect([await read(), await read(), await read()]).toEqual([{ dropped: 6 }, 2, 3])
  link.lose()
  says(4, 5, 6)
  expect([await read(), await read(), await read()]).toEqual([{ dropped: undefined }, 5, 6])
})

test('closing ends everything at once', async () => {
  const link = linkedTopics()
  const topic = link.topics.topic('t')
  let signal: AbortSignal | undefined
  const producer = topic.produce((_payload, context) => {
    signal = context.signal
    return new Promise(() => {})
  })
  await link.heard()
  link.hears(request(1, 1))
  await link.heard()
  const asking = codeOf(topic.gather(1))
  const listening = topic.listen().next()
  link.remote.close()
  await link.turn()
  expect([producer.state, signal?.aborted, await asking, (await listening).done]).toEqual([
    'left',
    true,
    'CAUCUS_CLOSED',
    true,
  ])
  await expect(topic.gather(1)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
})

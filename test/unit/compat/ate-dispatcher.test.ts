import { connect, embedded } from 'caucus'
import { ATEDispatcher } from 'caucus/compat'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { run } from '../../../examples/ate-dispatcher.ts'
import type { ListenerSink, TopicsPort } from '../../../src/ports/topics.ts'
import { gate, never, settled } from '../client/topic-support.ts'
import { codes, Hearing, Saying, world } from './ate-support.ts'

describe('as in the original', () => {
  test('its whole example', async () => {
    const { backend, rest, within } = world()
    const response = (id: number, topic: string) => ({
      id,
      some_key: topic,
      args: [3, 4, 5],
      kwargs: { keyword: 'b' },
    })
    const both = { topic1: [response(0, 'topic1'), response(1, 'topic1')] }
    const first = { my_topic: [response(0, 'my_topic')] }
    expect(await within(3_000, run({ backend }, rest))).toEqual([
      [both, both],
      [first, first],
      [{ topic2: [response(1, 'topic2')] }, {}],
    ])
  })

  test('responses come in order of arrival, over all topics, and one at a time', async () => {
    const { dispatcher, rest, started, within } = world()
    await dispatcher.start()
    let atOnce = 0
    let most = 0
    const listener = new Hearing(async () => {
      most = Math.max(most, ++atOnce)
      await settled()
      atOnce--
    })
    started(listener)
    const of = (topic: string, ms: number) => {
      dispatcher.registerResultProducer(started(new Saying(() => rest(ms).then(() => ms))), topic)
      dispatcher.registerResultListener(listener, topic)
    }
    of('b', 30)
    of('a', 40)
    of('b', 10)
    of('a', 20)
    await within(100, Promise.all([dispatcher.sendRequest('a'), dispatcher.sendRequest('b')]))
    await listener.stop()
    expect([listener.responses, most]).toEqual([[10, 20, 30, 40], 1])
  })

  test('also what arrives on several topics in one turn', async () => {
    const { dispatcher, started, within } = world()
    await dispatcher.start()
    const open = gate()
    const listener = started(new Hearing())
    for (const topic of ['a', 'a', 'b', 'a', 'b']) {
      dispatcher.registerResultProducer(started(new Saying((topic) => open.promise.then(() => topic))), topic)
      dispatcher.registerResultListener(listener, topic)
    }
    const sent = ['a', 'b', 'a'].map((topic) => dispatcher.sendRequest(topic, [topic]))
    open.open()
    // Each of the producers has one request of its own topic in hand; the second one on `a` comes after.
    await within(100, Promise.all(sent))
    await listener.stop()
    expect(listener.responses).toEqual(['a', 'a', 'a', 'b', 'b', 'a', 'a', 'a'])
  })

  test('a producer works on one request at a time, in order, whatever the topics', async () => {
    const { dispatcher, rest, started, within } = world()
    await dispatcher.start()
    const began: unknown[] = []
    let atOnce = 0
    const producer = new Saying(async (topic, [n]) => {
      expect(++atOnce).toBe(1)
      began.push(`${topic}${n}`)
      await rest(10)
      atOnce--
    })
    for (const topic of ['a', 'b']) dispatcher.registerResultProducer(started(producer), topic)
    const sent = ['a', 'a', 'b', 'a', 'b'].map((topic, n) => dispatcher.sendRequest(topic, [n]))
    await within(100, Promise.all(sent))
    expect(began).toEqual(['a0', 'a1', 'b2', 'a3', 'b4'])
  })

  test('the ttl is 5 000 ms, and what is late is dropped', async () => {
    const { clock, dispatcher, rest, started, within } = world()
    await dispatcher.start()
    const listener = started(new Hearing())
    dispatcher.registerResultListener(listener, 't')
    dispatcher.registerResultProducer(started(new Saying(() => rest(4_990).then(() => 'in time'))), 't')
    dispatcher.registerResultProducer(started(new Saying(() => rest(5_010).then(() => 'late'))), 't', { id: 'slow' })
    const summary = await within(6_000, dispatcher.sendRequest('t'))
    expect(summary).toMatchObject({ replied: 1, missing: ['slow'], ending: 'timeout' })
    await clock.play(100)
    expect(listener.responses).toEqual(['in time'])
  })

  test('who begins later finds what has waited', async () => {
    const { dispatcher, told, within } = world()
    const listener = new Hearing()
    const producer = new Saying((_topic, args, kwargs) => [args, kwargs])
    dispatcher.registerResultProducer(producer, 't')
    dispatcher.registerResultListener(listener, 't')
    const args = [1]
    const sent = dispatcher.sendRequest('t', args, { ttl: 50, mode: 'x' })
    args.push(2)
    await dispatcher.start()
    producer.start()
    expect(await within(100, sent)).toMatchObject({ expected: 1, replied: 1 })
    expect(listener.responses).toEqual([])
    listener.start()
    await listener.stop()
    expect([listener.responses, told]).toEqual([[[[1], { mode: 'x' }]], []])
  })

  test('registered twice is registered once, and deregistered is not asked', async () => {
    const { dispatcher, started, within } = world()
    await dispatcher.start()
    const listener = started(new Hearing())
    const producer = started(new Saying(() => 'here'))
    for (let i = 0; i < 2; i++) {
      dispatcher.registerResultProducer(producer, 't')
      dispatcher.registerResultListener(listener, 't')
    }
    await within(100, dispatcher.sendRequest('t'))
    dispatcher.deregisterResultProducer(producer, 't')
    dispatcher.deregisterResultProducer(producer, 't')
    expect(await dispatcher.sendRequest('t')).toMatchObject({ expected: 0, code: 'CAUCUS_NO_RESPONDERS' })
    dispatcher.registerResultProducer(producer, 't')
    dispatcher.deregisterResultListener(listener, 't')
    expect(await within(100, dispatcher.sendRequest('t'))).toMatchObject({ replied: 1 })
    expect(listener.responses).toEqual(['here'])
  })
})

describe('without its faults', () => {
  test('a producer that throws anything lives on, and it is told', async () => {
    const { dispatcher, started, told, within } = world()
    await dispatcher.start()
    const fails = new Saying((_topic, [thrown]) => {
      if (thrown === 'fine') return 'fine'
      throw thrown
    })
    dispatcher.registerResultProducer(started(fails), 't', { id: 'fails' })
    expect(await within(10, dispatcher.sendRequest('t', [undefined]))).toMatchObject({ errors: 1, replied: 0 })
    expect(await within(10, dispatcher.sendRequest('t', ['fine']))).toMatchObject({ errors: 0, replied: 1 })
    await settled()
    expect(codes(told)).toEqual(['CAUCUS_HANDLER_FAILED'])
    expect(told[0]).toMatchObject({ message: 'fails on t: the handler failed: undefined', details: { from: 'fails' } })
  })

  test('a listener that throws gets the next response', async () => {
    const { dispatcher, started, told, within } = world()
    await dispatcher.start()
    const listener = new Hearing((response) => {
      if (response === 1) throw new Error('not that one')
      return response === 2 ? Promise.reject(new Error('nor that')) : undefined
    })
    dispatcher.registerResultListener(started(listener), 't')
    dispatcher.registerResultProducer(started(new Saying((_topic, [n]) => n)), 't')
    for (const n of [1, 2, 3]) await within(10, dispatcher.sendRequest('t', [n]))
    await listener.stop()
    await settled()
    expect([listener.responses, codes(told)]).toEqual([
      [1, 2, 3],
      ['CAUCUS_HANDLER_FAILED', 'CAUCUS_HANDLER_FAILED'],
    ])
  })

  test('without anybody who is told, it is a warning of the process', async () => {
    const dispatcher = new ATEDispatcher()
    // Taken before it is printed.
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => emit.mockRestore())
    const producer = new Saying(() => Promise.reject(new Error('broken')))
    producer.start()
    dispatcher.registerResultProducer(producer, 't', { id: 'p' })
    dispatcher.start()
    await dispatcher.sendRequest('t')
    expect(emit.mock.lastCall).toMatchObject([
      { code: 'CAUCUS_HANDLER_FAILED', message: 'p on t: the handler failed: broken' },
    ])
    await dispatcher.stop()
  })

  test('a request that nobody can answer ends at once', async () => {
    const { dispatcher } = world()
    await dispatcher.start()
    expect(await dispatcher.sendRequest('nobody')).toMatchObject({ ending: 'nobody', code: 'CAUCUS_NO_RESPONDERS' })
  })

  test('everybody comes and goes while it dispatches', async () => {
    const { dispatcher, started, told, within } = world()
    await dispatcher.start()
    const listener = started(new Hearing())
    const second = started(new Saying(() => 'second'))
    const first = started(
      new Saying(() => {
        dispatcher.registerResultProducer(second, 't')
        dispatcher.registerResultListener(listener, 't')
        dispatcher.deregisterResultProducer(first, 't')
        return 'first'
      }),
    )
    dispatcher.registerResultProducer(first, 't')
    expect(await within(10, dispatcher.sendRequest('t'))).toMatchObject({ expected: 1, replied: 1 })
    expect(await within(10, dispatcher.sendRequest('t'))).toMatchObject({ expected: 1, replied: 1 })
    await listener.stop()
    expect([listener.responses, told]).toEqual([['first', 'second'], []])
  })

  test('a request whose ttl is over is not begun any more', async () => {
    const { clock, dispatcher, started, within } = world()
    await dispatcher.start()
    const begun: unknown[] = []
    const open = gate()
    const producer = new Saying((_topic, [n]) => {
      begun.push(n)
      return open.promise
    })
    dispatcher.registerResultProducer(started(producer), 't')
    const summaries = await within(100, Promise.all([1, 2].map((n) => dispatcher.sendRequest('t', [n], { ttl: 20 }))))
    expect(summaries.map(({ ending }) => ending)).toEqual(['timeout', 'timeout'])
    open.open()
    await clock.play(1)
    await within(100, dispatcher.sendRequest('t', [3]))
    expect(begun).toEqual([1, 3])
  })

  test('stop waits for what is under way, and then stops everybody', async () => {
    const { dispatcher, rest, started, told, within } = world()
    const listener = new Hearing(() => rest(10))
    const producer = new Saying((_topic, [n]) => rest(50).then(() => n))
    dispatcher.start()
    dispatcher.registerResultProducer(started(producer), 't')
    dispatcher.registerResultListener(started(listener), 't')
    const sent = [1, 2, 3].map((n) => dispatcher.sendRequest('t', [n]))
    await within(1_000, dispatcher.stop())
    await Promise.all(sent)
    expect([listener.responses, told]).toEqual([[1, 2, 3], []])
    expect(() => dispatcher.sendRequest('t')).toThrow(expect.objectContaining({ code: 'CAUCUS_CLOSED' }))
    expect(() => producer.start()).toThrow(expect.objectContaining({ code: 'CAUCUS_CLOSED' }))
    expect(() => listener.start()).toThrow(expect.objectContaining({ code: 'CAUCUS_CLOSED' }))
  })

  test('what stop could not wait for is told', async () => {
    const { clock, dispatcher, started, told, within } = world()
    await dispatcher.start()
    let aborted: unknown
    dispatcher.registerResultProducer(started(new Saying(() => 'quick')), 't')
    dispatcher.registerResultProducer(
      started(
        new Saying((_topic, _args, _kwargs, { signal }) => {
          signal.addEventListener('abort', () => {
            aborted = signal.reason
          })
          return never()
        }),
      ),
      't',
    )
    dispatcher.registerResultListener(started(new Hearing(never)), 't')
    const sent = dispatcher.sendRequest('t')
    await within(1_000, dispatcher.stop({ limitMs: 100 }))
    await expect(sent).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    await clock.play(1)
    expect(codes(told)).toEqual(['CAUCUS_CLOSED', 'CAUCUS_TIMEOUT'])
    expect(told[1]?.details).toEqual({ responses: 1 })
    expect(aborted).toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  test('what was never started loses nothing in silence', async () => {
    const { dispatcher, started, told, within } = world()
    const producer = new Saying(() => 'unheard')
    const idle = new Saying(() => 'never')
    const listener = new Hearing()
    dispatcher.registerResultProducer(started(producer), 't')
    dispatcher.registerResultProducer(idle, 't', { id: 'idle' })
    dispatcher.registerResultListener(listener, 't')
    await dispatcher.start()
    const sent = dispatcher.sendRequest('t')
    await settled()
    await idle.stop()
    expect(await within(10, sent)).toMatchObject({ replied: 1, left: ['idle'] })
    await within(10, dispatcher.stop())
    await settled()
    expect(codes(told)).toEqual(['CAUCUS_CLOSED'])

    const unsent = new ATEDispatcher({ onError: (error) => told.push(error) })
    const request = unsent.sendRequest('t')
    await unsent.stop()
    await expect(request).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    expect(codes(told)).toEqual(['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
  })

  test('a listener that is too slow loses what is too much, and it is told once', async () => {
    const { dispatcher, started, told, within } = world()
    await dispatcher.start()
    const open = gate()
    const listener = new Hearing(() => open.promise)
    dispatcher.registerResultListener(started(listener), 't')
    dispatcher.registerResultProducer(started(new Saying((_topic, [n]) => n)), 't')
    for (let n = 0; n < 12_000; n += 1_000) {
      await within(10, Promise.all(Array.from({ length: 1_000 }, (_, i) => dispatcher.sendRequest('t', [n + i]))))
    }
    open.open()
    await listener.stop()
    expect([listener.heard.length, listener.responses[10_000], codes(told)]).toEqual([
      10_001,
      10_000,
      ['CAUCUS_OVERLOADED'],
    ])
  })

  test('a backend that cannot be reached is told, and may be tried again', async () => {
    const { backend } = world()
    const told: string[] = []
    let attempts = 0
    const dispatcher = new ATEDispatcher({
      backend: (options) => (++attempts === 1 ? Promise.reject(new Error('nobody there')) : backend(options)),
      onError: ({ message }) => told.push(message),
    })
    const sent = dispatcher.sendRequest('t')
    await expect(dispatcher.start()).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
    await expect(sent).rejects.toMatchObject({ code: 'CAUCUS_BACKEND' })
    await dispatcher.start()
    expect(await dispatcher.sendRequest('t')).toMatchObject({ ending: 'nobody' })
    await dispatcher.stop()
    expect(told).toEqual(['a request on t: Error: nobody there', 'Error: nobody there'])
  })
})

test('it is told of responses that its listeners were not given, since the way to them was lost or too slow', async () => {
  const shared = embedded()
  const ways: ListenerSink[] = []
  const { dispatcher, told, started } = world({
    backend: async (options) => {
      const backend = await shared(options)
      const { topics } = backend
      const listen = topics?.listen.bind(topics)
      const spied: TopicsPort['listen'] = (topic, sink) => {
        ways.push(sink)
        return listen?.(topic, sink) ?? { close: () => {} }
      }
      if (topics !== undefined) topics.listen = spied
      return backend
    },
  })
  dispatcher.registerResultListener(started(new Hearing()), 't')
  await dispatcher.start()
  ways[0]?.missed?.(3)
  ways[0]?.missed?.(undefined)
  await settled()
  expect(told).toMatchObject([
    { code: 'CAUCUS_OVERLOADED', details: { topic: 't', dropped: 3 } },
    { code: 'CAUCUS_CONNECTION_LOST', details: { topic: 't' } },
  ])
})

test('it shares its topics with whoever is connected to the same backend', async () => {
  const { backend, dispatcher, started, within } = world()
  const caucus = await connect(backend)
  const listener = started(new Hearing())
  await dispatcher.start()
  dispatcher.registerResultListener(listener, 't')
  dispatcher.registerResultProducer(started(new Saying((_topic, args, kwargs) => ({ args, kwargs }))), 't')
  const { replies } = await within(100, caucus.topic('t').gather({ sku: 'milk' }))
  expect(replies).toMatchObject([{ value: { args: [{ sku: 'milk' }], kwargs: {} } }])
  const plain = caucus.topic('t').produce((request) => request)
  await within(100, dispatcher.sendRequest('t', [1], { a: 2 }))
  await listener.stop()
  expect(listener.responses.slice(1)).toEqual([
    { args: [1], kwargs: { a: 2 } },
    { args: [1], kwargs: { a: 2 } },
  ])
  await plain.drain()
  await within(100, dispatcher.stop())
  expect(await caucus.topic('t').view()).toBeUndefined()
  await within(100, caucus.close())
})

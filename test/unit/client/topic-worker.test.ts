import { once } from 'node:events'
import type { Failure } from 'caucus'
import { beforeAll, describe, expect, test } from 'vitest'
import { built } from '../../sim/built.ts'
import { settled, valuesOf } from './topic-support.ts'
import { HANDLER, type Request, shared, shop, threads, topicOf, until } from './topic-worker-support.ts'
import { world } from './world.ts'

beforeAll(() => void built(), 300_000)

const failuresOf = (errors: readonly Failure[]) => errors.map(({ error }) => `${error.code}: ${error.message}`)

describe('a producer from a module', () => {
  test('answers in a thread, and knows who asks for what', async () => {
    const { topic, producer } = await shop()
    expect(producer.state).toBe('serving')
    const { replies } = await topic.gather({ do: 'tell' })
    expect(replies).toEqual([
      {
        type: 'reply',
        from: 'p',
        value: {
          from: expect.any(String),
          topic: 'shop',
          remainingMs: expect.closeTo(5_000, -4),
          threadId: expect.not.toSatisfy((id) => id === 0),
        },
      },
    ])
  })

  test('is asked only once its module has been loaded', async () => {
    const { connect } = world()
    const topic = (await connect()).topic<Request>('shop')
    const producer = topic.produce(HANDLER, { exportName: 'other' })
    expect([producer.state, producer.running, producer.queued]).toEqual(['registering', 0, 0])
    expect((await topic.gather({ do: 'it' })).ending).toBe('nobody')
    await producer.ready()
    expect(valuesOf((await topic.gather({ do: 'it' })).replies)).toEqual(['other: it'])
    // Its thread ends in real time, which the made-up clock at the end of a test would outrun.
    await producer.drain()
  })

  test('has as many threads as requests at a time, and starts them when they are needed', async () => {
    const { topic, count } = await shop({ threads: 3 })
    expect(count.started).toBe(1)
    const all = [shared(), shared(), shared()]
    const asking = all.map(({ word }) => topic.gather({ do: 'block', word }))
    await Promise.all(all.map(({ begun }) => begun()))
    const fourth = topic.gather({ do: 'tell' })
    await settled()
    expect([count.started, (await topic.view())?.producers[0]?.queued]).toEqual([3, 1])
    for (const { letGo } of all) letGo()
    expect((await Promise.all([...asking, fourth])).map(({ ending }) => ending)).toEqual(['met', 'met', 'met', 'met'])
    expect(count).toEqual({ started: 3, alive: 3 })
  })

  test('leaves the loop of the process alone, however long it computes', async () => {
    const { topic, caucus } = await shop()
    const { word, begun, letGo } = shared()
    const asking = topic.gather({ do: 'block', word })
    await begun()
    const echo = caucus.topic('echo')
    echo.produce((value) => value)
    for (let i = 0; i < 100; i++) {
      expect(valuesOf((await echo.gather(i)).replies)).toEqual([i])
      await settled()
    }
    letGo()
    expect(valuesOf((await asking).replies)).toEqual(['let go'])
  })

  test('checks its requests and replies against the schemas of its topic', async () => {
    const { connect } = world()
    const schema = (isFit: (value: unknown) => boolean) => ({
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => (isFit(value) ? { value } : { issues: [{ message: 'a number is wanted' }] }),
      },
    })
    const topic = (await connect()).topic('typed', { reply: schema((value) => typeof value === 'number') })
    const producer = topic.produce(HANDLER)
    await producer.ready()
    expect(valuesOf((await topic.gather({ do: 'echo', value: 5 })).replies)).toEqual([5])
    expect(failuresOf((await topic.gather({ do: 'echo', value: 'five' })).errors)).toEqual([
      'CAUCUS_HANDLER_FAILED: the reply does not fit: a number is wanted',
    ])
    await producer.drain()
  })
})

describe('what crosses', () => {
  test('is copied as structuredClone() does it', async () => {
    const { topic } = await shop()
    const value = { at: new Date(0), map: new Map([[1, new Set(['a'])]]), big: 5n, bytes: new Uint8Array([1, 2]) }
    const { replies } = await topic.gather({ do: 'echo', value })
    expect(replies[0]?.value).toEqual(value)
    expect(replies[0]?.value).not.toBe(value)
    expect(valuesOf((await topic.gather({ do: 'echo' })).replies)).toEqual([undefined])
  })

  test.each([false, true])('and bytes are, unless the handler hands them over: %s', async (transfer) => {
    const { topic } = await shop()
    const { replies } = await topic.gather({ do: 'bytes', transfer })
    expect(replies[0]?.value).toEqual(new Uint8Array(1_000).fill(7))
    expect(valuesOf((await topic.gather({ do: 'leftOfBytes' })).replies)).toEqual([transfer ? 0 : 1_000])
  })

  test('fails with what cannot be copied, and says so', async () => {
    const { topic, producer } = await shop()
    expect(failuresOf((await topic.gather({ do: 'echo', value: () => 1 })).errors)).toEqual([
      expect.stringMatching(/^CAUCUS_HANDLER_FAILED: the request cannot be handed to a thread: .*; ask with what/),
    ])
    expect(failuresOf((await topic.gather({ do: 'giveFunction' })).errors)).toEqual([
      expect.stringMatching(/^CAUCUS_HANDLER_FAILED: the reply cannot leave its thread: .*; reply with what/),
    ])
    expect(producer.state).toBe('serving')
  })
})

describe('a handler in a thread that fails', () => {
  const died = 'CAUCUS_HANDLER_FAILED: the thread of the handler died: '
  test.each([
    ['fail', 'CAUCUS_HANDLER_FAILED: the handler failed: out of stock'],
    ['refuse', 'CAUCUS_FORBIDDEN: not for sale'],
    ['refuseOddly', 'CAUCUS_CONFLICT: odd'],
    ['throwUndefined', 'CAUCUS_HANDLER_FAILED: the handler failed: undefined'],
    ['throwFunction', "CAUCUS_HANDLER_FAILED: the handler failed: () => 'what a thing to throw'"],
    ['exit', `${died}worker exited with code: 3`],
    ['crash', `${died}nobody catches this`],
    ['fill', `${died}Worker terminated due to reaching memory limit: JS heap out of memory`],
  ])('(%s) ends one request, and its producer lives on', async (doing, message) => {
    const { topic, producer } = await shop({ resourceLimits: { maxOldGenerationSizeMb: 32 } })
    const { errors, ending } = await topic.gather({ do: doing })
    expect([failuresOf(errors), ending]).toEqual([[message], 'exhausted'])
    expect(valuesOf((await topic.gather({ do: 'echo', value: 'well' })).replies)).toEqual(['well'])
    expect([producer.state, producer.error]).toEqual(['serving', undefined])
  })

  test('says what it knows: details and cause come along', async () => {
    const { topic } = await shop()
    const [refused] = (await topic.gather({ do: 'refuse' })).errors
    expect(refused?.error.details).toEqual({ sku: 'milk' })
    const [failed] = (await topic.gather({ do: 'fail' })).errors
    expect(failed?.error.cause).toBeInstanceOf(RangeError)
    expect(failed?.error.cause).toHaveProperty('stack', expect.stringContaining('topic-worker-handler.mjs'))
  })

  test('after its reply harms nobody, and is a warning', async () => {
    const { topic, count } = await shop()
    const warned = once(process, 'warning')
    expect(valuesOf((await topic.gather({ do: 'crashLater' })).replies)).toEqual(['fine'])
    const [warning] = await warned
    expect(warning).toMatchObject({
      code: 'CAUCUS_HANDLER_FAILED',
      message: expect.stringContaining('nobody catches this either'),
    })
    await until(() => count.alive === 0)
    expect(valuesOf((await topic.gather({ do: 'echo', value: 'well' })).replies)).toEqual(['well'])
    expect(count).toEqual({ started: 2, alive: 1 })
  })
})

describe('a handler in a thread is called off', () => {
  test.each(['wait', 'compute', 'computeLoudly'])('when the limit is over (%s)', async (doing) => {
    const { clock, topic } = await shop()
    const { word, begun, reason } = shared()
    const asking = topic.gather({ do: doing, word }, { withinMs: 100 })
    await begun()
    await clock.play(110)
    expect(await asking).toMatchObject({ ending: 'timeout', missing: ['p'] })
    expect(await reason()).toBe('CAUCUS_TIMEOUT')
    // It stopped by itself: its thread serves the next one.
    expect(valuesOf((await topic.gather({ do: 'echo', value: 2 })).replies)).toEqual([2])
  })

  test('when the asker has what it wanted, or goes', async () => {
    const { topic } = await shop()
    const one = shared()
    const quick = topic.produce(async () => one.begun().then(() => 'quick'))
    expect(valuesOf((await topic.gather({ do: 'wait', word: one.word }, { until: 'first' })).replies)).toEqual([
      'quick',
    ])
    expect(await one.reason()).toBe('CAUCUS_CLOSED')
    quick.close()

    const two = shared()
    const over = new AbortController()
    const asking = topic.gather({ do: 'wait', word: two.word }, { signal: over.signal })
    await two.begun()
    over.abort(new Error('enough'))
    await expect(asking).rejects.toThrow('enough')
    expect(await two.reason()).toBe('CAUCUS_CLOSED')
  })

  test('before its thread has started, and then never begins', async () => {
    const { topic, count } = await shop({ idleMs: 0 })
    await until(() => count.alive === 0)
    const { word } = shared()
    const over = new AbortController()
    const asking = topic.gather({ do: 'wait', word }, { signal: over.signal })
    await until(() => count.started === 2)
    over.abort(new Error('enough'))
    await expect(asking).rejects.toThrow('enough')
    expect(valuesOf((await topic.gather({ do: 'echo', value: 1 })).replies)).toEqual([1])
    expect(Atomics.load(word, 0)).toBe(0)
  })

  test('when its producer is closed, or loses its id', async () => {
    const { topic, producer, count } = await shop()
    const one = shared()
    const asking = topic.gather({ do: 'wait', word: one.word })
    await one.begun()
    producer.close()
    expect(await asking).toMatchObject({ left: ['p'] })
    expect(await one.reason()).toBe('CAUCUS_CLOSED')

    const again = topic.produce(HANDLER, { id: 'q' })
    await again.ready()
    const two = shared()
    const other = topic.gather({ do: 'wait', word: two.word })
    await two.begun()
    topic.produce(() => 'mine', { id: 'q' })
    expect(await other).toMatchObject({ left: ['q'] })
    expect(await two.reason()).toBe('CAUCUS_FENCED')
    expect(again.error?.code).toBe('CAUCUS_FENCED')
    await until(() => count.alive === 0)
  })
})

describe('a handler that blocks its thread and looks at nothing', () => {
  test('keeps its place until the grace is over, and then loses its thread', async () => {
    const { clock, topic, producer, count } = await shop({ killAfterMs: 500 })
    const { word, begun } = shared()
    const asking = topic.gather({ do: 'block', word }, { withinMs: 100 })
    await begun()
    await clock.play(110)
    expect(await asking).toMatchObject({ ending: 'timeout', errors: [], missing: ['p'] })
    const next = topic.gather({ do: 'echo', value: 'next' })
    await clock.play(480)
    expect([producer.running, producer.queued, count.started]).toEqual([1, 1, 1])
    await clock.play(20)
    expect(valuesOf((await next).replies)).toEqual(['next'])
    await until(() => count.alive === 1)
    expect([count.started, producer.state]).toEqual([2, 'serving'])
  })

  test('and its end is nobody else’s', async () => {
    const { clock, topic } = await shop({ threads: 2, killAfterMs: 0 })
    const [bad, good] = [shared(), shared()]
    const blocked = topic.gather({ do: 'block', word: bad.word }, { withinMs: 100 })
    const working = topic.gather({ do: 'block', word: good.word }, { withinMs: 1_000 })
    await Promise.all([bad.begun(), good.begun()])
    await clock.play(120)
    expect((await blocked).ending).toBe('timeout')
    good.letGo()
    expect(valuesOf((await working).replies)).toEqual(['let go'])
  })
})

describe('the threads', () => {
  test('end with their producer, which finishes what it has when it is drained', async () => {
    const { topic, producer, count } = await shop({ threads: 2 })
    const { word, begun, letGo } = shared()
    const asking = topic.gather({ do: 'block', word })
    const waiting = topic.gather({ do: 'echo', value: 'also' })
    await begun()
    const drained = producer.drain()
    expect((await topic.gather({ do: 'tell' })).ending).toBe('nobody')
    letGo()
    expect(valuesOf((await asking).replies)).toEqual(['let go'])
    expect(valuesOf((await waiting).replies)).toEqual(['also'])
    await drained
    expect([producer.state, count.alive]).toEqual(['left', 0])
  })

  test('end when it takes too long, blocked or not', async () => {
    const { clock, topic, producer, count } = await shop({ threads: 2, killAfterMs: 50 })
    const [blocked, waiting] = [shared(), shared()]
    const asking = [topic.gather({ do: 'block', word: blocked.word }), topic.gather({ do: 'wait', word: waiting.word })]
    await Promise.all([blocked.begun(), waiting.begun()])
    const drained = producer.drain({ limitMs: 100 })
    await clock.play(110)
    expect(await waiting.reason()).toBe('CAUCUS_CLOSED')
    expect((await Promise.all(asking)).map(({ left }) => left)).toEqual([['p'], ['p']])
    await clock.play(50)
    await drained
    expect(count.alive).toBe(0)
  })

  test('end with their connection', async () => {
    const { caucus, count } = await shop()
    await caucus.close()
    expect(count).toEqual({ started: 1, alive: 0 })
  })

  test('end when they have nothing to do, and are started again', async () => {
    const { topic, count } = await shop({ idleMs: 0 })
    await until(() => count.alive === 0)
    expect(valuesOf((await topic.gather({ do: 'echo', value: 1 })).replies)).toEqual([1])
    await until(() => count.alive === 0)
    expect(count.started).toBe(2)
  })

  test('are not waited for by a producer that is closed before its module has been loaded', async () => {
    const count = threads()
    const topic = await topicOf()
    for (const close of [true, false]) {
      const producer = topic.produce(HANDLER)
      if (close) producer.close()
      await producer.drain()
      expect([producer.state, count.alive]).toEqual(['left', 0])
    }
  })
})

import type { Producer } from 'caucus'
import { describe, expect, test } from 'vitest'
import { gate, never, settled } from './topic-support.ts'
import { world } from './world.ts'

describe('a producer', () => {
  test('lives on, whatever its handler throws', async () => {
    const { connect } = world()
    const topic = (await connect()).topic<() => unknown>('t')
    const producer = topic.produce((act) => act(), { id: 'p' })
    const hostile = Object.create(null)
    const thrown: (() => unknown)[] = [
      () => {
        throw new Error('at once')
      },
      async () => {
        throw undefined
      },
      () => {
        throw undefined
      },
      () => Promise.reject(hostile),
      () => ({
        get then() {
          throw new Error('no promise')
        },
      }),
      () => ({
        then: (resolve: (value: number) => void, reject: (error: unknown) => void) => {
          reject('first')
          resolve(2)
        },
      }),
    ]
    // A promise whose `then` is somebody's own: it settles twice, and throws.
    const twice = Promise.resolve(1)
    twice.then = (resolve, reject) => {
      reject?.('first')
      resolve?.(2)
      throw new Error('third')
    }
    thrown.push(() => twice)
    for (const act of thrown) {
      const { errors, ending } = await topic.gather(act)
      expect(ending).toBe('exhausted')
      expect(errors).toMatchObject([
        { type: 'error', outcome: 'error', from: 'p', error: { code: 'CAUCUS_HANDLER_FAILED' } },
      ])
    }
    expect((await topic.gather(() => 'well')).replies).toMatchObject([{ value: 'well' }])
    expect((await topic.gather(() => undefined)).replies).toMatchObject([{ value: undefined }])
    expect(producer.state).toBe('serving')
  })

  test('serves in order, one at a time, unless told otherwise', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic<number>('t')
    const gates = [gate(), gate(), gate()]
    const begun: number[] = []
    const serve = async (which: number) => {
      begun.push(which)
      await gates[which]?.promise
    }
    const producer = topic.produce(serve, { id: 'p' })
    const asking = [0, 1, 2].map((which) => topic.gather(which))
    await settled()
    expect([begun, producer.running, producer.queued]).toEqual([[0], 1, 2])
    expect((await topic.view())?.producers).toEqual([{ id: 'p', concurrency: 1, queued: 2 }])
    gates[0]?.open()
    await settled()
    expect(begun).toEqual([0, 1])
    gates[1]?.open()
    gates[2]?.open()
    await within(10, Promise.all(asking))
    await producer.drain()
    begun.length = 0
    topic.produce(serve, { concurrency: 2 })
    await within(10, Promise.all([0, 1, 2].map((which) => topic.gather(which))))
    expect(begun).toEqual([0, 1, 2])
  })

  test('refuses what is too much, and says so', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic('t')
    const first = gate()
    topic.produce(() => first.promise, { id: 'p', queueLimit: 1 })
    const [running, waiting] = [topic.gather('?'), topic.gather('?')]
    await settled()
    const { errors, ending } = await topic.gather('?')
    expect(errors).toMatchObject([{ outcome: 'refused', from: 'p', error: { code: 'CAUCUS_OVERLOADED' } }])
    expect(ending).toBe('exhausted')
    first.open()
    expect((await within(10, Promise.all([running, waiting]))).map(({ replies }) => replies.length)).toEqual([1, 1])
  })

  test('does not begin what nobody waits for any more', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic<string>('t')
    const first = gate()
    const begun: string[] = []
    topic.produce((request) => {
      begun.push(request)
      return request === 'first' ? first.promise : request
    })
    const asking = topic.gather('first', { withinMs: 1_000 })
    await within(100, topic.gather('second', { withinMs: 50 }))
    first.open()
    await within(10, asking)
    await settled()
    expect(begun).toEqual(['first'])
  })

  test('whose handler never settles stays busy, and the tables are empty all the same', async () => {
    const { connect, within } = world()
    const caucus = await connect()
    const topic = caucus.topic('t')
    const stuck = topic.produce(never, { id: 'stuck', queueLimit: 1 })
    for (let i = 0; i < 3; i++) {
      expect(await within(60, topic.gather('?', { withinMs: 50 }))).toMatchObject({ missing: ['stuck'] })
    }
    expect([stuck.running, stuck.queued]).toEqual([1, 0])
    // Draining has a limit.
    await within(1_100, stuck.drain({ limitMs: 1_000 }))
    expect([stuck.state, await topic.view()]).toEqual(['left', undefined])
  })

  test('finishes what it has when it is drained, and takes no more', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic<number>('t')
    const doors = [gate(), gate()]
    const asked: Promise<unknown>[] = []
    {
      const producer = topic.produce(async (which) => doors[which]?.promise.then(() => which), { id: 'p' })
      asked.push(topic.gather(0), topic.gather(1))
      await settled()
      const over = producer[Symbol.asyncDispose]()
      expect(producer.state).toBe('draining')
      expect(await topic.gather(2)).toMatchObject({ ending: 'nobody' })
      doors[0]?.open()
      await settled()
      expect(producer.state).toBe('draining')
      doors[1]?.open()
      await within(10, over)
      expect(producer.state).toBe('left')
      await producer.drain()
      producer.close()
    }
    expect(await Promise.all(asked)).toMatchObject([{ replies: [{ value: 0 }] }, { replies: [{ value: 1 }] }])
  })

  test('with the id of another takes its place, and the other one knows', async () => {
    const { connect, within } = world()
    const [one, two] = [await connect(), await connect()]
    let signal: AbortSignal | undefined
    const older = one.topic('t').produce(
      (_request, context) => {
        signal = context.signal
        return never()
      },
      { id: 'same' },
    )
    await older.ready()
    const asking = one.topic('t').gather('?')
    await settled()
    const newer = two.topic('t').produce(() => 'new', { id: 'same' })
    expect(await within(10, asking)).toMatchObject({ left: ['same'] })
    await settled()
    expect([older.state, older.error?.code, signal?.reason.code]).toEqual(['left', 'CAUCUS_FENCED', 'CAUCUS_FENCED'])
    expect((await one.topic('t').gather('?')).replies).toMatchObject([{ value: 'new' }])
    expect([newer.state, newer.error]).toEqual(['serving', undefined])
  })

  test('may come and go in the middle of anything', async () => {
    const { connect, within } = world()
    const topic = (await connect()).topic<number>('t')
    const made: Producer[] = []
    topic.produce(
      async (depth) => {
        if (depth === 0) return 'leaf'
        made.push(topic.produce(() => 'new'))
        made.shift()?.close()
        // It asks on its own topic; whoever is free answers.
        return (await topic.gather(depth - 1, { until: 'first', withinMs: 100 })).replies.length
      },
      { concurrency: 10 },
    )
    const { replies } = await within(1_000, topic.gather(5))
    expect(replies).toHaveLength(1)
    for (const producer of made) producer.close()
    expect((await topic.view())?.producers).toHaveLength(1)
  })

  test('knows who asks, and for how long', async () => {
    const { connect } = world({
      newId: (() => {
        let n = 0
        return () => `id-${++n}`
      })(),
    })
    const topic = (await connect()).topic('t')
    topic.produce((_request, { from, topic: name, remainingMs }) => ({ from, name, remainingMs }))
    const [reply] = (await topic.gather('?', { withinMs: 250 })).replies
    expect(reply?.value).toEqual({ from: expect.stringMatching(/^id-/), name: 't', remainingMs: 250 })
  })
})

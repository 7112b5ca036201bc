import assert from 'node:assert/strict'
import type { Heard } from '../../index.ts'
import { eventually, latch, like, PATIENCE_MS, same } from './assertions.ts'
import type { Tell } from './stage.ts'
import { becomes, ofTopic, ready, sorted, valuesOf, whenAborted, within } from './topic-stage.ts'

/** What whoever answers, or listens, may rely on. */
export const tellServing = (given: Tell): void => {
  const tell = ofTopic(given)

  tell('a producer that goes completes its part as left, at once', async ({ asker, other, t }) => {
    const started = latch()
    const gone = other.topic(t).produce(
      (_request, { signal }) => {
        started.open()
        return whenAborted(signal)
      },
      { id: 'gone' },
    )
    await ready(
      gone,
      asker.topic(t).produce(() => 1, { id: 'here' }),
    )
    const asking = asker.topic(t).gather(1, { withinMs: 10 * PATIENCE_MS })
    await started.opened
    gone.close()
    like(await asking, { left: ['gone'], missing: ['gone'], replies: [{}], ending: 'exhausted' })
  })

  tell('a producer serves in order and refuses what is too much', async ({ asker, other, t }) => {
    const begun: number[] = []
    const first = latch()
    const serve = async (n: number) => {
      begun.push(n)
      if (n === 0) await first.opened
      return n
    }
    await ready(other.topic<number>(t).produce(serve, { id: 'p', queueLimit: 2 }))
    const topic = asker.topic<number>(t)
    const asking = [0, 1, 2].map((n) => topic.gather(n, within))
    await becomes(asker.topic(t), 'two in the queue', (view) => view?.producers[0]?.queued === 2)
    const refused = await topic.gather(3, within)
    like(refused.errors, [{ from: 'p', outcome: 'refused', error: { code: 'CAUCUS_OVERLOADED' } }])
    first.open()
    same(
      (await Promise.all(asking)).flatMap(({ replies }) => valuesOf(replies)),
      [0, 1, 2],
    )
    same(begun, [0, 1, 2])
  })

  tell('a drained producer finishes what it has', async ({ asker, other, t }) => {
    const first = latch()
    const producer = other.topic(t).produce(async (n) => {
      await first.opened
      return n
    })
    await producer.ready()
    const asking = [1, 2].map((n) => asker.topic(t).gather(n, within))
    // What it has is what has arrived; a request that is on its way when it leaves completes as left.
    await eventually('one in the queue', () => producer.queued === 1)
    const drained = producer.drain({ limitMs: PATIENCE_MS })
    await becomes(asker.topic(t), 'nobody to be asked', (view) => view === undefined)
    first.open()
    await drained
    same(
      (await Promise.all(asking)).flatMap(({ replies }) => valuesOf(replies)),
      [1, 2],
    )
    assert.equal(producer.state, 'left')
  })

  tell('a newer producer with the same id takes the place of the older one', async ({ asker, other, t }) => {
    const older = other.topic(t).produce(() => 'old', { id: 'same' })
    await older.ready()
    await ready(asker.topic(t).produce(() => 'new', { id: 'same' }))
    same(valuesOf((await asker.topic(t).gather(1, within)).replies), ['new'])
    await eventually('the older one to be told', () => older.state === 'left')
    await older.drain()
    same([older.state, older.error?.code], ['left', 'CAUCUS_FENCED'])
  })

  tell('of one queue, one gets each request', async ({ asker, other, t }) => {
    const queue = 'workers'
    await ready(
      asker.topic(t).produce(() => 'a', { queue, id: 'a' }),
      other.topic(t).produce(() => 'b', { queue, id: 'b' }),
    )
    const got: unknown[] = []
    for (let i = 0; i < 4; i++) got.push(...valuesOf((await asker.topic(t).gather(1, within)).replies))
    same(sorted(got), ['a', 'a', 'b', 'b'])
  })

  tell('listeners hear the replies of everybody, and hold nobody up', async ({ asker, other, t }) => {
    const heard: Heard[] = []
    const listener = other.topic(t).listen((one) => {
      heard.push(one)
      return new Promise(() => {})
    })
    await ready(asker.topic(t).produce((n) => n, { id: 'p' }))
    await becomes(asker.topic(t), 'a listener', (view) => view?.listeners === 1)
    for (const n of [1, 2, 3]) await asker.topic(t).gather(n, within)
    await eventually('the listener to hear the first', () => heard.length > 0)
    same(heard, [{ type: 'reply', from: 'p', value: 1 }])
    await listener[Symbol.asyncDispose]()
    await becomes(asker.topic(t), 'no listener', (view) => view?.listeners === 0)
  })

  tell('a handler knows who asks, on which topic, and how long there is', async ({ asker, other, t }) => {
    const contexts: { from: string; topic: string; remainingMs: number }[] = []
    await ready(
      other.topic(t).produce((_request, { from, topic, remainingMs }) => {
        contexts.push({ from, topic, remainingMs })
      }),
    )
    const asked = await Promise.all([asker, asker, other].map((each) => each.topic(t).gather(1, within)))
    same(
      asked.flatMap(({ replies }) => valuesOf(replies)),
      Array(3).fill(undefined),
    )
    assert.equal(new Set(contexts.map(({ from }) => from)).size, 2)
    for (const { topic, remainingMs } of contexts) {
      assert.equal(topic, t)
      assert.ok(remainingMs > 0 && remainingMs <= PATIENCE_MS, `${remainingMs} ms were left`)
    }
  })
}

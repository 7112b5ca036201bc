import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Topics } from '../../../src/client/topics.ts'
import { LocalConnection } from '../../../src/runtime/dispatch/local-connection.ts'
import { LocalTopics } from '../../../src/runtime/dispatch/local-topics.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapUsed = () => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const ASKS = 160_000
const AT_A_TIME = 500

/** Every way in which an ask can end, one after the other. */
const ways = ['reply', 'throw', 'silent', 'abandon', 'refused', 'first', 'nobody', 'left'] as const
type Way = (typeof ways)[number]

test('asks by the hundred thousand, ended in every way there is, leave nothing behind', async () => {
  const clock = new SimulatedClock()
  const faults: unknown[] = []
  const limits = { asks: 10_000, producers: 100, listeners: 10 }
  const local = new LocalTopics({ clock, limits, onFault: (error) => faults.push(error) })
  const connection = new LocalConnection(local, () => 'test')
  let ids = 0
  const topics = new Topics(() => ({ topics: connection, clocks: clock, newId: () => `id-${++ids}` }))
  const topic = topics.topic<Way, Way, Way, Way | Promise<Way>>('t')
  const silent = topics.topic<Way>('silent')
  const listener = topic.listen(() => {}, { buffer: 10 })
  topic.produce((way) => {
    if (way === 'throw') throw new Error('as asked for')
    return way
  })
  topic.produce(async (way) => way, { queueLimit: 0 })

  const gatherAll = async (way: Way) => {
    const asking = Array.from({ length: AT_A_TIME }, () => {
      if (way === 'nobody') return topics.topic('nobody').gather(way)
      if (way === 'first') return topic.gather(way, { until: 'first' })
      return topic.gather(way, way === 'refused' ? {} : { to: { pick: 1 } })
    })
    for (const { ending } of await Promise.all(asking)) expect(ending).not.toBe('timeout')
  }
  /** The handler goes with its producer, or ends with the signal. */
  const keepSilent = async (way: Way) => {
    const producer = silent.produce((_way, { signal }) => {
      return new Promise<Way>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const asking = Array.from({ length: AT_A_TIME }, () => silent.gather(way, { withinMs: 10 }))
    if (way === 'left') producer.close()
    else await clock.play(12)
    for (const { ending } of await Promise.all(asking)) expect(ending).toBe(way === 'left' ? 'exhausted' : 'timeout')
    producer.close()
  }
  const abandonAll = async () => {
    const asking = Array.from({ length: AT_A_TIME }, () => topic.ask('abandon'))
    await Promise.all(asking.map((ask) => ask.return()))
  }

  const run = async (asks: number) => {
    for (let done = 0, turn = 0; done < asks; done += AT_A_TIME, turn++) {
      const way = ways[turn % ways.length] as Way
      if (way === 'abandon') await abandonAll()
      else if (way === 'silent' || way === 'left') await keepSilent(way)
      else await gatherAll(way)
    }
    await clock.play(1)
  }

  await run(ASKS / 20)
  const before = heapUsed()
  await run(ASKS)
  const grownBytes = heapUsed() - before
  expect(local.view()).toMatchObject({ topics: 1, producers: 2, listeners: 1, asks: 0 })
  expect(local.view().counters.asks).toBe((ASKS * 21) / 20)
  // A few bytes each would be noise; a table that is kept has hundreds, of each way at least.
  expect(grownBytes).toBeLessThan(1_600_000)
  await topics.drain()
  await listener[Symbol.asyncDispose]()
  connection.close()
  expect(local.view()).toMatchObject({ topics: 0, producers: 0, listeners: 0, asks: 0 })
  local.close()
  expect([clock.pending, faults]).toEqual([0, []])
}, 300_000)

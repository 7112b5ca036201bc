import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { ReplyStream, StandardSchema } from 'caucus'
import { expect, test } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { topicsPipe } from './topics-pipe.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapUsed = () => {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const ASKS = 100_000
const AT_A_TIME = 500

/** Every way in which an ask can end, one after the other. */
const ways = ['reply', 'throw', 'silent', 'abandon', 'first', 'nobody', 'left', 'judged', 'stream'] as const
type Way = (typeof ways)[number]

const short: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (value === 'judged' ? { value } : { issues: [{ message: 'no' }] }),
  },
}

test(`${ASKS} asks over links, ended in every way there is, leave nothing behind at either end`, async () => {
  const clock = new SimulatedClock()
  const { host, join } = topicsPipe(clock)
  const asking = join('asker')
  const serving = join('producers')
  const produced = serving.topics.topic<Way, unknown>('t')
  const serve = (way: Way) => {
    if (way === 'throw') throw new Error('as asked for')
    return way
  }
  await produced.produce(serve, { concurrency: 1_000, id: 'one' }).ready()
  await produced.produce(async (way) => serve(way), { concurrency: 1_000, id: 'two' }).ready()
  const streaming = serving.topics.topic('stream').produce(
    async function* () {
      for (;;) yield new Uint8Array(10)
    },
    { concurrency: 1_000 },
  )
  await streaming.ready()
  const topic = asking.topics.topic<Way>('t')
  const judged = asking.topics.topic<Way, string>('t', { reply: short })
  const silent = { ask: asking.topics.topic<Way>('silent'), serve: serving.topics.topic<Way>('silent') }
  const listener = topic.listen(() => {}, { buffer: 10 })

  const streams = async () => {
    for (let n = 0; n < 20; n++) {
      const { replies } = await asking.topics.topic<Way, ReplyStream>('stream').gather('stream')
      for await (const chunk of replies[0]?.value ?? []) {
        expect(chunk).toHaveLength(10)
        break
      }
    }
  }
  const gatherAll = async (way: Way) => {
    const gathering = Array.from({ length: AT_A_TIME }, () => {
      if (way === 'nobody') return asking.topics.topic('nobody').gather(way)
      if (way === 'judged') return judged.gather(way, { until: 'first' })
      return topic.gather(way, way === 'first' ? { until: 'first' } : {})
    })
    expect((await Promise.all(gathering)).every(({ ending }) => ending !== 'timeout')).toBe(true)
  }
  /** The handler goes with its producer, or ends with the signal. */
  const keepSilent = async (way: Way) => {
    const producer = silent.serve.produce(
      (_way, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { concurrency: 1_000, id: 'silent' },
    )
    await producer.ready()
    const gathering = Array.from({ length: AT_A_TIME }, () => silent.ask.gather(way, { withinMs: 10 }))
    while (producer.running < AT_A_TIME) await new Promise((resume) => setImmediate(resume))
    if (way === 'left') producer.close()
    else await clock.play(12)
    const ending = way === 'left' ? 'exhausted' : 'timeout'
    expect((await Promise.all(gathering)).every((gathered) => gathered.ending === ending)).toBe(true)
    producer.close()
  }
  const abandonAll = async () => {
    const loops = Array.from({ length: AT_A_TIME }, () => topic.ask('reply'))
    for (const loop of loops) await loop.return()
  }
  const round = async () => {
    for (const way of ways) {
      if (way === 'silent' || way === 'left') await keepSilent(way)
      else if (way === 'abandon') await abandonAll()
      else if (way === 'stream') await streams()
      else await gatherAll(way)
    }
  }
  const each = AT_A_TIME * ways.length
  for (let n = 0; n < 10; n++) await round()
  const before = heapUsed()
  for (let asked = 0; asked < ASKS; asked += each) await round()
  expect(heapUsed() - before).toBeLessThan(2 * 2 ** 20)
  for (let turns = 0; turns < 10; turns++) await new Promise((resume) => setImmediate(resume))
  expect(host.sizes()).toEqual({ topics: 2, producers: 3, listeners: 1, asks: 0, requests: 0, streams: 0 })
  await listener.return()
  asking.close()
  serving.close()
  host.close()
  expect(clock.pending).toBe(0)
})

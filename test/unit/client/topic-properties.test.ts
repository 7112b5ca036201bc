import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Topics } from '../../../src/client/topics.ts'
import type { Gathered, Producer, RequestContext, Until } from '../../../src/index.ts'
import { LocalConnection } from '../../../src/runtime/dispatch/local-connection.ts'
import { LocalTopics } from '../../../src/runtime/dispatch/local-topics.ts'
import { sleep } from '../../../src/runtime/wait.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { settled } from './topic-support.ts'

const UNTIL: readonly Until[] = ['all', 'first', 2, { quiet: 4 }]
const LIMITS = { asks: 1_000, producers: 1_000, listeners: 1_000 }

interface Delivered {
  readonly producer: string
  readonly request: number
  readonly signal: AbortSignal
  over: boolean
}

/** Producers of every temper, askers of every mood, and what was seen of them. */
class Town {
  readonly clock = new SimulatedClock()
  readonly faults: unknown[] = []
  readonly local = new LocalTopics({ clock: this.clock, limits: LIMITS, onFault: (error) => this.faults.push(error) })
  readonly connections = ['one', 'two'].map((name) => new LocalConnection(this.local, () => name))
  readonly topics = this.connections.map(
    (topics) => new Topics(() => ({ topics, clocks: this.clock, newId: () => `p${++this.#ids}` })),
  )
  readonly producers: Producer[] = []
  readonly delivered: Delivered[] = []
  readonly running = new Map<string, number>()
  readonly gathered: { readonly request: number; readonly result: Gathered | undefined }[] = []
  readonly asking: Promise<unknown>[] = []
  #ids = 0
  #requests = 0

  topic(which: number) {
    const topics = this.topics[which % 2] as Topics
    return topics.topic<number, unknown, number, unknown>('t')
  }

  produce(which: number, temper: number, concurrency: number, queueLimit: number): void {
    const id = `p${++this.#ids}`
    const serve = async (request: number, { signal }: RequestContext) => {
      const delivery = { producer: id, request, signal, over: false }
      const running = (this.running.get(id) ?? 0) + 1
      // Never more at a time than it may, each request once, and in order. Thrown in here it would be an outcome like any other.
      if (running > concurrency) this.faults.push(`${id} works on ${running} at a time`)
      const earlier = this.delivered.filter(({ producer }) => producer === id).map((one) => one.request)
      if (Math.max(0, ...earlier) >= request) this.faults.push(`${id} got ${request} out of order, or twice`)
      if (this.gathered.some((one) => one.request === request))
        this.faults.push(`${id} began ${request}, which is over`)
      this.running.set(id, running)
      this.delivered.push(delivery)
      try {
        if (temper % 6 === 0) return id
        if (temper % 6 === 1) throw new Error('in a bad temper')
        if (temper % 6 === 2) await sleep(this.clock, 1 + (temper % 7))
        if (temper % 6 === 3) await sleep(this.clock, 40, { signal })
        if (temper % 6 === 4) await sleep(this.clock, 40)
        if (temper % 6 === 5) await Promise.resolve()
        return id
      } finally {
        delivery.over = true
        this.running.set(id, (this.running.get(id) ?? 0) - 1)
      }
    }
    this.producers.push(this.topic(which).produce(serve, { id, concurrency, queueLimit }))
  }

  gather(which: number, until: Until, withinMs: number): void {
    const request = ++this.#requests
    const sentAt = this.clock.now()
    const asking = this.topic(which).gather(request, { until, withinMs })
    const noted = asking.then((result) => {
      expect(this.clock.now() - sentAt).toBeLessThanOrEqual(withinMs)
      this.gathered.push({ request, result })
    })
    this.asking.push(noted)
  }

  /** Leaves the loop after so many answers, or when its signal says so. */
  ask(which: number, answers: number, abortAfterMs: number): void {
    const request = ++this.#requests
    const stop = new AbortController()
    if (abortAfterMs > 0) this.clock.setTimer(this.clock.now() + abortAfterMs, () => stop.abort(new Error('enough')))
    const read = async () => {
      let left = answers
      for await (const _answer of this.topic(which).ask(request, { withinMs: 30, signal: stop.signal })) {
        if (left-- === 0) break
      }
    }
    this.asking.push(
      read()
        .catch((error: Error) => expect(error.message).toBe('enough'))
        .then(() => this.gathered.push({ request, result: undefined })),
    )
  }

  /** What happens without waiting happens before time goes by. */
  async play(ms: number): Promise<void> {
    await settled()
    await this.clock.play(ms)
    await settled()
  }

  /** Whoever still works for an ask that is over knows it. */
  judge(): void {
    const over = new Set(this.gathered.map(({ request }) => request))
    for (const { request, signal, over: done } of this.delivered) {
      if (over.has(request) && !done) expect(signal.aborted).toBe(true)
    }
  }

  async end(): Promise<void> {
    await this.play(200)
    await Promise.all(this.asking)
    for (const { result } of this.gathered) {
      if (result === undefined) continue
      const { expected, replies, errors, missing, released } = result
      expect(replies.length + errors.length + missing.length + released.length).toBe(expected)
      const heard = [...replies, ...errors].map(({ from }) => from)
      expect(new Set(heard).size).toBe(heard.length)
    }
    const drained = Promise.all(this.topics.map((topics) => topics.drain()))
    await this.play(6_000)
    await drained
    for (const connection of this.connections) connection.close()
    expect(this.local.view()).toMatchObject({ topics: 0, producers: 0, listeners: 0, asks: 0 })
    this.local.close()
    expect([this.clock.pending, this.faults]).toEqual([0, []])
  }
}

test('in one process, too: everybody is asked once, every ask ends in time, and nothing is left', async () => {
  const action = fc.tuple(fc.nat(8), fc.nat(41), fc.nat(41))
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const town = new Town()
      for (const [kind, a, b] of actions) {
        const producer = town.producers[a % Math.max(1, town.producers.length)]
        if (kind <= 1) town.produce(a, b, 1 + (a % 2), b % 3)
        else if (kind <= 3) town.gather(a, UNTIL[b % UNTIL.length] as Until, 1 + b)
        else if (kind === 4) town.ask(a, b % 4, a % 3 === 0 ? 1 + b : 0)
        else if (kind === 5) producer?.close()
        else if (kind === 6) void producer?.drain()
        else {
          await town.play(a % 7)
          town.judge()
        }
      }
      await town.end()
    }),
    { numRuns: 150 },
  )
})

import type { Worker } from 'node:worker_threads'
import type { WorkerProduceOptions } from 'caucus'
import { onTestFinished } from 'vitest'
import { settled } from './topic-support.ts'
import { world } from './world.ts'

export const HANDLER = new URL('./topic-worker-handler.mjs', import.meta.url)

const REASONS = ['none', 'begun', 'CAUCUS_CLOSED', 'CAUCUS_TIMEOUT', 'CAUCUS_FENCED']

/** Lets other threads go on until it is so. */
export const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await settled()
}

/** What a handler in a thread shares with its test: how far it is. */
export const shared = () => {
  const word = new Int32Array(new SharedArrayBuffer(8))
  return {
    word,
    begun: () => until(() => Atomics.load(word, 0) >= 1),
    /** Why it was called off. */
    reason: async () => {
      await until(() => Atomics.load(word, 0) >= 2)
      return REASONS[Atomics.load(word, 0)]
    },
    letGo: () => Atomics.store(word, 1, 1),
  }
}

/** The threads of this process that were started from now on and have not ended. */
export const threads = (): { readonly started: number; readonly alive: number } => {
  const count = { started: 0, alive: 0 }
  const onWorker = (worker: Worker) => {
    count.started++
    count.alive++
    worker.once('exit', () => count.alive--)
  }
  process.on('worker', onWorker)
  onTestFinished(() => void process.off('worker', onWorker))
  return count
}

export interface Request {
  readonly do: string
  readonly [name: string]: unknown
}

export const topicOf = async () => (await world().connect()).topic<Request>('shop')

/** A topic that a module answers in threads, and how many of them there are. They end with the test. */
export const shop = async (options: WorkerProduceOptions = {}) => {
  const count = threads()
  const { clock, connect } = world()
  const caucus = await connect()
  const topic = caucus.topic<Request>('shop')
  const producer = topic.produce(HANDLER, { id: 'p', ...options })
  await producer.ready()
  onTestFinished(async () => {
    producer.close()
    // Threads end in real time, which the made-up clock must not outrun.
    while (count.alive > 0) await Promise.all([clock.play(10), settled()])
  })
  return { clock, caucus, topic, producer, count }
}

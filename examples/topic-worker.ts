// Counting primes: hard work in worker threads, while the process that has them goes on with everything else.
//
// The numbers are cut into slices, and each slice is asked of one node of the queue. A node works on as many slices at a time as it has
// threads; while a thread computes, the node's own loop is free for its timers, leases and other requests.
import type { Caucus, Producer } from 'caucus'

export interface Slice {
  readonly from: number
  readonly to: number
}
export interface Counted {
  readonly primes: number
}

const counting = (caucus: Caucus) => caucus.topic<Slice, Counted>('primes')

/** Starts a node that counts. Resolves once its first thread has loaded the module. */
export const startCounter = async (caucus: Caucus, threads: number): Promise<Producer> => {
  const handler = new URL('./topic-worker-handler.js', import.meta.url)
  const producer = counting(caucus).produce(handler, { queue: 'counters', threads, killAfterMs: 500 })
  await producer.ready()
  return producer
}

/** How many primes there are below `limit`, counted slice by slice by whoever has time. */
export const countPrimes = async (caucus: Caucus, limit: number, slices: number, withinMs: number): Promise<number> => {
  const size = Math.ceil(limit / slices)
  const asked = Array.from({ length: slices }, async (_, slice) => {
    const part = { from: slice * size, to: Math.min(limit, (slice + 1) * size) }
    const { replies, errors, ending } = await counting(caucus).gather(part, { withinMs })
    const [reply] = replies
    if (reply === undefined) throw new Error(`${part.from} to ${part.to}: ${errors[0]?.error.message ?? ending}`)
    return reply.value.primes
  })
  return (await Promise.all(asked)).reduce((sum, primes) => sum + primes, 0)
}

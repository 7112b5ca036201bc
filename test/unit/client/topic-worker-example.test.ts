import { beforeAll, expect, test } from 'vitest'
import { countPrimes, startCounter } from '../../../examples/topic-worker.ts'
import { built } from '../../sim/built.ts'
import { threads } from './topic-worker-support.ts'
import { world } from './world.ts'

beforeAll(() => void built(), 300_000)

test('the primes below 100 000 are counted in threads, by whoever has time', async () => {
  const count = threads()
  const { connect } = world()
  const [one, two] = [await connect(), await connect()]
  const counters = [await startCounter(one, 1), await startCounter(two, 1)]
  expect(await countPrimes(one, 100_000, 8, 60_000)).toBe(9_592)
  expect(count.started).toBe(2)
  await Promise.all(counters.map((counter) => counter.drain()))
  expect(count.alive).toBe(0)
})

test('what takes too long is said, and ends in its thread by itself', async () => {
  const { connect, clock } = world()
  const caucus = await connect()
  const counter = await startCounter(caucus, 1)
  const counting = countPrimes(caucus, 1e9, 1, 100)
  const failed = expect(counting).rejects.toThrow('0 to 1000000000: timeout')
  await clock.play(110)
  await failed
  expect(await countPrimes(caucus, 100, 1, 60_000)).toBe(25)
  await counter.drain()
})

import { expect, test } from 'vitest'
import { Journal, runScheduler } from '../../../examples/elect.ts'
import { world } from './world.ts'

/** Jobs that come one by one, when the test says so, to whoever leads. */
const timetable = () => {
  const waiting: ((job: IteratorResult<string, undefined>) => void)[] = []
  return {
    waiting,
    announce: (job: string) => waiting.shift()?.({ value: job, done: false }),
    end: () => waiting.shift()?.({ value: undefined, done: true }),
    due: (signal: AbortSignal): AsyncIterable<string> => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            waiting.push(resolve)
            signal.addEventListener('abort', () => resolve({ value: undefined, done: true }))
          }),
      }),
    }),
  }
}

test('the scheduler works on one replica at a time, and what an earlier one writes late is refused', async () => {
  const { clock, connect, within } = world()
  const journal = new Journal()
  const [first, second] = [timetable(), timetable()]
  const { signal } = new AbortController()
  const one = runScheduler(await connect(), { due: first.due, journal }, signal)
  await clock.play(100)
  const other = runScheduler(await connect(), { due: second.due, journal }, signal)
  await clock.play(100)
  first.announce('a')
  await clock.play(10)
  expect([journal.entries, second.waiting.length]).toEqual([['a'], 0])
  // The first one's process stands still; the second one's is the same here, so both have to begin anew.
  clock.stall(5_000)
  await clock.play(3_000)
  for (const { announce } of [first, second]) announce('b')
  await clock.play(100)
  expect(journal.entries.filter((job) => job === 'b').length).toBe(1)
  for (let n = 0; n < 4; n++) {
    for (const { end } of [first, second]) end()
    await clock.play(500)
  }
  expect([await within(1_000, one), await within(1_000, other)].sort()).toEqual([0, 1])
  expect(() => journal.write('late', 1)).toThrow('stop writing')
})

import { connect, embedded } from 'caucus'
import { expect, test } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const WALL_MS = 1_700_000_000_000

const firstOf = async <T>(events: AsyncIterable<T>): Promise<T> => {
  for await (const event of events) return event
  throw new Error('the events ended')
}

/** A group of one, and everything about it that could differ from run to run. */
const run = async () => {
  const clock = new SimulatedClock(1_000)
  let ids = 0
  const caucus = await connect(
    embedded({ clocks: clock, wallMs: () => WALL_MS + clock.now(), newId: () => `id-${++ids}` }),
  )
  const group = caucus.group('g')
  const reading = firstOf(group.events())
  const joining = group.join()
  await clock.play(100)
  const membership = await joining
  const first = await reading
  const closing = caucus.close()
  await clock.play(100)
  await closing
  return { id: membership.id, incarnation: membership.incarnation, first, ids, left: clock.pending }
}

test('an embedded cluster takes its ids and its wall clock from whoever asks for them, so that a run can be repeated', async () => {
  const first = await run()
  expect(first).toMatchObject({ id: 'id-2', ids: 3, left: 0 })
  expect(first.first).toMatchObject({ atMs: WALL_MS + 1_000, event: { type: 'member.joined', member: 'id-2' } })
  expect(await run()).toEqual(first)
})

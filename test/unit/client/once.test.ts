import type { OnceRun } from 'caucus'
import { expect, test } from 'vitest'
import { codeOf, world } from './world.ts'

const NOON = 1_700_049_600_000

/** A world whose wall clock goes with its other one, until somebody steps it. */
const dated = () => {
  const wall = { aheadMs: NOON }
  const made = world({ wallMs: () => made.clock.now() + wall.aheadMs })
  return { ...made, wall, wallMs: () => made.clock.now() + wall.aheadMs }
}

const never = () => {
  throw new Error('this was to be run by nobody')
}

test('an instant comes when the wall clock says so, also when that is stepped meanwhile', async () => {
  const { clock, connect, wallMs, wall, within } = dated()
  const caucus = await connect()
  const at = wallMs() + 4_000_000
  const began: number[] = []
  const call = caucus.once('job', at, () => void began.push(wallMs()))
  await clock.play(200_000)
  wall.aheadMs += 3_600_000
  await clock.play(180_000)
  expect(began).toEqual([])
  expect(await within(40_000, call)).toEqual({ ran: true, value: undefined })
  expect(began[0]).toBeGreaterThanOrEqual(at)
})

test('whoever stands still for a lease is told at its next look that it has lost it, and nobody runs it again', async () => {
  const { clock, connect, wallMs, within } = dated()
  const [one, other] = [await connect(), await connect()]
  const at = wallMs() + 10
  const runs: OnceRun[] = []
  const first = one.once('job', at, async (run) => {
    runs.push(run)
    await new Promise((resolve) => run.signal.addEventListener('abort', resolve))
    return 'half of it'
  })
  const second = codeOf(other.once('job', at, never))
  await clock.play(100)
  expect(runs[0]?.signal.aborted).toBe(false)
  clock.stall(5_000)
  expect([runs[0]?.signal.aborted, runs[0]?.signal.reason.code]).toEqual([true, 'CAUCUS_ONCE_LOST'])
  expect(await within(10_000, codeOf(first))).toBe('CAUCUS_ONCE_LOST')
  expect(await within(10_000, second)).toBe('CAUCUS_ONCE_LOST')
})

test('work that fails in its own way after it was lost says so itself', async () => {
  const { clock, connect, wallMs, within } = dated()
  const caucus = await connect()
  const call = caucus.once('job', wallMs() + 10, async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    throw new Error('no paper')
  })
  call.catch(() => undefined /* looked at below */)
  await clock.play(100)
  clock.stall(5_000)
  await expect(within(10_000, call)).rejects.toThrow('no paper')
})

test('the end of a run is known for a day', async () => {
  const { connect, wallMs, wall, within } = dated()
  const caucus = await connect()
  const at = wallMs() + 10
  expect(
    (
      await within(
        1_000,
        caucus.once('job', at, () => 1),
      )
    ).ran,
  ).toBe(true)
  wall.aheadMs += 23 * 3_600_000
  expect(await within(1_000, caucus.once('job', at, never))).toEqual({ ran: false, because: 'done' })
})

test('work that is synchronous, and one that throws at once, are over at once', async () => {
  const { connect, wallMs, within } = dated()
  const caucus = await connect()
  expect(
    await within(
      1_000,
      caucus.once('a', wallMs(), ({ at }) => at.getTime()),
    ),
  ).toMatchObject({ ran: true })
  const failing = caucus.once('b', wallMs(), () => {
    throw new TypeError('at once')
  })
  await expect(within(1_000, failing)).rejects.toThrow('at once')
})

test('two runs of one instant under two names go on beside each other', async () => {
  const { clock, connect, wallMs, within } = dated()
  const caucus = await connect()
  const at = wallMs() + 10
  const ends: (() => void)[] = []
  const work = () => new Promise<void>((resolve) => void ends.push(resolve))
  const both = Promise.all([caucus.once('a', at, work), caucus.once('b', at, work)])
  await clock.play(100)
  expect(ends.length).toBe(2)
  for (const end of ends) end()
  expect((await within(1_000, both)).map(({ ran }) => ran)).toEqual([true, true])
})

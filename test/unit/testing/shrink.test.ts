import { describe, expect, test } from 'vitest'
import type { Fault } from '../../../src/testing/cluster/fault.ts'
import { shrinkSchedule } from '../../../src/testing/cluster/shrink.ts'

const SCHEDULE: readonly Fault[] = Array.from({ length: 12 }, (_, n) => ({
  atMs: n,
  fault: 'pause',
  member: `m${n}`,
  forMs: 800,
}))
const who = (schedule: readonly Fault[]) => schedule.map(({ member }) => member)

describe('shrinking a schedule', () => {
  test('finds the faults that it takes together, and no other', async () => {
    const fails = async (schedule: readonly Fault[]) => ['m2', 'm9'].every((name) => who(schedule).includes(name))
    expect(who(await shrinkSchedule(SCHEDULE, fails, 200))).toEqual(['m2', 'm9'])
  })

  test('finds out that it takes none at all', async () => {
    expect(await shrinkSchedule(SCHEDULE, async () => true, 200)).toEqual([])
  })

  test('makes what is left shorter', async () => {
    const fails = async (schedule: readonly Fault[]) =>
      schedule.some(({ member, forMs = 0 }) => member === 'm4' && forMs >= 90)
    const [left, ...others] = await shrinkSchedule(SCHEDULE, fails, 200)
    expect(others).toEqual([])
    expect(left).toMatchObject({ member: 'm4', forMs: 100 })
  })

  test('gives the whole schedule back when nothing less fails, and never asks too often', async () => {
    let asked = 0
    const fails = async () => {
      asked++
      return false
    }
    expect(await shrinkSchedule(SCHEDULE, fails, 7)).toBe(SCHEDULE)
    expect(asked).toBe(7)
  })
})

import { describe, expect, test } from 'vitest'
import { HolderClock } from '../../../src/core/time.ts'

/** A machine whose three clocks are set by hand. */
const machine = () => {
  const clocks = { monotonicMs: 1_000, wallMs: 1_700_000_000_000, uptimeMs: 50_000, uptimeReads: 0 }
  const holder = new HolderClock()
  return {
    pass: (ms: number) => {
      clocks.monotonicMs += ms
      clocks.wallMs += ms
      clocks.uptimeMs += ms
    },
    stepWall: (ms: number) => {
      clocks.wallMs += ms
    },
    sleep: (ms: number) => {
      clocks.wallMs += ms
      clocks.uptimeMs += ms
    },
    read: () =>
      holder.read({
        monotonicMs: clocks.monotonicMs,
        wallMs: clocks.wallMs,
        uptimeMs: () => {
          clocks.uptimeReads++
          return clocks.uptimeMs
        },
      }),
    clocks,
  }
}

describe('the clock of a holder', () => {
  test('runs with the monotonic clock while nothing odd happens, and asks the slow boot clock only once', () => {
    const { pass, read, clocks } = machine()
    const start = read()
    for (let i = 0; i < 100; i++) {
      pass(10)
      read()
    }
    expect(read() - start).toBe(1_000)
    expect(clocks.uptimeReads).toBe(1)
  })

  test('counts the time in which the machine slept, though the monotonic clock stood still', () => {
    const { pass, sleep, read } = machine()
    const start = read()
    pass(100)
    sleep(30_000)
    expect(read() - start).toBeGreaterThanOrEqual(30_100)
  })

  test('counts sleep also when the wall clock was set back meanwhile', () => {
    const { sleep, stepWall, read } = machine()
    const start = read()
    sleep(30_000)
    stepWall(-3_600_000)
    expect(read() - start).toBeGreaterThanOrEqual(30_000 - 10)
  })

  test('takes a forward step of the wall clock for time that passed: a holder is pessimistic', () => {
    const { stepWall, read } = machine()
    const start = read()
    stepWall(3_600_000)
    expect(read() - start).toBe(3_600_000)
  })

  test('never falls, however the wall clock steps', () => {
    const { pass, stepWall, read } = machine()
    let last = read()
    for (const step of [-5_000, 20, 7_000, -1, -8_000_000, 3]) {
      pass(1)
      stepWall(step)
      const now = read()
      expect(now).toBeGreaterThanOrEqual(last + 1)
      last = now
    }
  })
})

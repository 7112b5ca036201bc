import fc from 'fast-check'
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

  /** What can happen to a computer between two readings. Nothing of it is smaller than what tells the clocks apart. */
  const event = fc.oneof(
    fc.record({ what: fc.constant('pass' as const), ms: fc.double({ min: 0, max: 1e6, noNaN: true }) }),
    fc.record({ what: fc.constant('sleep' as const), ms: fc.double({ min: 20, max: 1e8, noNaN: true }) }),
    fc.record({ what: fc.constant('back' as const), ms: fc.double({ min: 20, max: 1e9, noNaN: true }) }),
    fc.record({ what: fc.constant('forth' as const), ms: fc.double({ min: 20, max: 1e9, noNaN: true }) }),
  )
  const befall = (
    { pass, sleep, stepWall }: ReturnType<typeof machine>,
    { what, ms }: { what: string; ms: number },
  ) => {
    if (what === 'pass') pass(ms)
    else if (what === 'sleep') sleep(ms)
    else stepWall(what === 'back' ? -ms : ms)
  }

  test('never goes back and never falls behind the monotonic clock, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const computer = machine()
        let last = computer.read()
        let monotonicMs = computer.clocks.monotonicMs
        for (const each of events) {
          befall(computer, each)
          const now = computer.read()
          expect(now - last).toBeGreaterThanOrEqual(computer.clocks.monotonicMs - monotonicMs - 1e-6)
          last = now
          monotonicMs = computer.clocks.monotonicMs
        }
      }),
    )
  })

  test('misses no sleep by more than the boot clock can tell, however the wall clock was stepped before and after', () => {
    fc.assert(
      fc.property(fc.array(fc.array(event, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), (batches) => {
        const computer = machine()
        const start = computer.read()
        let realMs = 0
        for (const events of batches) {
          for (const each of events) befall(computer, each)
          const of = (what: string) => events.reduce((sum, each) => sum + (each.what === what ? each.ms : 0), 0)
          realMs += of('pass') + of('sleep')
          // A step back that hides a sleep to the millisecond is not promised to be noticed (docs/limits.md).
          fc.pre(Math.abs(of('sleep') + of('forth') - of('back')) > 5.01 || of('sleep') === 0)
          const elapsed = computer.read() - start
          // Each time the clocks are found apart, one unit of the boot clock may be lost.
          expect(elapsed).toBeGreaterThanOrEqual(realMs - 10 * computer.clocks.uptimeReads - 5 - 1e-3)
        }
      }),
    )
  })

  test('counts a sleep by a boot clock that only knows hundredths of a second', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 20, max: 1e8, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (ms, before) => {
          const at = { real: before }
          const reading = (monotonicMs: number, wallMs: number) => ({
            monotonicMs,
            wallMs,
            uptimeMs: () => Math.floor(at.real / 10) * 10,
          })
          const holder = new HolderClock()
          const start = holder.read(reading(0, 0))
          at.real += ms
          // Somebody has set the wall clock back by far more than the sleep.
          expect(holder.read(reading(0, ms - 1e9)) - start).toBeGreaterThanOrEqual(Math.max(0, ms - 20) - 1e-6)
        },
      ),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { BackOff } from '../../../src/runtime/back-off.ts'
import { SilenceWatch } from '../../../src/runtime/silence-watch.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

describe('the pause before the next attempt', () => {
  it('doubles with each one in vain, up to the longest', () => {
    const backOff = new BackOff(() => 0.5, 100)
    expect(Array.from({ length: 5 }, () => backOff.nextPauseMs())).toEqual([10, 20, 40, 50, 50])
  })

  it('is short again once a connection has lasted, and long at once for whoever drops us', () => {
    const backOff = new BackOff(() => 0.5, 100)
    backOff.lengthen()
    expect(backOff.nextPauseMs()).toBe(50)
    backOff.reset()
    expect(backOff.nextPauseMs()).toBe(10)
  })

  it('is drawn, so that many who lost the same server do not come back together', () => {
    const draws = [0, 0.25, 0.999]
    const backOff = new BackOff(() => draws.shift() ?? 0, 20)
    expect([backOff.nextPauseMs(), backOff.nextPauseMs(), backOff.nextPauseMs()]).toEqual([0, 5, 19.98])
  })
})

describe('the watch over a connection', () => {
  const watched = () => {
    const clock = new SimulatedClock(0)
    const told: string[] = []
    const watch = new SilenceWatch({
      clock,
      quietMs: 100,
      ask: () => told.push(`asked at ${Math.floor(clock.now())}`),
      silent: (forMs) => told.push(`silent for ${Math.floor(forMs)}`),
    })
    watch.heard()
    watch.start()
    return { clock, told, watch }
  }

  it('asks after the quiet that is allowed, and gives up after two and a half times that', () => {
    const { clock, told } = watched()
    clock.advance(400)
    expect(told.at(0)).toBe('asked at 100')
    expect(told.at(-1)).toMatch(/^silent for (2[5-9]\d|30\d)$/)
    expect(told.filter((each) => each.startsWith('silent'))).toHaveLength(1)
  })

  it('goes on with whoever answers', () => {
    const { clock, told, watch } = watched()
    for (let times = 0; times < 10; times++) {
      clock.advance(120)
      watch.heard()
    }
    expect(told.filter((each) => each.startsWith('silent'))).toEqual([])
  })

  it('leaves nothing behind when it is stopped', () => {
    const { clock, told, watch } = watched()
    watch.stop()
    clock.advance(1_000)
    expect(told).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { StallGuard } from '../../../src/runtime/stall-guard.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

const watched = () => {
  const clock = new SimulatedClock()
  const guard = StallGuard.of(clock)
  const told: number[] = []
  const unsubscribe = guard.subscribe(({ forMs }) => told.push(forMs))
  return { clock, guard, told, unsubscribe }
}

describe('the stall guard', () => {
  it('reports how long the process stood still, after what arrived meanwhile has been read', () => {
    const { clock, told } = watched()
    clock.advance(1_000)
    clock.stall(3_050)
    clock.deliver(() => expect(told).toEqual([]))
    clock.advance()
    expect(told).toEqual([3_000])
  })

  it('says nothing below its threshold, however often', () => {
    const { clock, told } = watched()
    for (let i = 0; i < 100; i++) {
      clock.stall(149)
      clock.advance(1)
    }
    expect(told).toEqual([])
  })

  it('never reports more than has really gone by, however many stalls', () => {
    const { clock, told } = watched()
    for (let i = 0; i < 100; i++) {
      clock.stall(333.3)
      clock.advance(17)
    }
    const sumMs = told.reduce((sum, ms) => sum + ms, 0)
    expect(told).toHaveLength(100)
    expect(sumMs).toBeLessThanOrEqual(100 * 333.3)
    expect(sumMs).toBeGreaterThanOrEqual(100 * (333.3 - 50))
  })

  it('adds up two stalls that it has not yet told of', () => {
    const { clock, guard, told } = watched()
    clock.stall(500)
    expect(guard.look()).toBe(true)
    clock.stall(500)
    expect(guard.look()).toBe(true)
    guard.report()
    expect(told).toEqual([900])
    expect(guard.look()).toBe(false)
    clock.advance(10)
    expect(told).toEqual([900])
  })

  it('is one per clock, runs while somebody listens, and does not keep the process alive', () => {
    const { clock, guard, told, unsubscribe } = watched()
    expect(StallGuard.of(clock)).toBe(guard)
    expect(StallGuard.of(clock.holder)).not.toBe(guard)
    const second = StallGuard.of(clock).subscribe(({ forMs }) => told.push(forMs))
    expect(clock.pending).toBe(1)
    expect(clock.alive).toBe(false)
    unsubscribe()
    unsubscribe()
    clock.stall(1_000)
    clock.advance()
    expect(told).toEqual([950])
    second()
    expect(clock.pending).toBe(0)
    expect(guard.look()).toBe(false)
  })

  it('starts afresh with the next listener: the time between was nobody’s stall', () => {
    const { clock, guard, told, unsubscribe } = watched()
    unsubscribe()
    clock.stall(60_000)
    guard.subscribe(({ forMs }) => told.push(forMs))
    clock.advance(1_000)
    expect(told).toEqual([])
  })

  it('does not tell a listener that left between the stall and its report', () => {
    const { clock, guard, told, unsubscribe } = watched()
    guard.subscribe(() => undefined)
    clock.stall(1_000)
    clock.deliver(unsubscribe)
    clock.advance()
    expect(told).toEqual([])
  })

  it('nor one that another listener has sent away', () => {
    const { clock, guard } = watched()
    const told: string[] = []
    guard.subscribe(() => {
      told.push('first')
      leave()
    })
    const leave = guard.subscribe(() => told.push('second'))
    clock.stall(1_000)
    clock.advance()
    expect(told).toEqual(['first'])
  })

  it('forgets a stall that nobody stayed to hear of', () => {
    const { clock, guard, told, unsubscribe } = watched()
    clock.stall(1_000)
    expect(guard.look()).toBe(true)
    unsubscribe()
    guard.subscribe(({ forMs }) => told.push(forMs))
    expect(guard.look()).toBe(false)
    clock.advance(1_000)
    expect(told).toEqual([])
  })

  it('sees a sleeping machine on the holder’s clock only', () => {
    const { clock, told } = watched()
    const holderTold: number[] = []
    StallGuard.of(clock.holder).subscribe(({ forMs }) => holderTold.push(forMs))
    clock.advance(10)
    clock.suspend(60_000)
    clock.advance(100)
    expect(told).toEqual([])
    expect(holderTold).toEqual([59_960])
  })
})

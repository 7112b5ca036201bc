import { describe, expect, it } from 'vitest'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

describe('the simulated clock', () => {
  it('runs timers at their instants, in order, those of one instant as they were set', () => {
    const clock = new SimulatedClock(100)
    const log: string[] = []
    for (const [name, at] of [
      ['c', 130],
      ['a', 110],
      ['b', 110],
    ] as const) {
      clock.setTimer(at, () => log.push(`${name} @${clock.now()}`))
    }
    clock.advance(29)
    expect(log).toEqual(['a @110', 'b @110'])
    expect(clock.now()).toBe(129)
    expect(clock.nextAt).toBe(130)
    clock.advance(100)
    expect(log).toEqual(['a @110', 'b @110', 'c @130'])
  })

  it('does not run what an earlier timer of the same round has cleared', () => {
    const clock = new SimulatedClock()
    clock.setTimer(10, () => second.clear())
    const second = clock.setTimer(10, () => expect.unreachable())
    clock.advance(20)
    expect(clock.pending).toBe(0)
  })

  it('goes round as Node’s loop does: due timers, then packets, then turns', () => {
    const clock = new SimulatedClock()
    const log: string[] = []
    clock.setTimer(5, () => {
      clock.turn(() => log.push('turn of the timer'))
      log.push('timer')
    })
    clock.deliver(() => {
      clock.turn(() => log.push('turn of the packet'))
      clock.deliver(() => log.push('next packet'))
      log.push('packet')
    })
    clock.stall(5)
    clock.advance()
    expect(log).toEqual(['timer', 'packet', 'turn of the timer', 'next packet', 'turn of the packet'])
  })

  it('stalls without running anything, and sleeps on the holder’s clock alone', () => {
    const clock = new SimulatedClock()
    const log: string[] = []
    clock.grantor.setTimer(100, () => log.push('grantor'))
    clock.holder.setTimer(100.1, () => log.push('holder'))
    clock.stall(50)
    clock.suspend(70)
    expect([clock.grantor.now(), clock.holder.now()]).toEqual([50, 120])
    expect(log).toEqual([])
    clock.advance()
    expect(log).toEqual(['holder'])
    clock.advance(50)
    expect(log).toEqual(['holder', 'grantor'])
  })

  it('never fires early because of a fraction that does not add up', () => {
    const clock = new SimulatedClock()
    clock.suspend(0.3)
    for (let i = 1; i < 200; i++) {
      const at = clock.holder.now() + i * 0.1
      clock.holder.setTimer(at, () => expect(clock.holder.now()).toBeGreaterThanOrEqual(at))
      clock.advance(i)
    }
    expect(clock.pending).toBe(0)
  })

  it('lets what awaits go on while it plays', async () => {
    const clock = new SimulatedClock()
    const seenAt: number[] = []
    const ticking = async () => {
      for (let i = 0; i < 3; i++) {
        await new Promise<void>((done) => clock.setTimer(clock.now() + 10, done))
        seenAt.push(clock.now())
      }
    }
    const done = ticking()
    await clock.play(30)
    await done
    expect(seenAt).toEqual([10, 20, 30])
  })

  it('stops a test in which time stands still', () => {
    const clock = new SimulatedClock()
    const again = () => void clock.setTimer(clock.now(), again)
    again()
    expect(() => clock.advance(1)).toThrow('time moves on')
  })
})

import { beforeEach, describe, expect, test } from 'vitest'
import { EventLoop } from '../../../src/testing/cluster/event-loop.ts'
import { Timeline } from '../../../src/testing/cluster/timeline.ts'
import { MachineClock } from '../../../src/testing/simulation/machine-clock.ts'

let timeline: Timeline
let seen: string[]
let uncaught: unknown[]
const see = (what: string) => () => void seen.push(`${what} at ${timeline.nowMs}`)
const newLoop = (rate = 1) =>
  new EventLoop({
    timeline,
    machine: new MachineClock(rate, 5_000, 1_900_000_000_000),
    lateMs: () => 0,
    onRan: () => undefined,
    onUncaught: (error) => uncaught.push(error),
  })

beforeEach(() => {
  timeline = new Timeline()
  seen = []
  uncaught = []
})

describe('a timeline', () => {
  test('plays what is due in order of time, and lets awaits go on at the instant they belong to', async () => {
    const loop = newLoop()
    const wait = (ms: number) => new Promise<void>((resume) => loop.after(ms, resume))
    const work = async () => {
      await wait(10)
      see('first')()
      await wait(5)
      see('second')()
    }
    void work()
    loop.after(12, see('between'))
    await timeline.play(20)
    expect(seen).toEqual(['first at 10', 'between at 12', 'second at 15'])
    expect(timeline.nowMs).toBe(20)
  })

  test('is played by one at a time', async () => {
    const first = timeline.play(10)
    await expect(timeline.play(10)).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    await first
  })

  test('does not play for ever what sets itself off', async () => {
    const again = () => timeline.after(0, again)
    again()
    await expect(timeline.play(1)).rejects.toThrow('simulated time stands still at 0 ms')
  })
})

describe('an event loop', () => {
  test('runs timers, then what has arrived, then immediates, as Node does', async () => {
    const loop = newLoop()
    loop.soon(see('immediate'))
    loop.deliver(see('packet'))
    loop.after(0, see('timer'))
    await timeline.play(0)
    expect(seen).toEqual(['timer at 0', 'packet at 0', 'immediate at 0'])
  })

  test('has clocks that run at a rate of their own', async () => {
    const loop = newLoop(1.01)
    const began = loop.grantor.now()
    loop.grantor.setTimer(began + 1_010, see('timer'))
    await timeline.play(1_000)
    expect(seen).toEqual(['timer at 1000'])
    expect(loop.grantor.now() - began).toBeCloseTo(1_010)
  })

  test('does nothing while it stands still, and everything that came due when it goes on', async () => {
    const loop = newLoop()
    loop.after(10, see('timer'))
    loop.stop()
    loop.deliver(see('packet'))
    await timeline.play(50)
    expect(seen).toEqual([])
    loop.goOn()
    await timeline.play(50)
    expect(seen).toEqual(['timer at 50', 'packet at 50'])
  })

  test('counts a sleep of its machine by the clock of a holder alone', async () => {
    const loop = newLoop()
    const [monotonic, holder] = [loop.grantor.now(), loop.holder.now()]
    loop.machine.suspend(timeline.nowMs)
    loop.stop()
    await timeline.play(60_000)
    loop.machine.resume(timeline.nowMs)
    loop.goOn()
    expect(loop.grantor.now() - monotonic).toBe(0)
    expect(loop.holder.now() - holder).toBeGreaterThanOrEqual(60_000)
  })

  test('does nothing any more once it is killed, whatever still arrives', async () => {
    const loop = newLoop()
    loop.after(1, see('timer'))
    loop.soon(see('immediate'))
    loop.kill()
    loop.deliver(see('packet'))
    await timeline.play(10)
    expect(seen).toEqual([])
    expect(loop.pending).toBe(0)
  })

  test('counts what waits, and forgets what is cleared', () => {
    const loop = newLoop()
    const timer = loop.grantor.setTimer(loop.grantor.now() + 10, () => undefined)
    const turn = loop.grantor.turn(() => undefined)
    expect(loop.pending).toBe(2)
    timer.clear()
    turn.clear()
    expect(loop.pending).toBe(0)
  })

  test('says what nobody caught, and goes on', async () => {
    const loop = newLoop()
    loop.after(1, () => {
      throw new Error('nobody caught it')
    })
    loop.after(2, see('later'))
    await timeline.play(5)
    expect(uncaught).toEqual([new Error('nobody caught it')])
    expect(seen).toEqual(['later at 2'])
  })
})

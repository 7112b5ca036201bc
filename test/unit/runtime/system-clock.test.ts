import { describe, expect, it } from 'vitest'
import { type Loop, LoopClock, systemClocks } from '../../../src/runtime/system-clock.ts'

/** A loop whose timers fire when told, after the time they asked for. */
const handDriven = () => {
  let nowMs = 0
  let next: { at: number; run: () => void; ref: boolean } | undefined
  const soon: (() => void)[] = []
  const asked: number[] = []
  const loop: Loop = {
    after: (ms, run, ref) => {
      asked.push(ms)
      const mine = { at: nowMs + ms, run, ref }
      next = mine
      return () => {
        if (next === mine) next = undefined
      }
    },
    soon: (run) => {
      soon.push(run)
      return () => void soon.splice(soon.indexOf(run), 1)
    },
  }
  return {
    loop,
    asked,
    soon,
    read: () => nowMs,
    jump: (ms: number) => {
      nowMs += ms
    },
    get waiting() {
      return next
    },
    fireNext: (earlyMs = 0) => {
      const due = next
      if (due === undefined) throw new Error('nothing waits')
      next = undefined
      nowMs = due.at - earlyMs
      due.run()
    },
  }
}

describe('the clock of the event loop', () => {
  it('waits for an instant beyond what Node can wait for in one go', () => {
    const hands = handDriven()
    const clock = new LoopClock(hands.read, undefined, hands.loop)
    const yearMs = 365 * 24 * 3_600_000
    let firedAt: number | undefined
    clock.setTimer(yearMs, () => {
      firedAt = clock.now()
    })
    while (firedAt === undefined) hands.fireNext()
    expect(firedAt).toBe(yearMs)
    expect(hands.asked).toHaveLength(15)
    expect(Math.max(...hands.asked)).toBe(2 ** 31 - 1)
  })

  it('takes back a long wait in the middle', () => {
    const hands = handDriven()
    const clock = new LoopClock(hands.read, undefined, hands.loop)
    const timer = clock.setTimer(Number.POSITIVE_INFINITY, () => expect.unreachable(), { ref: false })
    hands.fireNext()
    expect(hands.waiting?.ref).toBe(false)
    timer.clear()
    timer.clear()
    expect(hands.waiting).toBeUndefined()
  })

  it('never fires early, though Node may', () => {
    const hands = handDriven()
    const clock = new LoopClock(hands.read, undefined, hands.loop)
    let fired = 0
    clock.setTimer(10, () => fired++)
    hands.fireNext(0.6)
    expect(fired).toBe(0)
    hands.fireNext()
    expect(fired).toBe(1)
  })

  it('fires for an instant in the past at the next occasion, not within the call', () => {
    const hands = handDriven()
    const clock = new LoopClock(hands.read, undefined, hands.loop)
    let fired = 0
    clock.setTimer(-5, () => fired++)
    expect(fired).toBe(0)
    hands.fireNext()
    expect(fired).toBe(1)
  })

  it('never reads less than before', () => {
    const hands = handDriven()
    const clock = new LoopClock(hands.read, undefined, hands.loop)
    hands.jump(100)
    expect(clock.now()).toBe(100)
    hands.jump(-40)
    expect(clock.now()).toBe(100)
    hands.jump(41)
    expect(clock.now()).toBe(101)
  })

  it('a holder’s timer finds out that the machine slept within one look', () => {
    const hands = handDriven()
    let sleptMs = 0
    const clock = new LoopClock(() => hands.read() + sleptMs, 250, hands.loop)
    let fired = false
    clock.setTimer(6_000, () => {
      fired = true
    })
    hands.fireNext()
    sleptMs = 60_000
    hands.fireNext()
    expect(fired).toBe(true)
    expect(hands.asked).toEqual([250, 250])
  })

  it('refuses a timer without an instant, which Node would fire at once', () => {
    expect(() => systemClocks.grantor.setTimer(Number.NaN, () => undefined)).toThrow('invariant')
  })

  it('turns the loop: what is set in any phase runs after one whole poll, in order, unless taken back', async () => {
    const ran: string[] = []
    const { grantor, holder } = systemClocks
    await new Promise<void>((done) => {
      grantor.turn(() => ran.push('first'))
      grantor.turn(() => ran.push('never')).clear()
      setImmediate(() => ran.push('after the poll'))
      holder.turn(() => ran.push('second'))
      grantor.turn(done)
    })
    expect(ran).toEqual(['after the poll', 'first', 'second'])
  })

  it('waits on the real loop, on both clocks', async () => {
    for (const clock of [systemClocks.grantor, systemClocks.holder]) {
      const at = clock.now() + 3.5
      const firedAt = await new Promise<number>((done) => clock.setTimer(at, () => done(clock.now())))
      expect(firedAt).toBeGreaterThanOrEqual(at)
    }
  })
})

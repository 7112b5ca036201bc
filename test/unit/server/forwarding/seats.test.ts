import { describe, expect, test } from 'vitest'
import { isCaucusError } from '../../../../src/errors.ts'
import type { Seat } from '../../../../src/ports/peers.ts'
import { Places } from '../../../../src/server/forwarding/places.ts'
import { Seats } from '../../../../src/server/forwarding/seats.ts'
import { SimulatedClock } from '../../../../src/testing/simulated-clock.ts'

const start = () => {
  const clock = new SimulatedClock(0)
  let seat: Seat = { type: 'nobody' }
  let changed = () => {}
  const moved: string[] = []
  const peers = {
    seat: () => seat,
    onSeat: (listener: () => void) => {
      changed = listener
      return () => {
        changed = () => {}
      }
    },
  }
  const seats = new Seats(peers, clock, ({ type }) => moved.push(type))
  const move = (to: Seat) => {
    seat = to
    changed()
  }
  return { clock, seats, move, moved }
}
const somebody = ({ type }: Seat) => type !== 'nobody'

describe('those who wait for somebody to lead', () => {
  test('go on when somebody does, thousands of them a few at a time', async () => {
    const { clock, seats, move, moved } = start()
    let gone = 0
    for (let i = 0; i < 10_000; i++) seats.wait(60_000, somebody, () => gone++)
    move({ type: 'nobody' })
    expect([seats.waiting, gone]).toEqual([10_000, 0])
    move({ type: 'here' })
    expect([moved, gone]).toEqual([['nobody', 'here'], 100])
    await clock.play(1)
    expect([seats.waiting, gone]).toEqual([0, 10_000])
  })

  test('stay where they are when that was but for a moment', async () => {
    const { clock, seats, move } = start()
    let gone = 0
    for (let i = 0; i < 250; i++) seats.wait(1_000, somebody, () => gone++)
    move({ type: 'here' })
    move({ type: 'nobody' })
    await clock.play(1)
    expect(gone).toBe(100)
    await clock.play(1_000)
    expect([seats.waiting, gone]).toEqual([0, 250])
  })

  test('wait no longer than they want to, and leave nothing behind when they go', async () => {
    const { clock, seats, move } = start()
    const gone: string[] = []
    seats.wait(100, somebody, () => gone.push('patient'))
    const leave = seats.wait(50, somebody, () => gone.push('left'))
    leave()
    await clock.play(99)
    expect(gone).toEqual([])
    await clock.play(1)
    move({ type: 'here' })
    await clock.play(1_000)
    expect([gone, seats.waiting]).toEqual([['patient'], 0])
  })

  test('are let go when the server stops', () => {
    const { seats, move, moved } = start()
    const gone: number[] = []
    for (let i = 0; i < 300; i++) seats.wait(1_000, somebody, () => gone.push(i))
    seats.close()
    expect([gone.length, seats.waiting]).toEqual([300, 0])
    move({ type: 'here' })
    expect(moved).toEqual([])
  })
})

describe('room for those who wait', () => {
  test('is half of all connections, and of one address three quarters of that', () => {
    const counts = { forwardsHeld: 0 }
    const places = new Places(20_000, counts)
    const taken = Array.from({ length: 12_000 }, () => places.take('10.0.0.1'))
    expect(taken.filter((each) => isCaucusError(each))).toHaveLength(4_500)
    const others = Array.from({ length: 3_000 }, (_, i) => places.take(`10.0.1.${i % 10}`))
    expect(others.filter((each) => isCaucusError(each))).toHaveLength(500)
    expect(others.find((each) => isCaucusError(each))).toMatchObject({ code: 'CAUCUS_OVERLOADED' })
    expect(counts.forwardsHeld).toBe(10_000)
    for (const leave of [...taken, ...others]) {
      if (isCaucusError(leave)) continue
      leave()
      leave()
    }
    expect(counts.forwardsHeld).toBe(0)
    expect(isCaucusError(places.take('10.0.0.1'))).toBe(false)
  })
})

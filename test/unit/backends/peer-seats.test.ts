import { expect, test } from 'vitest'
import { Seats } from '../../../src/backends/peer/seats.ts'
import type { Seat } from '../../../src/ports/peers.ts'
import { clusterInstanceId } from '../../../src/stores/address-id.ts'

const there = (identifier: string): Seat => ({
  type: 'there',
  peer: { identifier, host: 'h', port: 1, metadata: {} },
})

test('whoever wants to know is told once for each turn in which somebody else serves', async () => {
  let seat: Seat = { type: 'nobody' }
  const seats = new Seats(() => seat)
  const told: string[] = []
  const stop = seats.onSeat(() => void told.push(seat.type))
  const becomes = async (next: Seat) => {
    seat = next
    seats.review()
    seats.review()
    expect(told).toEqual([])
    await Promise.resolve()
    return told.splice(0)
  }
  expect(await becomes({ type: 'nobody' })).toEqual([])
  expect(await becomes({ type: 'here' })).toEqual(['here'])
  expect(await becomes(there('a'))).toEqual(['there'])
  expect(await becomes(there('a'))).toEqual([])
  expect(await becomes(there('b'))).toEqual(['there'])
  // The end of one reign is heard even where the next follows in the same turn.
  seat = { type: 'nobody' }
  seats.review()
  seat = there('b')
  seats.review()
  await Promise.resolve()
  expect(told.splice(0)).toEqual(['there'])
  stop()
  expect(await becomes({ type: 'here' })).toEqual([])
})

test('a cluster without data directories has the same name over all starts, and another one has another', () => {
  expect(clusterInstanceId('c', '["a","b"]')).toBe(clusterInstanceId('c', '["a","b"]'))
  const others = [clusterInstanceId('d', '["a","b"]'), clusterInstanceId('c', '["a","c"]')]
  expect(new Set([clusterInstanceId('c', '["a","b"]'), ...others]).size).toBe(3)
})

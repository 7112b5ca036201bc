import { expect, test } from 'vitest'
import { addOutcome, addTally, emptyTally, missingFaults, type Tally } from '../../../../src/testing/sweep/tally.ts'

const of = (...seeds: number[]): Tally => {
  const tally = emptyTally()
  for (const seed of seeds) {
    const violations = seed % 2 === 0 ? [{ seed, step: seed, invariant: 'G4', message: 'x'.repeat(1000) }] : []
    addOutcome(tally, { events: 10 * seed, hash: '', faults: { loss: seed }, drawn: ['loss', 'crash'], violations })
  }
  return tally
}
const sum = (...tallies: Tally[]): Tally => {
  const all = emptyTally()
  for (const tally of tallies) addTally(all, tally)
  return all
}

test('tallies add up to the same in whatever order and however they were cut', () => {
  const whole = of(1, 2, 3, 4, 5, 6)
  expect(sum(of(5, 6), of(1, 2), of(3, 4))).toEqual(whole)
  expect(sum(of(4), sum(of(2, 3), of(1)), of(6), of(5))).toEqual(whole)
})

test('a message is cut, so that many of them stay small', () => {
  expect(of(2).violations[0]?.message).toHaveLength(600)
})

test('a fault that never came is missed only when many seeds switched it on', () => {
  expect(missingFaults({ faults: { loss: 1 }, drawn: { loss: 90, crash: 25, pause: 24 } })).toEqual(['crash'])
})

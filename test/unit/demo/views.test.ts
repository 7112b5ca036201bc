import { expect, test } from 'vitest'
import { movesBetween, parseView, sharesOf, totalMoves } from '../../../src/demo/views.ts'

const before = { members: ['w1', 'w2'], owners: ['w1', 'w1', 'w2', 'w2'] }

test('what a dead member had is counted as moved, and had to', () => {
  const after = { members: ['w1', 'w3'], owners: ['w1', 'w1', 'w3', 'w3'] }
  expect(movesBetween(before, after)).toEqual({ moved: 2, minimumMoves: 2 })
})

test('more moves than needed show', () => {
  const after = { members: ['w1', 'w2'], owners: ['w2', 'w1', 'w1', 'w2'] }
  expect(movesBetween(before, after)).toEqual({ moved: 2, minimumMoves: 0 })
})

test('first owners are no moves, and the steps of a run add up', () => {
  const nobody = { members: [], owners: [null, null, null, null] }
  const one = { members: ['w1'], owners: ['w1', 'w1', 'w1', 'w1'] }
  expect(totalMoves([nobody, one, before, nobody])).toEqual({ moved: 6, minimumMoves: 6 })
  expect(totalMoves([])).toEqual({ moved: 0, minimumMoves: 0 })
})

test('a view says how much each member has, also who has nothing', () => {
  expect(sharesOf({ members: ['w1', 'w2'], owners: ['w1', null] })).toEqual({ w1: 1, w2: 0 })
})

test('a line of the log is a view or nothing', () => {
  expect(parseView(JSON.stringify(before))).toEqual(before)
  for (const line of ['', 'null', '{"members":[1],"owners":[]}', '{"members":["a"],"owners":[3]}'])
    expect(parseView(line)).toBeUndefined()
})

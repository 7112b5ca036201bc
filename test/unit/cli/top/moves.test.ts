import { describe, expect, test } from 'vitest'
import { Moves, movingIn } from '../../../../src/cli/top/moves.ts'
import { group, member } from './states.ts'

const parts = (shares: Record<string, readonly number[]>) =>
  group('g', {
    share: { partitions: 4 },
    members: Object.entries(shares).map(([id, partitions]) => member(id, { partitions })),
  })

describe('what has moved', () => {
  test('is counted once it has another owner, however long it was nobody’s', () => {
    const moves = new Moves()
    const counted = (shares: Record<string, readonly number[]>) => moves.take([parts(shares)]).get('g')
    expect(counted({ a: [0, 1, 2, 3] })).toBe(0)
    expect(counted({ a: [0, 1], b: [] })).toBe(0)
    expect(counted({ a: [0, 1], b: [2, 3] })).toBe(2)
    expect(counted({ a: [0, 1], b: [2, 3] })).toBe(2)
    expect(counted({ b: [2, 3, 0, 1] })).toBe(4)
  })

  test('is a leader in an election, and an index in a group of indexes', () => {
    const moves = new Moves()
    const led = (id: string) => group('election/e', { share: 'tenure', members: [member(id, { leads: true })] })
    const first = (id: string) => group('i', { members: [member(id, { index: 1 })] })
    moves.take([led('a'), first('a')])
    expect(Object.fromEntries(moves.take([led('b'), first('b')]))).toEqual({ 'election/e': 1, i: 1 })
  })

  test('is forgotten with its group', () => {
    const moves = new Moves()
    moves.take([parts({ a: [0] })])
    moves.take([])
    expect(moves.take([parts({ b: [0] })]).get('g')).toBe(0)
  })
})

describe('what is moving', () => {
  test('is what is asked back and what is nobody’s, but not what is kept for somebody', () => {
    const members = [member('a', { partitions: [0], revoked: [1] })]
    expect(movingIn(group('g', { share: { partitions: 4 }, members }))).toBe(3)
    expect(movingIn(group('g', { share: { partitions: 4 }, members, kept: [{ id: 'b', partitions: [2, 3] }] }))).toBe(1)
    expect(movingIn(group('g', { share: 'tenure', members: [member('a', { revoked: [0] })] }))).toBe(1)
  })

  test('is nothing where nobody is', () => {
    expect(movingIn(group('g', { share: { partitions: 4 } }))).toBe(0)
  })
})

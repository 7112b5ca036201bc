import { describe, expect, test } from 'vitest'
import { viewOf } from '../../../src/demo/group.ts'
import { PARTITIONS } from '../../../src/demo/results.ts'

const all = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const picture = (state: string, shares: Record<string, number[]>) => ({
  state,
  members: Object.entries(shares).map(([id, partitions]) => ({ id, partitions })),
})

describe('the group is whole', () => {
  test('when it is settled and the expected members own everything', () => {
    const view = viewOf(picture('settled', { w2: all.slice(100), w1: all.slice(0, 100) }), ['w1', 'w2'])
    expect(view?.members).toEqual(['w1', 'w2'])
    expect(view?.owners.filter((owner) => owner === 'w1')).toHaveLength(100)
  })

  test('when nobody is expected and nobody is there', () => {
    expect(viewOf(undefined, [])?.members).toEqual([])
  })

  test.each([
    ['it is settling', picture('settling', { w1: all }), ['w1']],
    ['somebody is missing', picture('settled', { w1: all }), ['w1', 'w2']],
    ['somebody is there who should not be', picture('settled', { w1: all, w2: [] }), ['w1']],
    ['a partition has no owner', picture('settled', { w1: all.slice(1) }), ['w1']],
    ['a partition has two owners', picture('settled', { w1: all, w2: [3] }), ['w1', 'w2']],
    ['the server does not know it', undefined, ['w1']],
  ])('but not when %s', (_, seen, expected) => {
    expect(viewOf(seen, expected)).toBeUndefined()
  })
})

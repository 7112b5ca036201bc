import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Weighted } from '../../../../src/core/assignment/weights.ts'
import { Rotation } from '../../../../src/core/registry/rotation.ts'

const picked = (rotation: Rotation, nodes: readonly Weighted[], turns: number) =>
  Array.from({ length: turns }, () => rotation.next(nodes)?.id)

const nodes = (weights: readonly number[]): readonly Weighted[] =>
  weights.map((weight, place) => ({ id: `n${place}`, weight }))

describe('taking turns', () => {
  test('goes round, and begins where the offset says', () => {
    expect(picked(new Rotation(0), nodes([1, 1, 1]), 4)).toEqual(['n0', 'n1', 'n2', 'n0'])
    expect(picked(new Rotation(4), nodes([1, 1, 1]), 4)).toEqual(['n1', 'n2', 'n0', 'n1'])
  })

  test('mixes the heavy with the light', () => {
    expect(picked(new Rotation(0), nodes([5, 1, 1]), 7)).toEqual(['n0', 'n0', 'n1', 'n0', 'n2', 'n0', 'n0'])
  })

  test('gives each its part of every full round, and nothing to weight 0', () => {
    const weights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(weights, fc.nat(), (some, offset) => {
        const total = some.reduce((sum, weight) => sum + weight, 0)
        const list = nodes(some)
        const turns = picked(new Rotation(offset), list, total)
        for (const { id, weight } of list) expect(turns.filter((each) => each === id)).toHaveLength(weight)
      }),
    )
  })

  test('has nobody where nobody is, or weighs anything', () => {
    expect(new Rotation(3).next([])).toBeUndefined()
    expect(new Rotation(3).next(nodes([0, 0]))).toBeUndefined()
  })

  test('neither starves nor floods who comes, however often the list changes', () => {
    const rotation = new Rotation(0)
    const counts = new Map<string | undefined, number>()
    for (let round = 0; round < 300; round++) {
      const churning = [...nodes([1, 1, 1]), { id: `guest-${round}`, weight: 1 }]
      for (const id of picked(rotation, churning, 4)) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const { id } of nodes([1, 1, 1])) expect(counts.get(id)).toBeGreaterThan(200)
    for (const id of ['n0', 'n1', 'n2']) expect(counts.get(id)).toBeLessThan(400)
  })
})

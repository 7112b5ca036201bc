import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rendezvous, rendezvousTop } from '../../../../src/core/assignment/rendezvous.ts'

const nodes = Array.from({ length: 10 }, (_, i) => `node-${i}`)
const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`)

describe('routing by highest random weight', () => {
  it('is the same for every caller with the same nodes, in any order', () => {
    const shuffled = fc.shuffledSubarray(nodes, { minLength: 1 })
    fc.assert(
      fc.property(fc.string(), shuffled, (key, some) => {
        const chosen = rendezvous(key, some)
        expect(some).toContain(chosen)
        expect(rendezvous(key, [...some].sort())).toBe(chosen)
        expect(rendezvous(key, new Set([...some, ...some]))).toBe(chosen)
      }),
    )
  })

  it('never changes between versions: who gets a key is published with the hash', () => {
    expect(['user-1', 'user-2', 'é', ''].map((key) => rendezvous(key, nodes))).toEqual([
      'node-4',
      'node-6',
      'node-9',
      'node-0',
    ])
  })

  it('has no answer without nodes', () => {
    expect(rendezvous('key', [])).toBeUndefined()
    expect(rendezvousTop('key', [], 3)).toEqual([])
  })

  it('spreads keys evenly', () => {
    const counts = new Map<string | undefined, number>()
    for (const key of keys) counts.set(rendezvous(key, nodes), (counts.get(rendezvous(key, nodes)) ?? 0) + 1)
    // Mean 2000, standard deviation about 42.
    for (const node of nodes) expect(Math.abs((counts.get(node) ?? 0) - 2000)).toBeLessThan(6 * 42)
  })

  it('moves only the keys of a node that leaves, and spreads them over all others', () => {
    const left = nodes.slice(1)
    const heirs = new Map<string | undefined, number>()
    for (const key of keys) {
      const before = rendezvous(key, nodes)
      const after = rendezvous(key, left)
      if (before !== 'node-0') expect(after).toBe(before)
      else heirs.set(after, (heirs.get(after) ?? 0) + 1)
    }
    for (const node of left) expect(heirs.get(node)).toBeGreaterThan(120)
  })
})

describe('the first few', () => {
  it('start with the one that is routed to, and go on as if the ones before were gone', () => {
    fc.assert(
      fc.property(fc.string(), fc.shuffledSubarray(nodes, { minLength: 1 }), fc.nat(12), (key, some, count) => {
        const top = rendezvousTop(key, some, count)
        expect(top).toHaveLength(Math.min(count, some.length))
        const left = new Set(some)
        for (const node of top) {
          expect(node).toBe(rendezvous(key, left))
          left.delete(node)
        }
      }),
    )
  })

  it('name a node once, and none for a count of zero or less', () => {
    expect(rendezvousTop('key', ['a', 'a'], 2)).toEqual(['a'])
    expect(rendezvousTop('key', ['a', 'b'], -1)).toEqual([])
  })
})

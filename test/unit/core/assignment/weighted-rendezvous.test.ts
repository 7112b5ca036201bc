import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rendezvous, weightedRendezvous } from '../../../../src/core/assignment/rendezvous.ts'
import type { Weighted } from '../../../../src/core/assignment/weights.ts'

const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`)
const ids = Array.from({ length: 10 }, (_, i) => `node-${i}`)
const of = (weights: Readonly<Record<string, number>>): readonly Weighted[] =>
  Object.entries(weights).map(([id, weight]) => ({ id, weight }))

const someNodes = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1 }), weight: fc.integer({ min: 0, max: 1000 }) }),
  {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 12,
  },
)

describe('routing by weight', () => {
  it('is plain routing where all weigh the same', () => {
    const equal = fc.record({
      some: fc.shuffledSubarray(ids, { minLength: 1 }),
      weight: fc.integer({ min: 1, max: 1000 }),
    })
    fc.assert(
      fc.property(fc.string(), equal, (key, { some, weight }) => {
        const nodes = some.map((id) => ({ id, weight }))
        expect(weightedRendezvous(key, nodes)?.id).toBe(rendezvous(key, some))
      }),
    )
  })

  it('never changes between versions: who gets a key is published with the hash', () => {
    const nodes = of({ 'node-0': 1, 'node-1': 2, 'node-2': 5, 'node-3': 0 })
    expect(['user-1', 'user-2', 'user-3', 'user-4', 'é', ''].map((key) => weightedRendezvous(key, nodes)?.id)).toEqual(
      VECTORS,
    )
  })

  it('depends on the set of nodes and not on its order, and has nobody where none weighs anything', () => {
    fc.assert(
      fc.property(fc.string(), someNodes, (key, nodes) => {
        const chosen = weightedRendezvous(key, nodes)
        expect(weightedRendezvous(key, nodes.toReversed())?.id).toBe(chosen?.id)
        expect(chosen === undefined).toBe(nodes.every(({ weight }) => weight === 0))
        if (chosen !== undefined) expect(chosen.weight).toBeGreaterThan(0)
      }),
    )
  })

  it('moves as little as can be: keys of a node that goes, keys to one that comes, and by a weight only in its direction', () => {
    const change = fc.record({ nodes: someNodes, at: fc.nat(), weight: fc.integer({ min: 0, max: 1000 }) })
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 20 }), change, (some, { nodes, at, weight }) => {
        const changed = nodes[at % nodes.length] as Weighted
        const next = nodes.map((node) => (node === changed ? { id: node.id, weight } : node))
        for (const key of some) {
          const before = weightedRendezvous(key, nodes)?.id
          const after = weightedRendezvous(key, next)?.id
          if (before === after) continue
          expect(weight > changed.weight ? after : before).toBe(changed.id)
        }
      }),
    )
  })

  it('gives each its part by weight', () => {
    const weights = { 'node-0': 1, 'node-1': 2, 'node-2': 7 }
    const counts = new Map<string | undefined, number>()
    for (const key of keys) {
      const id = weightedRendezvous(key, of(weights))?.id
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    // Means of 2000, 4000 and 14000, standard deviations below 65.
    for (const [id, weight] of Object.entries(weights))
      expect(Math.abs((counts.get(id) ?? 0) - weight * 2000)).toBeLessThan(400)
  })
})

/** Reckoned by a program of its own, in another language. */
const VECTORS = ['node-1', 'node-0', 'node-2', 'node-2', 'node-1', 'node-2']

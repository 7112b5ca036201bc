import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Coordinator, type CoordinatorEffect } from '../../../../src/core/group/coordinator.ts'
import type { Foundation } from '../../../../src/core/group/foundation.ts'
import { epochOf, MAX_GENERATION_LEAD } from '../../../../src/core/lease.ts'
import { join, SETTINGS } from './table.ts'

const FIRST = 100
const coordinator = () =>
  new Coordinator({
    clusterId: 'cluster',
    instanceId: 'server',
    foundation: { generation: FIRST, defaultCeilingMs: SETTINGS.leaseMs, ceilingsMs: {} },
    startedAt: 0,
    fresh: true,
    defaults: SETTINGS,
    groups: new Map(),
    limits: { groups: 10, membersPerGroup: 100 },
  })

const input = fc.oneof(
  fc.record({
    what: fc.constant('claim' as const),
    generation: fc.integer({ min: 0, max: FIRST + 2 * MAX_GENERATION_LEAD }),
  }),
  fc.record({ what: fc.constantFrom('persisted' as const, 'persistFailed' as const), ticket: fc.nat(9) }),
  fc.record({ what: fc.constant('join' as const) }),
)

/** Claims of later generations, and a store that reports what it likes, when it likes, also twice and what it was never told. */
test('a generation is used only once the store has reported the very ticket of it, and it only rises', () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      const machine = coordinator()
      const asked = new Map<number, Foundation>()
      let durable = FIRST
      let joins = 0
      const look = (effects: readonly CoordinatorEffect[]): void => {
        for (const effect of effects) {
          if (effect.type === 'persist') {
            expect(asked.has(effect.ticket)).toBe(false)
            expect(effect.foundation.generation).toBeGreaterThanOrEqual(machine.generation)
            asked.set(effect.ticket, effect.foundation)
          }
          if (effect.type !== 'send' || effect.message.type !== 'share') continue
          expect(effect.message.generation).toBe(machine.generation)
        }
      }
      for (const [now, each] of inputs.entries()) {
        const before = machine.generation
        if (each.what === 'join') {
          joins++
          const message = join(`m${joins}`, `boot-${joins}`)
          look(machine.step({ type: 'received', from: 'link', message }, now))
        } else if (each.what === 'claim') {
          const holding = [{ item: 1, of: 1, epoch: epochOf(each.generation, 5) }]
          const message = {
            ...join('claimant', 'boot'),
            generation: before,
            incarnation: 1,
            sequence: now + 1,
            holding,
          }
          look(machine.step({ type: 'received', from: 'link', message }, now))
        } else {
          look(machine.step({ type: each.what, ticket: each.ticket }, now))
          const written = asked.get(each.ticket)
          if (each.what === 'persisted' && written !== undefined) durable = Math.max(durable, written.generation)
        }
        expect(machine.generation).toBeGreaterThanOrEqual(before)
        expect(machine.generation).toBeLessThanOrEqual(durable)
      }
    }),
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { grantMs } from '../../../../src/core/lease.ts'
import type { Instance } from '../../../../src/core/registry/instance.ts'
import { apply } from '../../../../src/core/registry/register.ts'
import { join, SETTINGS, Table } from '../group/table.ts'

const GROUP = 'service/search'
const IDS = ['a', 'b', 'c']

type Step =
  | { readonly type: 'put'; readonly id: string; readonly boot: number; readonly port: number; readonly status: string }
  | { readonly type: 'leave' | 'evict' | 'drain' | 'undrain'; readonly id: string }
  | { readonly type: 'pass'; readonly ms: number }

const id = fc.constantFrom(...IDS)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('put' as const),
      id,
      boot: fc.nat(2),
      port: fc.integer({ min: 0, max: 3 }),
      status: fc.constantFrom('up', 'draining', 'critical', 'nonsense'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('leave' as const, 'evict', 'drain', 'undrain'), id }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.nat(900) }) },
)

/** One service at a table, with processes that speak plain HTTP. */
class Service {
  readonly table = new Table({}, GROUP)
  #sequence = 0

  get picture(): readonly Instance[] {
    return this.table.coordinator.service('search', this.table.now).instances
  }

  take(taken: Step): void {
    const { table } = this
    switch (taken.type) {
      case 'put':
        table.say({
          ...join(taken.id, `${taken.id}-${taken.boot}`, ++this.#sequence),
          group: GROUP,
          share: 'none',
          // A port of 0 and a status of nonsense are refused.
          metadata: { host: 'a.example', port: taken.port, status: taken.status },
        })
        return
      case 'leave': {
        const { bootId, incarnation } = this.#processOf(taken.id)
        table.say({
          type: 'leave',
          group: GROUP,
          member: taken.id,
          bootId,
          incarnation,
          sequence: ++this.#sequence,
        })
        return
      }
      case 'evict':
        table.evict(taken.id)
        return
      case 'drain':
      case 'undrain':
        table.order({ type: taken.type, member: taken.id })
        return
      case 'pass':
        table.pass(taken.ms)
    }
  }

  #processOf(member: string): { readonly bootId: string; readonly incarnation: number } {
    const incarnation = this.picture.find((instance) => instance.id === member)?.incarnation ?? 1
    const last = this.table.sent.findLast((message) => 'incarnation' in message && message.incarnation === incarnation)
    return { bootId: last !== undefined && 'bootId' in last ? last.bootId : 'nobody', incarnation }
  }
}

test('whoever has seen a list and the events after it has the list of now, from wherever it began', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, begin) => {
      const service = new Service()
      let list: Map<string, Instance> | undefined
      let seen = 0
      for (const [at, each] of steps.entries()) {
        service.take(each)
        const { events } = service.table
        if (at === begin % steps.length) {
          list = new Map(service.picture.map((instance) => [instance.id, instance]))
          seen = events.length
        }
        for (const event of events.slice(seen)) if (list !== undefined) apply(list, event)
        seen = events.length
        if (list === undefined) continue
        expect([...list.values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(service.picture)
      }
      // Nobody is there for longer than its lease without a word.
      service.table.pass(grantMs(SETTINGS.leaseMs) + 1)
      expect(service.picture).toEqual([])
    }),
  )
})

test('nobody is listed who did not say so, and each process is told of once for each time that it comes and goes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const service = new Service()
      for (const each of steps) service.take(each)
      const there = new Map<string, number>()
      for (const event of service.table.events) {
        if (event.type === 'service.registered') {
          expect(there.has(event.member)).toBe(false)
          expect(event.instance.port).toBeGreaterThan(0)
          there.set(event.member, event.incarnation)
        } else if (event.type === 'service.updated') {
          expect(there.get(event.member)).toBe(event.incarnation)
        } else if (event.type === 'service.withdrawn') {
          expect(there.get(event.member)).toBe(event.incarnation)
          there.delete(event.member)
        } else {
          // Of a service nothing settles, and nothing is shared out.
          expect(['member.drained', 'member.undrained']).toContain(event.type)
        }
      }
      expect([...there.keys()].sort()).toEqual(service.picture.map((instance) => instance.id))
    }),
  )
})

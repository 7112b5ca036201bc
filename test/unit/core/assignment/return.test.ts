import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderMembers } from '../../../../src/core/assignment/modulo.ts'
import { rendezvous } from '../../../../src/core/assignment/rendezvous.ts'
import { assignSticky } from '../../../../src/core/assignment/sticky.ts'
import { cases } from './rules.ts'

const id = fc.string({ minLength: 1, maxLength: 4 })
const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 12 })

describe('somebody joins and leaves again', () => {
  it('and every index is as it was', () => {
    fc.assert(
      fc.property(ids, id, (members, guest) => {
        fc.pre(!members.includes(guest))
        const present = members.map((member, place) => ({ id: member, incarnation: place + 1 }))
        const before = orderMembers([], present)
        const during = orderMembers(before, [...present, { id: guest, incarnation: 99 }])
        expect(orderMembers(during, present)).toEqual(before)
      }),
    )
  })

  it('and every key is routed as it was', () => {
    fc.assert(
      fc.property(ids, id, fc.string(), (members, guest, key) => {
        fc.pre(!members.includes(guest))
        const before = rendezvous(key, members)
        expect([before, guest]).toContain(rendezvous(key, [...members, guest]))
        expect(
          rendezvous(
            key,
            [...members, guest].filter((member) => member !== guest),
          ),
        ).toBe(before)
      }),
    )
  })

  it('and of the partitions only those moved that the guest had for a while', () => {
    fc.assert(
      fc.property(cases({ partitions: 60, members: 10 }), ({ members, current }) => {
        const partitions = current.length
        const before = assignSticky(partitions, members, current)
        const during = assignSticky(partitions, [...members, 'a guest'], before)
        const after = assignSticky(partitions, members, during)
        fc.pre(new Set(members).size > 0)
        for (const [partition, owner] of during.entries()) {
          if (owner !== 'a guest') expect([owner, after[partition]]).toEqual([before[partition], before[partition]])
        }
      }),
    )
  })
})

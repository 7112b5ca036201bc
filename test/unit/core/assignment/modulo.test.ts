import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { orderMembers } from '../../../../src/core/assignment/modulo.ts'

const member = (id: string, incarnation: number) => ({ id, incarnation })

describe('the order behind an index share', () => {
  it('starts by incarnation, not by name or arrival', () => {
    expect(orderMembers([], [member('a', 3), member('b', 1), member('c', 2)])).toEqual(['b', 'c', 'a'])
  })

  it('keeps survivors in their relative order and appends newcomers', () => {
    const present = [member('new', 9), member('a', 1), member('d', 4), member('c', 3), member('newer', 10)]
    expect(orderMembers(['a', 'b', 'c', 'd'], present)).toEqual(['a', 'c', 'd', 'new', 'newer'])
  })

  it('moves no survivor when somebody joins', () => {
    expect(orderMembers(['z', 'y'], [member('a', 7), member('y', 2), member('z', 1)])).toEqual(['z', 'y', 'a'])
  })

  it('gives the place back to a member that came back with a newer incarnation', () => {
    expect(orderMembers(['a', 'b', 'c'], [member('b', 2), member('c', 3), member('a', 8)])).toEqual(['a', 'b', 'c'])
  })

  it('takes a member that is present twice once, by its newest incarnation', () => {
    expect(orderMembers([], [member('a', 1), member('b', 2), member('a', 3)])).toEqual(['b', 'a'])
  })

  it('is empty when nobody is there', () => {
    expect(orderMembers(['a'], [])).toEqual([])
  })

  it('is a bijection onto the members, keeps the survivors in order, and ignores the order of arrival', () => {
    const ids = fc.uniqueArray(
      fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e', '__proto__', 'constructor', '10', '9'),
    )
    fc.assert(
      fc.property(ids, ids, fc.array(fc.nat(5), { minLength: 9, maxLength: 9 }), (previous, now, incarnations) => {
        const present = now.map((id, i) => member(id, incarnations[i] ?? 0))
        const order = orderMembers(previous, present)
        expect([...order].sort()).toEqual([...now].sort())
        expect(order.filter((id) => previous.includes(id))).toEqual(previous.filter((id) => now.includes(id)))
        expect(orderMembers(previous, [...present].reverse())).toEqual(order)
      }),
    )
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines, type Due } from '../../../../src/core/deadlines.ts'
import { Desk, type Job } from '../../../../src/core/dispatch/desk.ts'
import { Table } from '../../../../src/core/dispatch/table.ts'
import { untilFault, withinFault } from '../../../../src/core/dispatch/until.ts'

test('a table holds what a map holds, whatever comes and goes', () => {
  const operation = fc.tuple(fc.constantFrom('set', 'delete', 'get'), fc.oneof(fc.nat(60), fc.integer()))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const table = new Table<string>()
      const map = new Map<number, string>()
      for (const [index, [name, key]] of operations.entries()) {
        if (name === 'set') {
          table.set(key, `value ${index}`)
          map.set(key, `value ${index}`)
        } else if (name === 'delete') expect(table.delete(key)).toBe(map.delete(key))
        else expect(table.get(key)).toBe(map.get(key))
        expect(table.size).toBe(map.size)
      }
      expect([...table.all()].sort()).toEqual([...map.values()].sort())
    }),
  )
})

test('a table takes numbers beyond 2³², and grows and shrinks with what it holds', () => {
  const table = new Table<number>()
  const first = 2 ** 45 - 3
  for (let i = 0; i < 10_000; i++) table.set(first + i, i)
  for (let i = 0; i < 10_000; i++) expect(table.get(first + i)).toBe(i)
  for (let i = 0; i < 10_000; i++) expect(table.delete(first + i)).toBe(true)
  expect([table.size, table.all(), table.get(first)]).toEqual([0, [], undefined])
})

test('of all deadlines the earliest comes first, also after some were moved or taken out', () => {
  const operation = fc.tuple(fc.constantFrom('add', 'remove', 'move'), fc.nat(100), fc.nat(30))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const deadlines = new Deadlines<Due>()
      const there: Due[] = []
      for (const [name, at, which] of operations) {
        const item = there[which % Math.max(1, there.length)]
        if (name === 'add' || item === undefined) {
          const added = { lookAt: at, place: -1 }
          there.push(added)
          deadlines.add(added)
        } else if (name === 'move') {
          item.lookAt = at
          deadlines.moved(item)
        } else {
          there.splice(there.indexOf(item), 1)
          deadlines.remove(item)
          deadlines.remove(item)
        }
        expect(deadlines.size).toBe(there.length)
        expect(deadlines.first?.lookAt ?? Number.POSITIVE_INFINITY).toBe(Math.min(...there.map(({ lookAt }) => lookAt)))
      }
    }),
  )
})

const job = (name = ''): Job & { name: string } => ({ name, stage: 'new', before: undefined, after: undefined })

test('a desk serves in order, never more at a time than it may, and none twice', () => {
  const operation = fc.tuple(fc.constantFrom('admit', 'done', 'cancel'), fc.nat(20))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.nat(4), fc.array(operation), (concurrency, limit, operations) => {
      const desk = new Desk<Job & { name: string }>(concurrency, limit)
      const running: (Job & { name: string })[] = []
      const waiting: (Job & { name: string })[] = []
      for (const [index, [name, which]] of operations.entries()) {
        if (name === 'admit') {
          const added = job(String(index))
          const verdict = desk.admit(added)
          if (running.length < concurrency) expect(verdict).toBe('start')
          else expect(verdict).toBe(waiting.length < limit ? 'wait' : 'refuse')
          if (verdict === 'start') running.push(added)
          if (verdict === 'wait') waiting.push(added)
        } else if (name === 'done' && running.length > 0) {
          const [ended] = running.splice(which % running.length, 1)
          const next = desk.done(ended as Job & { name: string })
          expect(next).toBe(waiting.shift())
          if (next !== undefined) running.push(next)
        } else if (name === 'cancel') {
          const all = [...running, ...waiting]
          const cancelled = all[which % Math.max(1, all.length)]
          if (cancelled === undefined) continue
          expect(desk.cancel(cancelled)).toBe(running.includes(cancelled))
          if (waiting.includes(cancelled)) waiting.splice(waiting.indexOf(cancelled), 1)
        }
        expect([desk.running, desk.waiting]).toEqual([running.length, waiting.length])
        expect(new Set(desk.atWork())).toEqual(new Set(running))
        expect(desk.isIdle).toBe(running.length + waiting.length === 0)
      }
      desk.clear()
      expect([desk.running, desk.waiting]).toEqual([running.length, 0])
    }),
  )
})

test('policies and limits are refused with what would do', () => {
  for (const until of ['all', 'first', 1, 1_000_000, { quiet: 5 }]) expect(untilFault(until)).toBeUndefined()
  for (const until of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 'some', null, {}, { quiet: 0 }, [1]]) {
    expect(untilFault(until)).toMatch(/until/)
  }
  expect(untilFault({ quiet: 5, all: true })).toContain("'all', 'first'")
  for (const ms of [0.5, 1, 2 ** 31 - 1]) expect(withinFault(ms, 'withinMs')).toBeUndefined()
  for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5', undefined]) {
    expect(withinFault(ms, 'withinMs')).toContain('give milliseconds above 0')
  }
})

import { expect, test } from 'vitest'
import { cssOf, mix, Palette, rgbOfOklch } from '../../../web/src/model/colours.ts'
import { changedCells, holdingsOf } from '../../../web/src/model/diff.ts'
import { boxOf, cellAt, cellByKey, layoutOf, windowOf } from '../../../web/src/model/layout.ts'
import { columnsOf, markOf, nextView } from '../../../web/src/model/marks.ts'
import type { Cell } from '../../../web/src/model/picture.ts'
import { MEASURES, parseMetrics, Series, sumOf } from '../../../web/src/model/prometheus.ts'
import { hashOfRoute, routeOf } from '../../../web/src/model/route.ts'
import { SseReader } from '../../../web/src/model/sse.ts'
import { describeCell, describeHolding, shortJson } from '../../../web/src/model/words.ts'

const held = (owner: string): Cell => ({ owner, phase: 'held' })

test('cells are as large as the room allows, and each is found where it was drawn', () => {
  for (const [count, width] of [
    [1, 320],
    [64, 1_200],
    [4_096, 1_200],
    [4_096, 320],
  ] as const) {
    const layout = layoutOf(count, width, 320)
    expect(layout.columns * layout.pitch).toBeLessThanOrEqual(width)
    expect(layout.columns * layout.rows).toBeGreaterThanOrEqual(count)
    for (const at of [0, Math.floor(count / 2), count - 1]) {
      const { x, y, size } = boxOf(layout, at)
      expect(cellAt(layout, count, x + size / 2, y + size / 2)).toBe(at)
    }
    expect(cellAt(layout, count, -1, 0)).toBeUndefined()
    expect(cellAt(layout, count, width + 99, 0)).toBeUndefined()
  }
  expect(layoutOf(0, 500, 320).rows).toBe(0)
})

test('arrows move from cell to cell and stop at the ends', () => {
  expect(cellByKey('ArrowRight', 3, 10, 4)).toBe(4)
  expect(cellByKey('ArrowDown', 3, 10, 4)).toBe(7)
  expect(cellByKey('ArrowDown', 8, 10, 4)).toBe(8)
  expect(cellByKey('ArrowLeft', 0, 10, 4)).toBe(0)
  expect(cellByKey('End', 0, 10, 4)).toBe(9)
  expect(cellByKey('x', 0, 10, 4)).toBeUndefined()
})

test('of a list of five thousand only what is seen is made', () => {
  expect(windowOf({ count: 5_000, rowHeight: 36 }, { top: 36_000, height: 400 })).toEqual({ from: 994, to: 1_018 })
  expect(windowOf({ count: 3, rowHeight: 36 }, { top: 0, height: 400 })).toEqual({ from: 0, to: 3 })
  // Scrolled far down in what has become short.
  expect(windowOf({ count: 3, rowHeight: 36 }, { top: 9_000, height: 400 })).toEqual({ from: 3, to: 3 })
})

test('only what looks different is drawn again', () => {
  const before = [held('a'), held('b'), held('c')]
  expect(changedCells(before, [held('a'), { owner: 'b', phase: 'revoked' }, held('d')])).toEqual([1, 2])
  expect(changedCells(before, [held('a')])).toEqual([1, 2])
  expect(changedCells(before, before)).toEqual([])
})

test('each member has what it holds and what it is to let go of', () => {
  const having = holdingsOf([held('a'), held('b'), { owner: 'a', phase: 'revoked' }, { owner: 'k', phase: 'kept' }])
  expect(having('a')).toEqual({ held: [0], revoked: [2] })
  expect(having('k')).toEqual({ held: [], revoked: [] })
  expect(describeHolding('partitions', having('a'))).toBe('1: 0; letting go of 2')
  expect(describeHolding('slots', having('b'))).toBe('2')
  expect(describeHolding('tenure', having('a'))).toBe('leads; letting go of 2')
  expect(describeHolding('partitions', having('k'))).toBe('–')
})

test('a cell is told in words too', () => {
  expect(describeCell('partitions', 3, held('a'), 'b')).toBe('Partition 3: a, pinned to b')
  expect(describeCell('slots', 0, { owner: undefined, phase: 'free' }, undefined)).toBe('Index 1: nobody')
})

test('a few owners have colours far apart, and keep them', () => {
  const palette = new Palette()
  const owners = Array.from({ length: 12 }, (_, i) => `node-${i}`)
  for (const isDark of [false, true]) {
    const colours = owners.map((id) => palette.rgbOf(id, isDark))
    for (const [i, one] of colours.entries()) {
      for (const other of colours.slice(i + 1)) {
        expect(Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2])).toBeGreaterThan(30)
      }
    }
    expect(owners.map((id) => palette.rgbOf(id, isDark))).toEqual(colours)
  }
  // Of thousands two have to be alike; each has one all the same.
  for (const part of palette.rgbOf('one-more', false)) expect(part).toBeLessThanOrEqual(255)
  expect(cssOf(rgbOfOklch(0, 0, 1))).toBe('rgb(255 255 255)')
  expect(cssOf(rgbOfOklch(29.23, 0.2577, 0.628))).toBe('rgb(255 0 0)')
  expect(mix([0, 0, 0], [100, 200, 50], 0.5)).toEqual([50, 100, 25])
})

const marksOf = (...types: string[]) => types.map((type) => markOf({ type }))

test('the slider shows what happened where, and of many in one place what tells most', () => {
  const marks = marksOf('member.joined', 'partition.granted', 'partition.revoked', 'group.settled')
  expect(columnsOf(marks, 4)).toEqual(['member', 'grant', 'revoke', 'view'])
  expect(columnsOf(marks, 1)).toEqual(['view'])
  // One event is no wider than a few columns, and stands before the position that shows what it did.
  expect(columnsOf(['view'], 8).map((mark) => mark ?? '-')).toEqual(['-', '-', '-', ...Array(5).fill('view')])
  expect(columnsOf([], 3)).toEqual([undefined, undefined, undefined])
  expect(marksOf('service.updated', 'group.frozen')).toEqual(['member', 'order'])
})

test('a lease that ran out is no leave, whether of a member or of an instance', () => {
  expect(marksOf('member.expired', 'member.left')).toEqual(['lease', 'member'])
  const withdrawn = (because: string) => markOf({ type: 'service.withdrawn', because })
  expect([withdrawn('expired'), withdrawn('left')]).toEqual(['lease', 'member'])
  expect(columnsOf(['lease', 'member'], 1)).toEqual(['lease'])
})

test('one may go from view to view', () => {
  const marks = marksOf('member.joined', 'group.settled', 'partition.granted', 'group.settled', 'member.left')
  expect(nextView(marks, 5, 'back')).toBe(4)
  expect(nextView(marks, 4, 'back')).toBe(2)
  expect(nextView(marks, 2, 'back')).toBeUndefined()
  expect(nextView(marks, 0, 'on')).toBe(2)
  expect(nextView(marks, 4, 'on')).toBeUndefined()
})

test('events are read out of pieces of any size, comments and all', () => {
  const text = ':\n\nid: 7-1\nevent: member.joined\ndata: {"a":1}\n\nevent: gap\r\ndata: {"b":\r\ndata: 2}\r\n\r\n'
  for (const size of [1, 7, text.length]) {
    const reader = new SseReader()
    const messages = []
    for (let at = 0; at < text.length; at += size) messages.push(...reader.read(text.slice(at, at + size)))
    expect(messages).toEqual([
      { event: 'member.joined', data: '{"a":1}' },
      { event: 'gap', data: '{"b":\n2}' },
    ])
  }
})

test('an event without an end does not fill the memory', () => {
  const reader = new SseReader()
  expect(() => {
    for (let i = 0; i < 100; i++) reader.read(`data: ${'x'.repeat(50_000)}\n`)
  }).toThrow('without an end')
})

test('numbers of /metrics are read with hostile labels, and counters become rates', () => {
  const text =
    '# HELP x\ncaucus_members{group="a\\"b,c=\\"\\n"} 3\ncaucus_members{group="d"} 2\ncaucus_asks_total 10\nnonsense\n'
  const samples = parseMetrics(text)
  expect(samples[0]).toEqual({ name: 'caucus_members', labels: { group: 'a"b,c="\n' }, value: 3 })
  expect(sumOf(samples, 'caucus_members')).toBe(5)

  const series = new Series(3)
  const asks = MEASURES.findIndex(({ name }) => name === 'caucus_asks_total')
  const rate = () => series.values[asks]?.at(-1)
  series.add(1_000, samples)
  expect(rate()).toBeNull()
  series.add(3_000, parseMetrics('caucus_asks_total 30'))
  expect(rate()).toBe(10)
  series.add(5_000, parseMetrics('caucus_asks_total 1'))
  expect(rate()).toBeNull()
  series.add(7_000, parseMetrics('caucus_asks_total 5'))
  series.gap()
  series.add(9_000, parseMetrics('caucus_asks_total 9'))
  expect(rate()).toBeNull()
  expect(series.times).toEqual([5, 7, 9])
})

test('every name can stand in an address, and what is none is the overview', () => {
  for (const name of ['jobs', 'election/a b', '<img src=x>', '100%', 'é/#?']) {
    expect(routeOf(hashOfRoute({ page: 'groups', name }))).toEqual({ page: 'groups', name })
  }
  expect(routeOf('#/nothing')).toEqual({ page: 'overview' })
  expect(routeOf('#/groups/%E0%A4%A')).toEqual({ page: 'groups' })
  expect(routeOf('')).toEqual({ page: 'overview' })
})

test('what somebody says of itself is short text', () => {
  expect(shortJson({})).toBe('')
  expect(shortJson({ a: '<b>' })).toBe('{"a":"<b>"}')
  expect(shortJson('x'.repeat(500))).toHaveLength(121)
})

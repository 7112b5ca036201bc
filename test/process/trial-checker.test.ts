import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type IntervalRecord, readIntervals } from '../../src/testing/intervals.ts'
import { Checker, describeFall, describeOverlap, findFalls, findGaps } from '../../src/testing/trial/checker.ts'
import { type Belief, ClaimLog } from '../../src/testing/trial/claim-log.ts'
import { FenceClient, FencedResource } from '../../src/testing/trial/fence.ts'
import { LogTail } from '../../src/testing/trial/log-tail.ts'
import { percentiles } from '../../src/testing/trial/percentiles.ts'
import { clockNs, PROBES, thingsOf } from '../../src/testing/trial/things.ts'

const claim = (who: string, epoch: number, startNs: number, endNs: number, what = 'parts/1'): IntervalRecord => ({
  who,
  what,
  epoch,
  startNs,
  endNs,
})
const judge = (...records: IntervalRecord[]) => {
  const checker = new Checker()
  checker.add(records)
  const { overlaps, falls } = checker.check()
  return [...overlaps.map(describeOverlap), ...falls.map(describeFall)]
}

describe('the checker of a trial', () => {
  test('finds nothing in a log where everybody waits for the one before', () => {
    expect(judge(claim('a', 1, 0, 10), claim('b', 2, 11, 20), claim('a', 3, 21, 30))).toEqual([])
  })

  test('finds two that believe at once, also for an instant', () => {
    expect(judge(claim('a', 1, 0, 10), claim('b', 2, 10, 20))).toEqual([
      'parts/1: a (epoch 1) and b (epoch 2) at once for 0.0 ms',
    ])
  })

  test('finds what only a later line of the same claim shows', () => {
    const checker = new Checker()
    checker.add([claim('a', 1, 0, 10), claim('b', 2, 20, 30)])
    expect(checker.check().overlaps).toEqual([])
    checker.add([claim('a', 1, 0, 25)])
    checker.add([claim('a', 1, 0, 12)])
    expect(checker.check().overlaps).toHaveLength(1)
    expect(checker.check().overlaps).toHaveLength(1)
    expect(checker.claims).toBe(2)
  })

  test.each([
    ['a lower epoch', claim('b', 4, 11, 20)],
    ['the same epoch with another owner', claim('b', 5, 11, 20)],
    ['a lower epoch with the same owner', claim('a', 4, 11, 20)],
  ])('finds %s after a higher one', (_, later) => {
    const earlier = claim('a', 5, 0, 10)
    expect(judge(later, earlier)).toHaveLength(1)
    expect(findFalls([earlier, later])).toEqual([{ what: 'parts/1', earlier, later }])
  })

  test('lets the next program of a wrapper go on under its epoch, and nobody else', () => {
    expect(judge(claim('j1/10', 5, 0, 10), claim('j1/11', 5, 11, 20))).toEqual([])
    expect(judge(claim('j1/10', 5, 0, 10), claim('j2/11', 5, 11, 20))).toHaveLength(1)
    expect(judge(claim('j1/10', 5, 0, 10), claim('j1/11', 5, 9, 20))).toHaveLength(1)
  })

  test('keeps things apart', () => {
    expect(judge(claim('a', 1, 0, 10, 'parts/1'), claim('b', 1, 0, 10, 'parts/2'))).toEqual([])
  })

  test('finds by an owner of long ago what has been let go', () => {
    const checker = new Checker()
    checker.add([claim('a', 9, 0, 10), claim('b', 7, 20, 30)])
    checker.forget(100)
    expect(checker.claims).toBe(2)
    expect(checker.check().falls).toHaveLength(1)
    checker.add([claim('c', 3, 200, 210)])
    expect(checker.check().falls).toHaveLength(2)
  })

  test('knows when everything had an owner', () => {
    const checker = new Checker()
    const things = ['parts/1', 'parts/2']
    checker.add([claim('a', 1, 0, 10, 'parts/1')])
    expect(checker.wholeAtNs(things)).toBeUndefined()
    checker.add([claim('b', 2, 11, 20, 'parts/2')])
    expect(checker.wholeAtNs(things)).toBeUndefined()
    checker.add([claim('a', 1, 0, 15, 'parts/1')])
    expect(checker.wholeAtNs(things)).toBe(15)
  })

  test('says for how long nobody was there', () => {
    const records = [claim('a', 1, 0, 10), claim('b', 2, 30, 40)]
    const [first, last] = records
    expect(findGaps(records, ['parts/1'], { fromNs: 5, toNs: 50 })).toEqual([
      { what: 'parts/1', startNs: 10, endNs: 30, earlier: first, later: last },
      { what: 'parts/1', startNs: 40, endNs: 50, earlier: last, later: undefined },
    ])
    expect(findGaps(records, ['parts/2'], { fromNs: 5, toNs: 50 })).toMatchObject([{ startNs: 5, endNs: 50 }])
    expect(findGaps(records, ['parts/1'], { fromNs: 32, toNs: 38 })).toEqual([])
  })
})

describe('what is written down', () => {
  const folder = mkdtempSync(join(tmpdir(), 'caucus-claims-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('lasts from after its first true check until before its last, and begins anew after a false one', () => {
    const file = join(folder, 'a.ndjson')
    const log = new ClaimLog('a', file, { writeEveryMs: 0 })
    const checkedNs: number[] = []
    const look = (...beliefs: Belief[]) =>
      log.look(() => {
        checkedNs.push(clockNs())
        return beliefs
      })
    const belief = { what: 'parts/1', epoch: 5 }
    look(belief)
    look(belief)
    look()
    look(belief)
    const [first = 0, last = 0, , again = 0] = checkedNs
    const lines = new Map(readIntervals(file).map((record) => [record.startNs, record]))
    const [earlier, later, ...more] = [...lines.values()] as [IntervalRecord, IntervalRecord]
    expect(more).toEqual([])
    expect(earlier).toMatchObject({ who: 'a', ...belief })
    expect([first, earlier.startNs, earlier.endNs, last].toSorted((a, b) => a - b)).toEqual([
      first,
      earlier.startNs,
      earlier.endNs,
      last,
    ])
    expect(earlier.endNs).toBeGreaterThan(earlier.startNs)
    expect(later.startNs).toBeGreaterThanOrEqual(again)
  })

  test('is read once, and a line only when it is there to its end', () => {
    const tail = new LogTail(folder)
    const known = tail.records().length
    expect(known).toBeGreaterThan(0)
    const line = `${JSON.stringify(claim('b', 1, 0, 10))}\n`
    const file = join(folder, 'b.ndjson')
    appendFileSync(file, line.slice(0, 20))
    expect(tail.records()).toEqual([])
    appendFileSync(file, line.slice(20))
    expect(tail.records()).toEqual([claim('b', 1, 0, 10)])
    expect(tail.records()).toEqual([])
  })
})

test('the keys of an index group meet wherever two places of up to six members do', () => {
  expect(new Set(PROBES).size).toBe(60)
  expect(thingsOf('slots')).toHaveLength(60)
})

test('a fenced resource refuses the epochs of yesterday, and notices one that two members have', async () => {
  const resource = await FencedResource.open()
  const [a, b] = [new FenceClient('a', resource.port), new FenceClient('b', resource.port)]
  expect(await a.write('parts/1', 5)).toBe(true)
  expect(await b.write('parts/1', 6)).toBe(true)
  expect(await a.write('parts/1', 5)).toBe(false)
  expect(await a.write('parts/2', 5)).toBe(true)
  expect(resource.shared).toEqual([])
  expect(await a.write('parts/1', 6)).toBe(true)
  expect(resource.shared).toEqual(['b and a both wrote parts/1 under epoch 6'])
  expect([resource.accepted, resource.refused]).toEqual([4, 1])
  await resource.close()
  expect(await a.write('parts/1', 7)).toBeUndefined()
})

test('percentiles are values that occurred', () => {
  expect(percentiles([])).toEqual({ p50: 0, p99: 0, max: 0 })
  expect(percentiles([30, 10, 20])).toEqual({ p50: 20, p99: 30, max: 30 })
})

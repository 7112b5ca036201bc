import { describe, expect, test } from 'vitest'
import { describeProgress, type ProgressIo, ProgressLine, roughTime, short } from '../../../src/cli/sim/progress.ts'
import { describeFaults, describeSweep } from '../../../src/cli/sim/report.ts'
import type { Sweep } from '../../../src/testing/sweep.ts'

const progress = (seedsDone: number) => ({
  seeds: 1000,
  seedsDone,
  events: seedsDone * 7000,
  violations: 1,
  now: { seeds: seedsDone / 2, events: seedsDone * 3500, elapsedMs: 10_000 },
})

const stage = (columns?: number) => {
  let text = ''
  let tick = () => {}
  let everyMs = 0
  const io: ProgressIo = {
    write: (more) => {
      text += more
    },
    columns: columns === undefined ? undefined : () => columns,
    every: (intervalMs, call) => {
      everyMs = intervalMs
      tick = call
      return () => {
        tick = () => {}
      }
    },
  }
  const said = () => {
    const now = text
    text = ''
    return now
  }
  return { line: new ProgressLine(io), tick: () => tick(), said, everyMs: () => everyMs }
}

describe('progress', () => {
  test('says how far it is, how fast, and how long it takes, by the pace of this start', () => {
    expect(describeProgress(progress(400))).toBe('400 of 1000 seeds, 30s left, 1 violation, 2.8M events, 140k a second')
  })

  test('writes over one line of a terminal, never a full one, and leaves it empty', () => {
    const { line, tick, said } = stage(40)
    tick()
    expect(said()).toBe('')
    line.update(progress(400))
    tick()
    expect(said()).toBe('\r\x1b[K[####......] 400 of 1000 seeds, 30s lef')
    line.end()
    expect(said()).toBe('\r\x1b[K')
    tick()
    expect(said()).toBe('')
  })

  test('writes a line of its own every half minute where there is no terminal', () => {
    const { line, tick, said, everyMs } = stage()
    line.update(progress(400))
    tick()
    expect(said()).toBe('400 of 1000 seeds, 30s left, 1 violation, 2.8M events, 140k a second\n')
    expect(everyMs()).toBe(30_000)
    line.end()
    expect(said()).toBe('')
  })

  test.each([
    [9_999, '9999'],
    [10_000, '10k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [169_123_456, '169.1M'],
    [1_234_000_000, '1.23G'],
  ])('shortens %i to %s', (count, text) => expect(short(count)).toBe(text))

  test.each([
    [59_000, '59s'],
    [252_000, '4m12s'],
    [3_600_000, '1h00m'],
  ])('tells %i ms as %s', (ms, text) => expect(roughTime(ms)).toBe(text))
})

describe('the report of a sweep', () => {
  const violation = (seed: number) => ({ seed, step: 3, invariant: 'G4', message: 'two of them' })
  const result: Sweep = {
    seeds: 1000,
    events: 7_000_000,
    eventsPerSecond: 350_000,
    eventsPerSecondPerJob: 180_000,
    jobs: 2,
    elapsedMs: 20_000,
    faults: { loss: 12, crash: 3 },
    missingFaults: [],
    violations: [],
    unrepeatable: [],
    lost: [],
    interrupted: false,
    explanations: [],
  }
  const again = (seed: number) => `again ${seed}`

  test('ends with one line that says it all', () => {
    expect(describeSweep(result, 1000)).toEqual([
      '2 kinds of faults happened, 15 times in all',
      '1000 seeds, 7000000 events in 20s, 350000 a second by 2 jobs, 180k by each: no invariant broken',
    ])
    expect(describeFaults(result, again)).toEqual([])
  })

  test('says that it was interrupted', () => {
    expect(describeSweep({ ...result, interrupted: true }, 5000)).toContain('interrupted after 1000 of 5000 seeds')
  })

  test('explains the first violations, lists some of the others, and counts the rest', () => {
    const violations = Array.from({ length: 30 }, (_, n) => violation(n + 1))
    const explanations = [1, 2].map((seed) => ({ seed, text: `about ${seed}` }))
    const lines = describeFaults({ ...result, violations, explanations }, again)
    expect(lines.slice(0, 7)).toEqual([
      'about 1',
      'Again: again 1',
      '',
      'about 2',
      'Again: again 2',
      '',
      'seed=1 step=3 invariant=G4: two of them',
    ])
    expect(lines).toHaveLength(6 + 20 + 1)
    expect(lines.at(-1)).toBe('  … and 10 more violations; --json lists them all')
  })

  test('names seeds that were lost or differ, and faults that never came', () => {
    const lost = [{ from: 26, seeds: 25, seed: 30, reason: 'out of memory' }]
    expect(describeFaults({ ...result, lost, unrepeatable: [100], missingFaults: ['loss', 'flood'] }, again)).toEqual([
      'seed=100 gave another trace the second time',
      'seeds 26 to 50 were not run: their thread died at seed=30: out of memory',
      'never happened, although many seeds switched it on: loss, flood',
    ])
  })

  test('names what of the code was not reached', () => {
    const coverage = {
      seeds: 125,
      functions: { reached: 9, total: 10 },
      blocks: { reached: 29, total: 30 },
      unreached: [{ file: 'core/lease.ts', line: 7, code: 'return undefined' }],
      notLoaded: ['core/hash.ts'],
    }
    expect(describeSweep({ ...result, coverage }, 1000).slice(1, -1)).toEqual([
      'code reached in 125 of the seeds: 29 of 30 blocks, 9 of 10 functions; not reached:',
      '  core/lease.ts:7  return undefined',
      'not even loaded: core/hash.ts',
    ])
    const few = { ...result, coverage: { ...coverage, seeds: 99 } }
    expect(describeSweep(few, 1000).slice(1, -1)).toEqual([
      'code reached in 99 of the seeds: 29 of 30 blocks, 9 of 10 functions; so few do not tell what is never reached',
    ])
  })
})

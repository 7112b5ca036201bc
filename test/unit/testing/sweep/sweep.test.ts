import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../../../../src/testing/sweep/level.ts'
import { type Asked, type RunQuestion, ThreadDied } from '../../../../src/testing/sweep/sweep-thread.ts'
import { addOutcome, emptyTally, type Tally } from '../../../../src/testing/sweep/tally.ts'
import { type Sweep, type SweepOptions, sweep } from '../../../../src/testing/sweep.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-sweep-'))
const built = pathToFileURL(`${folder}/`)
for (const part of ['core', 'testing/simulation']) mkdirSync(join(folder, part), { recursive: true })
for (const part of ['errors.js', 'core/a.js', 'testing/simulation/a.js']) writeFileSync(join(folder, part), '')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Every fiftieth seed breaks something; loss happens in every third, and a flood is switched on but never comes. */
const outcomeOf = (seed: number): Outcome => ({
  events: seed,
  hash: String(seed),
  faults: seed % 3 === 0 ? { loss: 2 } : {},
  drawn: seed % 3 === 0 ? ['loss', 'flood'] : [],
  violations: seed % 50 === 0 ? [{ seed, step: 9, invariant: 'G4', message: 'two of them' }] : [],
})

interface Habits {
  /** Seeds at which a thread dies. */
  readonly deadly?: readonly number[]
  readonly onSeed?: (seed: number) => void
}

/** Threads that really take turns, some faster than others. */
const threads = ({ deadly = [], onSeed }: Habits = {}) => {
  let made = 0
  let ended = 0
  const open = (): Asked => {
    const slowness = made++ % 3
    let gone: ((error: Error) => void) | undefined
    const died = new Promise<never>((_, reject) => {
      gone = reject
    })
    died.catch(() => {})
    const run = async ({ from, seeds }: RunQuestion): Promise<Tally> => {
      const tally = emptyTally()
      for (let seed = from; seed < from + seeds; seed++) {
        for (let turn = 0; turn <= slowness; turn++) await Promise.race([Promise.resolve(), died])
        onSeed?.(seed)
        if (deadly.includes(seed)) throw new ThreadDied(seed, 'out of memory')
        addOutcome(tally, outcomeOf(seed))
      }
      return tally
    }
    return {
      run: (question) => Promise.race([run(question), died]),
      explain: async ({ seed }) => `what led to ${seed}`,
      end: async () => {
        ended++
        gone?.(new ThreadDied(0, 'ended'))
      },
    }
  }
  return { open, left: () => made - ended }
}

const base: SweepOptions = { from: 1, seeds: 1000, level: 'core', twiceEvery: 0, coverage: 'none', jobs: 1, built }
const counted = ({ elapsedMs, eventsPerSecond, eventsPerSecondPerJob, jobs, ...rest }: Sweep) => rest

describe('a sweep', () => {
  test('gives the same, to the order of its findings, with any number of jobs', async () => {
    const alone = counted(await sweep({ ...base, open: threads().open }))
    expect(alone.seeds).toBe(1000)
    expect(alone.events).toBe(500_500)
    expect(alone.violations.map(({ seed }) => seed)).toEqual(Array.from({ length: 20 }, (_, n) => 50 * (n + 1)))
    for (const jobs of [2, 3, 16, 2000]) {
      expect(counted(await sweep({ ...base, jobs, open: threads().open }))).toEqual(alone)
    }
  })

  test('explains the first three violations only', async () => {
    const { explanations } = await sweep({ ...base, jobs: 4, open: threads().open })
    expect(explanations).toEqual([50, 100, 150].map((seed) => ({ seed, text: `what led to ${seed}` })))
  })

  test('names a fault that was switched on and never happened', async () => {
    const { faults, missingFaults } = await sweep({ ...base, open: threads().open })
    expect({ faults, missingFaults }).toEqual({ faults: { loss: 666 }, missingFaults: ['flood'] })
  })

  test('tells the seeds of a thread that died, and goes on with another', async () => {
    const { open, left } = threads({ deadly: [20] })
    const result = await sweep({ ...base, jobs: 2, open })
    expect(result.lost).toEqual([{ from: 19, seeds: 3, seed: 20, reason: 'out of memory' }])
    expect(result.seeds).toBe(997)
    // The dead one needs no end.
    expect(left()).toBe(1)
  })

  test('gives up when one thread after the other dies', async () => {
    const deadly = Array.from({ length: 1000 }, (_, n) => n + 1)
    const result = await sweep({ ...base, open: threads({ deadly }).open })
    expect(result.lost).toHaveLength(5)
    expect(result.seeds).toBe(0)
  })

  test('ends at once when it is interrupted, with what was done and no thread left', async () => {
    const interrupting = new AbortController()
    const { open, left } = threads({ onSeed: (seed) => seed === 300 && interrupting.abort() })
    const result = await sweep({ ...base, jobs: 3, open, signal: interrupting.signal })
    expect(result.interrupted).toBe(true)
    expect(result.lost).toEqual([])
    expect(result.explanations).toEqual([])
    expect(result.seeds).toBeGreaterThan(200)
    expect(result.seeds).toBeLessThanOrEqual(300)
    expect(left()).toBeLessThanOrEqual(0)
  })

  test('tells how far it is, of all and of this start', async () => {
    const told: number[] = []
    await sweep({ ...base, jobs: 2, open: threads().open, onProgress: ({ seedsDone }) => told.push(seedsDone) })
    expect(told).toEqual(told.toSorted((a, b) => a - b))
    expect(told.at(-1)).toBe(1000)
  })
})

describe('a sweep with a state', () => {
  const state = join(folder, 'state.json')

  test('goes on where it was interrupted, and ends as if it never had been', async () => {
    const whole = counted(await sweep({ ...base, open: threads().open }))
    const interrupting = new AbortController()
    const { open } = threads({ onSeed: (seed) => seed === 400 && interrupting.abort() })
    const first = await sweep({ ...base, jobs: 3, state, open, signal: interrupting.signal })
    const ran: number[] = []
    const second = await sweep({ ...base, jobs: 2, state, open: threads({ onSeed: (seed) => ran.push(seed) }).open })
    expect(counted(second)).toEqual(whole)
    expect(ran).toHaveLength(1000 - first.seeds)
    const nothingLeft = (): Asked => ({ ...threads().open(), run: () => expect.fail('everything is done') })
    expect(counted(await sweep({ ...base, state, open: nothingLeft }))).toEqual(whole)
  })

  test('tries the seeds of a thread that died again', async () => {
    rmSync(state)
    const lost = await sweep({ ...base, state, open: threads({ deadly: [500] }).open })
    expect(lost.lost).toHaveLength(1)
    const again = await sweep({ ...base, state, open: threads().open })
    expect([again.lost, again.seeds]).toEqual([[], 1000])
  })
})

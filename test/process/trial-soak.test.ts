import { describe, expect, test } from 'vitest'
import { trialFault } from '../../src/testing/trial/faults.ts'
import { soak } from '../../src/testing/trial/soak.ts'
import { describeSoak } from '../../src/testing/trial/summary.ts'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

describe('a soak', () => {
  test('draws faults until the time is over, and says what it found', async () => {
    const report = await soak({
      minutes: 0.01,
      seed: 1,
      workers: 1,
      signal: new AbortController().signal,
      faults: [trialFault('cut-rst')],
    })
    expect(report).toMatchObject({ ok: true, interrupted: false, seed: 1, overlaps: 0, violations: [] })
    expect(report.rounds).toBeGreaterThan(0)
    expect(report.claims).toBeGreaterThan(0)
    expect(report.logs).toBeUndefined()
    expect(describeSoak(report)).toMatch(/^cut-rst .*\nnothing violated$/ms)
  })

  test('that was interrupted before it began has nothing to say against anybody', async () => {
    const report = await soak({ minutes: 1, seed: 1, workers: 1, signal: AbortSignal.abort() })
    expect(report).toMatchObject({ ok: true, interrupted: true, rounds: 0 })
  })

  test.each([
    [['--minutes', 'ten'], '--minutes takes a number above 0'],
    [['--minutes', '1', '--faults', 'rain'], 'there is no fault "rain"'],
    [['--minutes', '1', '--workers', '9'], '--workers takes a whole number from 1 to 5'],
    [['--minutes', '1', '--seed=-1'], '--seed takes a whole number from 0'],
    [['--minutes', '1', '--sead=1'], "Unknown option '--sead'"],
  ])('refuses %j', async (args, message) => {
    const run = startNode(['scripts/soak.mjs', ...args])
    try {
      expect(await waitFor('its end', () => run.ended())).toEqual({ code: 2, signal: null })
      expect(run.stderr()).toContain(message)
    } finally {
      await endAll()
    }
  })
})

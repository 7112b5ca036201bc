import { existsSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { peerFault } from '../../src/testing/trial/peers/peer-faults.ts'
import { PEERS_TIMING } from '../../src/testing/trial/peers/peers-setup.ts'
import { storm } from '../../src/testing/trial/peers/storm.ts'
import { describeStorm } from '../../src/testing/trial/peers/storm-summary.ts'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const once = {
  repetitions: 1,
  seed: 1,
  signal: new AbortController().signal,
  trial: { voters: 3, members: 0, timing: PEERS_TIMING },
}

describe('storms over peers', () => {
  test('say what they found: nothing, or what, and where the logs are', { timeout: 120_000 }, async () => {
    const quiet = await storm({ ...once, faults: [peerFault('lines-reset')] })
    expect(quiet).toMatchObject({ ok: true, repetitions: 1, faults: { 'lines-reset': 1 }, violations: [], logs: [] })
    expect(quiet.claims).toBeGreaterThan(0)
    expect(describeStorm(quiet)).toMatch(/^lines-reset .*\nnothing violated$/ms)

    const run = async () => {
      throw new Error('the sky fell')
    }
    const found = await storm({ ...once, repetitions: 2, faults: [{ name: 'sky', run }] })
    expect(found).toMatchObject({ ok: false, repetitions: 1 })
    expect(found.violations).toEqual([expect.stringContaining('storm 1: Error: the sky fell')])
    expect(describeStorm(found)).toMatch(/VIOLATED$/)
    expect(found.logs.map(existsSync)).toEqual([true])
    for (const folder of found.logs) rmSync(folder, { recursive: true, force: true })
  })

  test('that were interrupted before they began have nothing to say against anybody', async () => {
    const report = await storm({ ...once, signal: AbortSignal.abort() })
    expect(report).toMatchObject({ ok: true, interrupted: true, repetitions: 0 })
  })

  test.each([
    [['--repetitions', '0'], '--repetitions takes a whole number from 1 to 10000'],
    [['--faults', 'rain'], 'there is no fault "rain"'],
  ])('refuse %j', async (args, message) => {
    const run = startNode(['scripts/soak.mjs', 'peers', ...args])
    try {
      expect(await waitFor('its end', () => run.ended())).toEqual({ code: 2, signal: null })
      expect(run.stderr()).toContain(message)
    } finally {
      await endAll()
    }
  })
})

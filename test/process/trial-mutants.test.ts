import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { MUTANTS } from '../../src/testing/mutants.ts'
import type { Break } from '../../src/testing/trial/house.ts'
import { Trial } from '../../src/testing/trial/trial.ts'
import { suffer } from './support/trial-rounds.ts'

const mutant = (name: string): Break => {
  const found = MUTANTS.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`there is no mutant ${name}`)
  return found
}

const MOST_FAULTS = 4
const MOST_LOOKS = 25
const LOOK_EVERY_MS = 200

/** What a trial finds in a program with one rule broken. */
const findings = async (broken: Break, kind: 'worker' | 'wrapper', fault: string): Promise<readonly string[]> => {
  await using trial = await Trial.start({ broken: [broken] })
  await trial.start(kind)
  await trial.start(kind)
  await trial.whole()
  trial.discardLogs()
  // On a machine that is busy enough the first fault may be over before anybody else was given anything.
  for (let faults = 0; faults < MOST_FAULTS; faults++) {
    await suffer(trial, [fault])
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const { violations } = trial.verdict()
      if (violations.length > 0) return violations
      await sleep(LOOK_EVERY_MS)
    }
  }
  return []
}

describe('a trial notices', () => {
  test('members that believe in a flag and not in their clocks', async () => {
    const found = await findings(mutant('validity-is-a-flag'), 'worker', 'frozen')
    expect(found).toContainEqual(expect.stringMatching(/^two owners: (parts|slots)\//))
  })

  test('a server that gives to the next what the last one has not let go of', async () => {
    const found = await findings(mutant('no-barrier'), 'worker', 'joined-and-left')
    expect(found).toContainEqual(expect.stringMatching(/^two owners: slots\//))
  })

  test('a server that counts the epochs of each total anew', async () => {
    const found = await findings(mutant('fence-per-index'), 'worker', 'left')
    expect(found).toContainEqual(expect.stringMatching(/^an epoch (that does not rise|with two owners): /))
  })

  test('a watchdog that does not mind the time', async () => {
    const patient: Break = {
      file: 'cli/work/program.js',
      find: 'this.#until = this.#clock.now() + remainingMs(validity);',
      replace: 'this.#until = Number.POSITIVE_INFINITY;',
    }
    const found = await findings(patient, 'wrapper', 'frozen')
    expect(found).toContainEqual(expect.stringMatching(/^two owners: jobs\//))
  })
})

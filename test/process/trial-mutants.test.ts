import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { connect, remote } from '../../src/index.ts'
import { MUTANTS } from '../../src/testing/mutants.ts'
import type { Break } from '../../src/testing/trial/house.ts'
import { Leaks } from '../../src/testing/trial/leaks.ts'
import { Trial } from '../../src/testing/trial/trial.ts'
import { suffer } from './support/trial-rounds.ts'
import { waitFor } from './support/wait.ts'

const mutant = (name: string): Break => {
  const found = MUTANTS.find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`there is no mutant ${name}`)
  return found
}

const MOST_FAULTS = 4
const MOST_LOOKS = 25
const LOOK_EVERY_MS = 200

/** What a trial finds in a program with one rule broken, up to what is `expected`: whatever it finds first, that has to follow. */
const findings = async (
  broken: Break,
  { kind, fault, expected }: { kind: 'worker' | 'wrapper'; fault: string; expected: RegExp },
): Promise<readonly string[]> => {
  let violations: readonly string[] = []
  await using trial = await Trial.start({ broken: [broken] })
  await trial.start(kind)
  await trial.start(kind)
  await trial.whole()
  trial.discardLogs()
  // On a machine that is busy enough the first fault may be over before anybody else was given anything.
  for (let faults = 0; faults < MOST_FAULTS; faults++) {
    await suffer(trial, [fault])
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      violations = trial.verdict().violations
      if (violations.some((violation) => expected.test(violation))) return violations
      await sleep(LOOK_EVERY_MS)
    }
  }
  return violations
}

describe('a trial notices', { timeout: 120_000 }, () => {
  test('members that believe in a flag and not in their clocks', async () => {
    const expected = /^two owners: (parts|slots)\//
    const found = await findings(mutant('validity-is-a-flag'), { kind: 'worker', fault: 'frozen', expected })
    expect(found).toContainEqual(expect.stringMatching(expected))
  })

  test('a server that gives to the next what the last one has not let go of', async () => {
    const expected = /^two owners: slots\//
    const found = await findings(mutant('no-barrier'), { kind: 'worker', fault: 'joined-and-left', expected })
    expect(found).toContainEqual(expect.stringMatching(expected))
  })

  test('a server that counts the epochs of each total anew', async () => {
    const expected = /^an epoch (that does not rise|with two owners): /
    const found = await findings(mutant('fence-per-index'), { kind: 'worker', fault: 'left', expected })
    expect(found).toContainEqual(expect.stringMatching(expected))
  })

  test('a watchdog that does not mind the time', async () => {
    const patient: Break = {
      file: 'cli/work/program.js',
      find: 'this.#until = this.#clock.now() + remainingMs(validity);',
      replace: 'this.#until = Number.POSITIVE_INFINITY;',
    }
    const expected = /^two owners: jobs\//
    const found = await findings(patient, { kind: 'wrapper', fault: 'frozen', expected })
    expect(found).toContainEqual(expect.stringMatching(expected))
  })

  test('whoever is gone though nobody asked it to: a link, a membership, a process', async () => {
    await using trial = await Trial.start()
    const first = await trial.start('worker')
    await trial.whole()
    trial.discardLogs()

    const leaks = new Leaks(trial)
    const caucus = await connect(remote(trial.server.url))
    expect(await leaks.remaining(1_000)).toEqual([expect.stringMatching(/^the server has 2 links to 1 members: /)])
    await caucus.close()
    expect(await leaks.remaining()).toEqual([])

    const second = await trial.start('worker', { id: first.id })
    await waitFor('the first one to hear that its id is taken', () => first.fenced)
    await expect(trial.whole()).rejects.toThrow(`nobody asked it to: ${first.who} is no member any more: `)
    first.displaced = true
    await trial.whole()
    second.child.signal('SIGKILL')
    await expect(trial.whole()).rejects.toThrow(`nobody asked it to: ${second.who} ended with SIGKILL`)
  })
})

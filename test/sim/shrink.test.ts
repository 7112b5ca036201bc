import { describe, expect, test } from 'vitest'
import { mutantNamed, sweepMutant } from '../../src/testing/mutation.ts'
import { explainCore, formatScenario, parseScenario, shrinkCore } from '../../src/testing/shrink.ts'
import { simulateCore } from '../../src/testing/simulation/simulate.ts'
import { built } from './built.ts'

/** On a busy machine; by itself each takes some seconds. */
const MINUTES = 240_000

/** The rules that the mutants below break are broken in a copy of the built code, and shrunk there. */
const explained = async (name: string): Promise<string> => {
  const { explanation = '' } = await sweepMutant(mutantNamed(name), {
    from: 1,
    seeds: 100,
    explain: true,
    built: built(),
  })
  return explanation
}

describe('a scenario', () => {
  test('is one line, and the line is the scenario', () => {
    const scenario = {
      seed: 7,
      profile: 'swarm',
      limits: {
        groups: ['g0'],
        members: 2,
        pollers: 0,
        faults: ['loss', 'crash'],
        deeds: ['crash.3'],
        faultsForMs: 900,
      },
    } as const
    const line = formatScenario(scenario)
    expect(line).toBe(
      'seed=7 profile=swarm groups=g0 members=2 pollers=0 faults=loss,crash deeds=crash.3 faultsForMs=900',
    )
    expect(parseScenario(line)).toEqual(scenario)
    expect(parseScenario('seed=7 profile=quiet deeds=')).toEqual({ seed: 7, profile: 'quiet', limits: { deeds: [] } })
  })

  test.each([
    ['seed=7', 'its seed and its profile'],
    ['seed=7 profile=loud', '"profile=loud"'],
    ['seed=seven profile=swarm', '"seed=seven"'],
    ['seed=7 profile=swarm faults=rain', 'no fault "rain"'],
    ['hello', '"hello"'],
  ])('that nobody wrote is refused: %s', (line, says) => {
    expect(() => parseScenario(line)).toThrow(says)
  })

  test('leaves what it does not name as it was drawn', () => {
    const whole = simulateCore({ seed: 11, profile: 'swarm' })
    const { groups, members, pollers, faultsForMs } = whole
    const limits = { groups, members, pollers, faultsForMs, deeds: whole.deeds }
    const again = simulateCore({ seed: 11, profile: 'swarm', limits })
    expect(again.events).toBe(whole.events)
    expect(again.faults).toEqual(whole.faults)
  })

  test('without a deed does the others as before', () => {
    const whole = simulateCore({ seed: 11, profile: 'swarm' })
    const crashes = whole.deeds.filter((name) => name.startsWith('crash.'))
    const [first] = whole.deeds
    expect(crashes.length).toBeGreaterThan(1)
    const limits = { deeds: whole.deeds.filter((name) => name !== first) }
    const kept = simulateCore({ seed: 11, profile: 'swarm', limits }).deeds
    expect(kept).not.toContain(first)
    expect(kept.length).toBeGreaterThan(whole.deeds.length / 2)
    expect(limits.deeds).toEqual(expect.arrayContaining([...kept]))
  })
})

describe('a failure', () => {
  test('that does not happen again is not explained', () => {
    expect(shrinkCore({ seed: 1 })).toBeUndefined()
    const violation = { seed: 1, profile: 'swarm', step: 5, invariant: 'G4', message: 'two', atMs: 1 } as const
    expect(explainCore(violation)).toContain('did not happen again')
  })

  test.each(['no-barrier', 'first-grants-at-once', 'leave-while-draining'])(
    'is shrunk to a few deeds, drawn, and can be run again: %s',
    async (name) => {
      const text = await explained(name)
      expect(text).toMatch(/^seed=\d+ step=\d+ invariant=G\d: /)
      expect(text).toMatch(/^The last \d+ lines of its trace:$/m)
      const line = /^seed=\d+ profile=.*$/m.exec(text)?.[0] ?? ''
      const { limits } = parseScenario(line)
      // Of a hundred or more.
      expect(limits.deeds?.length).toBeLessThanOrEqual(8)
      expect(text).toContain('│ runs  ┃ believes')
      expect(text.trimEnd().split('\n').at(-1)).toMatch(/^═+$/)
    },
    MINUTES,
  )
})

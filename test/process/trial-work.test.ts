import { describe } from 'vitest'
import { HAS_PROC } from '../../src/testing/trial/processes.ts'
import { trialOf } from './support/trial-rounds.ts'

describe.runIf(HAS_PROC)('programs under caucus work', () => {
  const { survives } = trialOf({ wrappers: 2 })

  survives(
    'end in time when a wrapper is frozen and the watchdog of the other one is killed',
    'frozen',
    'watchdog-killed',
  )
  survives(
    'end in time when a watchdog is frozen and the loop of a wrapper is blocked',
    'watchdog-frozen',
    'loop-blocked',
  )
  survives('end in time when a wrapper is killed', 'killed-and-back')
})

import { CaucusError } from '../../errors.ts'
import type { TrialFault } from './fault.ts'
import { LINE_FAULTS } from './line-faults.ts'
import { PROCESS_FAULTS, WRAPPER_FAULTS } from './process-faults.ts'
import { HAS_PROC } from './processes.ts'
import { SERVER_FAULTS } from './server-faults.ts'

/** Everything that a soak draws from. */
export const TRIAL_FAULTS: readonly TrialFault[] = [
  ...LINE_FAULTS,
  ...PROCESS_FAULTS,
  ...(HAS_PROC ? WRAPPER_FAULTS : []),
  ...SERVER_FAULTS,
]

export const trialFault = (name: string): TrialFault => {
  const fault = TRIAL_FAULTS.find((candidate) => candidate.name === name)
  if (fault !== undefined) return fault
  const names = TRIAL_FAULTS.map((candidate) => candidate.name).join(', ')
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `there is no fault "${name}"; take one of ${names}`)
}

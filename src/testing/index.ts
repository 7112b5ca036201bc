export { MUTANTS, type Mutant } from './mutants.ts'
export type { FaultName, Profile } from './simulation/conditions.ts'
export {
  type SimulatedViolation,
  type SimulateOptions,
  type SimulationResult,
  simulate,
} from './simulation/simulate.ts'
export type { InvariantName } from './simulation/violation.ts'

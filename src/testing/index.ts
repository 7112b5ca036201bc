export { type MemoryCluster, memoryCluster } from './cluster/cluster.ts'
export type { CoordinatorChanges, SimulatedCoordinator } from './cluster/coordinator.ts'
export type { ClusterProfile } from './cluster/draw.ts'
export { FAULT_NAMES, type Fault, type FaultName } from './cluster/fault.ts'
export type { SimulatedMember, Told } from './cluster/member.ts'
export type { Handlers, Program, ProgramClock, ProgramContext, ProgramStore } from './cluster/program.ts'
export type { ClusterOptions } from './cluster/setup.ts'
export { type SimulateOptions, type SimulationResult, simulate } from './cluster/simulate.ts'
export type { ClusterInvariant, ClusterViolation } from './cluster/violation.ts'
export type { Work, WorkItem } from './cluster/work-book.ts'
export type {
  Contract,
  ContractFault,
  ContractPart,
  ContractRunner,
  ContractSubject,
  CuttableLine,
} from './contract/contract.ts'
export { backendContract } from './contract/index.ts'
export { type DiagramEvent, type DiagramOptions, diagram, type Lifeline } from './diagram.ts'
export { MUTANTS, type Mutant } from './mutants.ts'
export {
  type CoreScenario,
  explainCore,
  formatScenario,
  parseScenario,
  type ShrunkCore,
  shrinkCore,
} from './shrink.ts'
export type { CoreLimits, FaultName as CoreFaultName, Profile } from './simulation/conditions.ts'
export {
  type CoreSimulation,
  type SimulateCoreOptions,
  type SimulatedViolation,
  simulateCore,
} from './simulation/simulate.ts'
export type { InvariantName } from './simulation/violation.ts'

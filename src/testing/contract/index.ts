import { CaucusError } from '../../errors.ts'
import { CONTRACT_FAULTS, CONTRACT_PARTS, type Contract, type ContractPart, type ContractRunner } from './contract.ts'
import { tellCrashes } from './crashes.ts'
import { tellElections } from './elections.ts'
import { tellFaults } from './faults.ts'
import { tellGroups } from './groups.ts'
import { tellGuarantees } from './guarantees.ts'
import { tellOnce } from './once.ts'
import { tellOnceCrashes } from './once-crashes.ts'
import { tellRegistry } from './registry.ts'
import { Playhouse, type Tell } from './stage.ts'
import { tellAsking } from './topic-asking.ts'
import { tellServing } from './topic-serving.ts'
import { tellValues } from './topic-values.ts'

const TELLERS: Readonly<Record<ContractPart, readonly ((tell: Tell, contract: Contract) => void)[]>> = {
  guarantees: [tellGuarantees],
  groups: [tellGroups],
  elections: [tellElections],
  once: [tellOnce],
  registry: [tellRegistry],
  topics: [tellAsking, tellServing],
  values: [tellValues],
  // Last, since they leave the subject as a real one is left.
  faults: [tellCrashes, tellOnceCrashes, tellFaults],
}

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

const checkNames = (given: readonly string[], known: readonly string[], where: string): void => {
  for (const name of given) {
    if (!known.includes(name)) refuse(`${where} of the contract names "${name}"; there are ${known.join(', ')}`)
  }
}

const CONTRACT_FIELDS = ['name', 'guarantees', 'open', 'leaseMs', 'lacks', 'parts', 'say']

const check = (runner: ContractRunner, contract: Contract): void => {
  for (const name of ['describe', 'test', 'afterAll'] as const) {
    if (typeof runner?.[name] !== 'function') refuse(`the contract needs ${name}() of a test runner`)
  }
  checkNames(Object.keys(contract ?? {}), CONTRACT_FIELDS, 'an option')
  const { name, open, guarantees, lacks = {}, parts = CONTRACT_PARTS, leaseMs = 1_000 } = contract
  if (typeof name !== 'string' || name === '') refuse('the contract needs the name of what is held to it')
  if (typeof open !== 'function') refuse('the contract needs open(), which gives a running subject')
  if (typeof guarantees !== 'object' || guarantees === null) refuse('the contract needs the guarantees of the backend')
  if (!Number.isFinite(leaseMs) || leaseMs <= 0) refuse(`leaseMs of the contract is ${leaseMs}, but has to be positive`)
  checkNames(Object.keys(lacks), [...CONTRACT_PARTS, ...CONTRACT_FAULTS], 'lacks')
  for (const [what, reason] of Object.entries(lacks)) {
    if (typeof reason !== 'string' || reason === '') refuse(`lacks.${what} of the contract does not say why`)
  }
  checkNames(parts, CONTRACT_PARTS, 'parts')
}

/**
 * Tells the runner all tests that a backend has to pass: what a program may rely on, whatever is underneath. To be called where tests
 * are declared. One subject serves all of them. Throws `CAUCUS_INVALID_ARGUMENT`.
 */
export const backendContract = (runner: ContractRunner, contract: Contract): void => {
  check(runner, contract)
  const { name, parts = CONTRACT_PARTS, lacks } = contract
  runner.describe(`the contract on ${name}`, () => {
    const house = new Playhouse(contract)
    for (const part of CONTRACT_PARTS) {
      if (!parts.includes(part)) continue
      const tell = house.tellerOf(runner, lacks?.[part])
      runner.describe(part, () => {
        for (const teller of TELLERS[part]) teller(tell, contract)
      })
    }
    runner.afterAll(() => house.close())
  })
}

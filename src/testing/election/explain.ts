import { explaining } from '../explaining.ts'
import { ELECTION_FAULTS, ELECTION_PROFILES } from './conditions.ts'
import { simulateElection } from './simulate.ts'

/** A violation in a line that can be run again, in a short scenario, and in a diagram. */
export const electionExplaining = explaining({
  profiles: ELECTION_PROFILES,
  faults: ELECTION_FAULTS,
  simulate: simulateElection,
  counted: { name: 'observers', least: 0 },
})

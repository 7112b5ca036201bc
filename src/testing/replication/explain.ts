import { explaining } from '../explaining.ts'
import { REPLICATION_FAULTS, REPLICATION_PROFILES } from './conditions.ts'
import { simulateReplication } from './simulate.ts'

/** A violation in a line that can be run again, in a short scenario, and in a diagram. */
export const replicationExplaining = explaining({
  profiles: REPLICATION_PROFILES,
  faults: REPLICATION_FAULTS,
  simulate: simulateReplication,
})

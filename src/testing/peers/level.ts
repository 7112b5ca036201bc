import type { Level } from '../sweep/level.ts'
import { scheduledLevel } from '../sweep/scheduled-level.ts'
import { PEERS_PROFILES } from './conditions.ts'
import { explainPeers, simulatePeers } from './simulate.ts'

/** Peers with their elections and coordinators, and the members of their groups. */
export const peersLevel: Level = scheduledLevel({
  profiles: PEERS_PROFILES,
  simulate: simulatePeers,
  explain: (run) => explainPeers(run),
})

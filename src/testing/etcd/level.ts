import type { Level } from '../sweep/level.ts'
import { scheduledLevel } from '../sweep/scheduled-level.ts'
import { ETCD_PROFILES } from './conditions.ts'
import { explainEtcd, simulateEtcd } from './simulate.ts'

/** Processes on a simulated etcd, one of which coordinates. */
export const etcdLevel: Level = scheduledLevel({
  profiles: ETCD_PROFILES,
  simulate: simulateEtcd,
  explain: (run) => explainEtcd(run),
})

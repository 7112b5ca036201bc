import { REPLICATION_LEADERS } from './replication-leaders.ts'
import type { ReplicationMutant } from './replication-mutant.ts'
import { REPLICATION_RECOVERY } from './replication-recovery.ts'
import { REPLICATION_VOTERS } from './replication-voters.ts'

/** Each rule of the register that protects an invariant, broken once. */
export const REPLICATION: readonly ReplicationMutant[] = [
  ...REPLICATION_VOTERS,
  ...REPLICATION_LEADERS,
  ...REPLICATION_RECOVERY,
]

import type { ReplicationProfile } from '../replication/conditions.ts'
import type { ReplicationInvariant } from '../replication/violation.ts'
import type { Mutant } from './mutant.ts'

/** One rule of the register, broken once. */
export type ReplicationMutant = Omit<Mutant, 'breaks' | 'level' | 'profile'> & {
  readonly level: 'replication'
  readonly breaks: readonly ReplicationInvariant[]
  readonly profile?: ReplicationProfile
}

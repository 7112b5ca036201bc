import type { ElectionProfile } from '../election/conditions.ts'
import type { ElectionInvariant } from '../election/violation.ts'
import type { Mutant } from './mutant.ts'

/** One rule of elections, broken once. */
export type ElectionMutant = Omit<Mutant, 'breaks' | 'level' | 'profile'> & {
  readonly level: 'election'
  readonly breaks: readonly ElectionInvariant[]
  readonly profile?: ElectionProfile
}

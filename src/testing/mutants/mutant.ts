import { CaucusError } from '../../errors.ts'
import type { ClusterProfile } from '../cluster/draw.ts'
import type { ClusterInvariant } from '../cluster/violation.ts'
import type { DispatchProfile } from '../dispatch/conditions.ts'
import type { ElectionProfile } from '../election/conditions.ts'
import type { ElectionInvariant } from '../election/violation.ts'
import type { EtcdProfile } from '../etcd/conditions.ts'
import type { PeersProfile } from '../peers/conditions.ts'
import type { ReplicationProfile } from '../replication/conditions.ts'
import type { ReplicationInvariant } from '../replication/violation.ts'
import type { Profile } from '../simulation/conditions.ts'
import type { InvariantName } from '../simulation/violation.ts'
import type { LevelName } from '../sweep/level.ts'

/** One deliberate break of one rule, as a replacement of text in a copy of the built code. */
export interface Mutant {
  readonly name: string
  /** The invariants of which one must be found broken. */
  readonly breaks: readonly (InvariantName | ClusterInvariant | ElectionInvariant | ReplicationInvariant)[]
  /** Below dist/. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The rule that is broken, in the words of docs/invariants.md. */
  readonly rule: string
  /** The profile in which it shows; by default each seed draws its own. */
  readonly profile?:
    | EtcdProfile
    | PeersProfile
    | Profile
    | ClusterProfile
    | DispatchProfile
    | ElectionProfile
    | ReplicationProfile
  /** What is simulated to notice it. Default: the core. */
  readonly level?: LevelName
}

/** The text of the mutant's file with its rule broken. Throws `CAUCUS_INVALID_ARGUMENT` when what it replaces is not there, or more than once. */
export const mutated = ({ name, file, find, replace }: Mutant, text: string): string => {
  const pieces = text.split(find)
  if (pieces.length === 2) return pieces.join(replace)
  throw new CaucusError(
    'CAUCUS_INVALID_ARGUMENT',
    `the text of mutant "${name}" occurs ${pieces.length - 1} times in ${file}, not once: the rule has changed, so look at its mutant`,
  )
}

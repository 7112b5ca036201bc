import { ELECTION_LEADERS } from './election-leaders.ts'
import type { ElectionMutant } from './election-mutant.ts'
import { ELECTION_STANDING } from './election-standing.ts'
import { ELECTION_TETHERS } from './election-tethers.ts'
import { ELECTION_VOTES } from './election-votes.ts'

/** Each rule of elections that protects an invariant, broken once. */
export const ELECTION: readonly ElectionMutant[] = [
  ...ELECTION_VOTES,
  ...ELECTION_LEADERS,
  ...ELECTION_STANDING,
  ...ELECTION_TETHERS,
]

import type { Principal } from './principal.ts'

/** What an entry's `groups` has to cover for whoever may be a voter; its `members` are the voters that it may be. */
export const VOTERS_GROUP = 'cluster/voters'

/** Of which whoever may be a peer without a vote has to be allowed to be a member; its `members` are the observers that it may be. */
export const OBSERVERS_GROUP = 'cluster/observers'

/** Whether it may be one of these voters, and so one that passes on what its own clients ask. */
export const mayBeOneOf = (voters: readonly string[], principal: Principal): boolean => {
  const reach = principal.in(VOTERS_GROUP)
  return voters.some((voter) => reach.evicts(voter))
}

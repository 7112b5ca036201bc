import { CaucusError } from '../errors.ts'
import type { CoordinatorHosting, Guarantees } from '../ports/hosting.ts'

/**
 * Stands where a server of groups has its coordinator, on a voter that only elects a leader: everything that would make somebody a member
 * is refused, since what one voter granted, the others would not know.
 */
export const leadershipOnly = (cluster: string, instanceId: string, guarantees: Guarantees): CoordinatorHosting => ({
  guarantees,
  attach: () => {
    throw servesNoGroups()
  },
  call: async () => {
    throw servesNoGroups()
  },
  poll: () => {
    throw servesNoGroups()
  },
  pollerLeft: () => {
    throw servesNoGroups()
  },
  evict: () => false,
  order: async () => {
    throw servesNoGroups()
  },
  view: () => ({ clusterId: cluster, instanceId, generation: 1, groups: [] }),
  viewOf: () => undefined,
  services: () => [],
  service: () => {
    throw servesNoGroups()
  },
  events: () => {
    throw servesNoGroups()
  },
  history: () => {
    throw servesNoGroups()
  },
  counters: () => ({}),
  close: async () => undefined,
})

/** What a voter says to whoever wants more of it than a leader. */
export const servesNoGroups = (): CaucusError =>
  new CaucusError(
    'CAUCUS_NOT_FOUND',
    'this is a voter that elects a leader, and serves neither groups nor topics: they are not replicated yet. Ask a server that was started without peers',
  )

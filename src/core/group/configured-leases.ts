import type { CoordinatorOptions } from './coordinator-io.ts'
import type { ConfiguredLeases } from './foundation.ts'
import { POLL_LEASE_INTERVALS } from './poll-group.ts'

/** What is promised under this configuration, to be durable before it is given. A poll client's answer is a lease of three intervals. */
export const configuredLeases = ({
  defaults,
  groups,
  poll,
}: Pick<CoordinatorOptions, 'defaults' | 'groups' | 'poll'>): ConfiguredLeases => {
  const leases: [string, number][] = [...groups].map(([name, { leaseMs }]) => [name, leaseMs])
  if (poll !== undefined) leases.push([poll.group, POLL_LEASE_INTERVALS * poll.pollIntervalMs])
  return { defaultLeaseMs: defaults.leaseMs, leasesMs: Object.fromEntries(leases) }
}

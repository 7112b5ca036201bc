import { grantMs } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { Bench } from './bench.ts'
import type { SimulatedCoordinator } from './coordinator.ts'
import type { SimulatedMember } from './member.ts'

/** What has not converged, each with its reason. Empty when the group is whole and everybody knows. */
export const pendingOf = (
  bench: Bench,
  coordinator: SimulatedCoordinator,
  members: readonly SimulatedMember[],
): string[] => {
  const { group, share } = bench.conditions
  if (coordinator.state !== 'up') return [`the coordinator is ${coordinator.state}`]
  const processes = members.flatMap((member) =>
    member.processes.filter(({ state }) => state !== 'ended' && state !== 'crashed'),
  )
  const found = processes
    .filter(({ state }) => state !== 'runs')
    .map(({ who, state }) => `${who} is ${state === 'starting' ? 'still starting' : 'still stopping'}`)
  const here = processes.filter(({ membership }) => membership !== undefined && membership.state === 'member')
  const view = coordinator.view(group)
  if (view === undefined || view.members.length + here.length === 0)
    return here.length > 0 ? [...found, `the coordinator does not know "${group}"`] : found
  if (view.state !== 'settled') found.push(`"${group}" is still settling`)
  for (const { id } of view.members) {
    if (!here.some((process) => process.id === id)) found.push(`the coordinator still counts ${id}`)
  }
  for (const { who, membership } of here) {
    const said = view.members.find(({ id, incarnation }) => id === who && incarnation === membership?.incarnation)
    if (said === undefined) found.push(`${who} is not known to the coordinator`)
    const items = said?.partitions ?? (said?.index === undefined ? [] : [said.index])
    const told = membership?.slot === undefined ? (membership?.partitions ?? []) : [membership.slot.index]
    if (told.join() !== items.join()) found.push(`${who} has [${told}] and should have [${items}]`)
  }
  const owned = view.members.reduce((sum, { index, partitions }) => sum + (partitions?.length ?? (index ? 1 : 0)), 0)
  const all = view.share === 'index' ? here.length : here.length > 0 ? view.share.partitions : 0
  if (owned !== all) found.push(`${owned} of ${all} ${share === 'index' ? 'slots' : 'partitions'} are owned`)
  return found
}

/** How long a healed cluster may take until it is whole again. */
export const healingMs = ({ conditions }: Bench, coordinator: SimulatedCoordinator): Millis => {
  const { settleMs, settleCapMs, drainLimitMs } = coordinator.settings
  const { heartbeatMs, reconnectMaxMs } = conditions.timing
  const leaseMs = coordinator.longestLeaseMs
  // Noticing that a connection is dead, on either side, and what is left of a handshake.
  const linkMs = 5_000 + 4 * heartbeatMs + 2 * reconnectMaxMs + 40 * conditions.delayMs
  const expiryMs = 3 * grantMs(leaseMs, Math.max(conditions.drift, 0.01))
  return (linkMs + expiryMs + 2 * (settleMs + settleCapMs) + 2 * drainLimitMs) / (1 - conditions.drift) + 1_000
}

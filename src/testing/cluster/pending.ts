import type { GroupSettings } from '../../core/group/book.ts'
import { itemsIn } from '../../core/group/messages.ts'
import type { GroupView } from '../../core/group/view.ts'
import { grantMs } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { Bench } from './bench.ts'
import type { SimulatedMember } from './member.ts'

/** Whoever coordinates, as far as it matters here. */
export interface Coordinating {
  readonly state: 'up' | 'starting' | 'down'
  /** Of groups, at present. */
  readonly settings: GroupSettings
  readonly longestLeaseMs: Millis
  view(group: string): GroupView | undefined
}

/** What has not converged, each with its reason. Empty when the group is whole and everybody knows. */
export const pendingOf = (bench: Bench, coordinator: Coordinating, members: readonly SimulatedMember[]): string[] => {
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
  const { members: known = [], kept = [] } = view ?? {}
  if (view === undefined || known.length + kept.length + here.length === 0)
    return here.length > 0 ? [...found, `the coordinator does not know "${group}"`] : found
  if (view.state !== 'settled') found.push(`"${group}" is still settling`)
  if (kept.length > 0) found.push(`the coordinator keeps the place of ${kept.map(({ id }) => id).join(', ')}`)
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
  const all = here.length > 0 ? toBeOwned(view) : 0
  if (owned !== all) found.push(`${owned} of ${all} ${share === 'index' ? 'slots' : 'partitions'} are owned`)
  return found
}

/** Whoever is drained has nothing; and without anybody of any weight nobody has anything but what cannot be taken from it. */
export const toBeOwned = ({ members, share, frozen, pins = [] }: GroupView): number => {
  const staying = members.filter(({ drained }) => drained !== true)
  if (share === 'index') return staying.length
  if (staying.some(({ weight = 1 }) => weight > 0)) return itemsIn(share)
  // Whatever it is, it is theirs by an order.
  const bound = frozen === true || pins.length > 0
  return bound ? staying.reduce((sum, { partitions = [] }) => sum + partitions.length, 0) : 0
}

/** How long a healed cluster may take until it is whole again. */
export const healingMs = ({ conditions }: Bench, coordinator: Coordinating): Millis => {
  const { settleMs, settleCapMs, drainLimitMs, staticGraceMs } = coordinator.settings
  const { heartbeatMs, reconnectMaxMs } = conditions.timing
  const leaseMs = coordinator.longestLeaseMs
  // Noticing that a connection is dead, on either side, and what is left of a handshake.
  const linkMs = 5_000 + 4 * heartbeatMs + 2 * reconnectMaxMs + 40 * conditions.delayMs
  const expiryMs = 3 * grantMs(leaseMs, Math.max(conditions.drift, 0.01))
  // Who does not come back has its place kept, and then everybody settles without it.
  const graceMs = conditions.statics.length > 0 ? staticGraceMs + settleMs + settleCapMs + drainLimitMs : 0
  const settlingMs = 2 * (settleMs + settleCapMs) + 2 * drainLimitMs
  return (linkMs + expiryMs + settlingMs + graceMs) / (1 - conditions.drift) + 1_000
}

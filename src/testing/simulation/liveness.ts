import { itemsIn } from '../../core/group/messages.ts'
import type { GroupView } from '../../core/group/view.ts'
import { grantMs } from '../../core/lease.ts'
import { POLL_GROUP } from './server-room.ts'
import { itemsOf } from './settlement.ts'
import type { World } from './world.ts'

/** How long a healed world may take until every group is whole again. */
export const healingMs = (world: World): number => {
  const { conditions } = world.bench
  const { settleMs, settleCapMs, drainLimitMs, staticGraceMs } = world.room.settings
  const { heartbeatMs, reconnectMaxMs } = conditions.timing
  const pollMs = 4 * (conditions.poll?.intervalMs ?? 0)
  const slow = 1 / (1 - conditions.drift)
  // Noticing that a link is dead, and what is left of a stall, before anything else can begin.
  const linkMs = 3 * world.room.longestGroupLeaseMs + 4 * heartbeatMs + 2 * reconnectMaxMs + 20 * conditions.delayMs
  const expiryMs = 2 * grantMs(world.room.longestGroupLeaseMs, Math.max(conditions.drift, 0.01))
  return (
    (linkMs +
      expiryMs +
      2 * (settleMs + settleCapMs) +
      drainLimitMs +
      // Who does not come back has its place kept, and then everybody settles without it.
      (conditions.faults.has('statics') ? staticGraceMs + settleMs + settleCapMs + drainLimitMs : 0) +
      grantMs(world.room.longestGroupLeaseMs) +
      pollMs) *
    slow
  )
}

/** What has not converged, each with its reason. Empty when every group is whole and everybody knows. */
export const pending = (world: World): string[] => {
  const coordinator = world.room.current
  if (coordinator === undefined) return ['there is no coordinator']
  const found: string[] = []
  for (const { name } of world.bench.conditions.groups) {
    const view = coordinator.machine.viewOf(name)
    const here = world.members.filter((member) => member.group === name)
    if (view === undefined) {
      if (here.length > 0) found.push(`${name}: the coordinator does not know the group`)
      continue
    }
    const { members, kept = [] } = view
    if (members.length + kept.length + here.length === 0) continue
    if (view.state !== 'settled') found.push(`${name}: still settling`)
    if (kept.length > 0) found.push(`${name}: keeps the place of ${kept.map(({ id }) => id)}`)
    if (members.length !== here.length) {
      const there = new Set(members.map(({ id }) => id))
      const unknown = here.filter(({ id }) => !there.has(id)).map(({ bootId }) => bootId)
      found.push(`${name}: ${members.length} members there, ${here.length} alive, not there: ${unknown}`)
    }
    for (const member of here) {
      const { held, validUntil, state } = member.machine.view()
      const said = members.find(({ id }) => id === member.id)
      const items = itemsOf(said?.index, said?.partitions, said?.leads)
      const believes = member.read() < validUntil ? [...held.keys()].sort((a, b) => a - b) : []
      if (state !== 'member') found.push(`${member.bootId}: ${state}`)
      if (member.machine.draining.length > 0) found.push(`${member.bootId}: still draining`)
      if (believes.join() !== items.join()) found.push(`${member.bootId}: has [${believes}] and should have [${items}]`)
    }
    const owned = members.reduce(
      (sum, { index, partitions, leads }) => sum + itemsOf(index, partitions, leads).length,
      0,
    )
    const all = toBeOwned(view)
    if (owned !== all && !(all === 0 && (view.pins ?? []).length > 0))
      found.push(`${name}: ${owned} of ${all} are owned`)
  }
  const orders = world.watchers.orders.unanswered(coordinator).map((order) => `the order ${order}: not answered`)
  return [...found, ...orders, ...pendingPollers(world)]
}

/** Whoever is drained has nothing. Without anybody of any weight nobody has anything, but what is pinned, or was kept while it was frozen. */
const toBeOwned = ({ members, share, frozen }: GroupView): number => {
  const staying = members.filter(({ drained }) => drained !== true)
  if (share === 'index') return staying.length
  const nobody = staying.every(({ weight = 1 }) => weight === 0)
  if (nobody && frozen === true) return staying.reduce((sum, { partitions = [] }) => sum + partitions.length, 0)
  return nobody ? 0 : itemsIn(share)
}

const pendingPollers = (world: World): string[] => {
  const polling = world.pollers.filter((client) => client.polling)
  if (polling.length === 0) return []
  const view = world.room.current?.machine.viewOf(POLL_GROUP)
  if (view?.state !== 'settled') return ['the group of poll clients: still settling']
  const ids = new Set(polling.map(({ id }) => id))
  if (view.total !== ids.size) return [`the group of poll clients: ${view.total} there, ${ids.size} alive`]
  return polling
    .filter((client) => (world.pollBeliefOf(client)?.end ?? 0) <= world.bench.now)
    .map(({ id }) => `${id}: has no slot`)
}

import { grantMs } from '../../core/lease.ts'
import { POLL_GROUP } from './server-room.ts'
import type { World } from './world.ts'

/** How long a healed world may take until every group is whole again. */
export const healingMs = (world: World): number => {
  const { conditions } = world.bench
  const { settleMs, settleCapMs, drainLimitMs } = world.room.settings
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
    if (view.total + here.length === 0) continue
    if (view.state !== 'settled') found.push(`${name}: still settling`)
    if (view.total !== here.length) {
      const there = new Set(view.members.map(({ id }) => id))
      const unknown = here.filter(({ id }) => !there.has(id)).map(({ bootId }) => bootId)
      found.push(`${name}: ${view.total} members there, ${here.length} alive, not there: ${unknown}`)
    }
    for (const member of here) {
      const { held, validUntil, state } = member.machine.view()
      const said = view.members.find(({ id }) => id === member.id)
      const items = said?.partitions ?? (said?.index === undefined ? [] : [said.index])
      const believes = member.read() < validUntil ? [...held.keys()].sort((a, b) => a - b) : []
      if (state !== 'member') found.push(`${member.bootId}: ${state}`)
      if (member.machine.draining.length > 0) found.push(`${member.bootId}: still draining`)
      if (believes.join() !== items.join()) found.push(`${member.bootId}: has [${believes}] and should have [${items}]`)
    }
    const owned = view.members.reduce((sum, { index, partitions }) => sum + (partitions?.length ?? (index ? 1 : 0)), 0)
    const all = view.share === 'index' ? here.length : here.length > 0 ? view.share.partitions : 0
    if (owned !== all) found.push(`${name}: ${owned} of ${all} are owned`)
  }
  return [...found, ...pendingPollers(world)]
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

import type { ElectionFault } from './conditions.ts'
import type { ElectionWorld } from './world.ts'

/** How long a healed world may take until everybody knows one leader. */
export const electionHealingMs = ({ bench }: ElectionWorld): number => {
  const { electionMaxMs } = bench.conditions.timing
  const slow = 1 / (1 - bench.conditions.drift)
  // What stands still, what is full and what sits out comes first; then a few elections, since votes may be split.
  return electionMaxMs * 40 * slow
}

/** What has not converged, each with its reason. Empty when there is one leader, and everybody knows it. */
export const pendingElection = (world: ElectionWorld): string[] => {
  const { conditions } = world.bench
  const happened = (fault: ElectionFault) => (world.bench.faults.get(fault) ?? 0) > 0
  // A second process under one id that took the place of the first, or was about to: for people to look at.
  const replaced = [...world.disks.values()].some(({ durable }) => (durable?.founding?.retired.length ?? 0) > 0)
  if (happened('rival') && replaced) return []
  const peers = [...world.peers.values()]
  const waiting = peers.filter((peer) => conditions.store && peer.machine.view().waitingFor.length > 0)
  // Disks that are lost in the middle of a first start may leave two foundings, of which none becomes complete: whoever waits says for whom.
  if (waiting.length > 0 && conditions.profile === 'founding' && happened('lostDisk')) return []
  // An empty disk beside another empty disk is for people to look at.
  const founded = peers.filter((peer) => !waiting.includes(peer))
  const mayWait = waiting.length > 1 && happened('twoEmpty')
  if (waiting.length > 0 && !mayWait) return waiting.map(({ bootId }) => `${bootId}: waits to take part`)
  if (mayWait && founded.length <= conditions.voters / 2) return []
  const [leader, ...others] = world.judge.reigns.leading
  if (leader === undefined || others.length > 0) return [`${others.length + (leader ? 1 : 0)} lead`]
  const { term } = leader.machine.view()
  // Whoever was told of another leader of this very term cannot tell the first from the second, and knows the leader of the next term.
  if (world.forgedReigns.has(term)) return []
  const knowsIt = (known: { bootId: string; term: number } | undefined) =>
    known?.bootId === leader.bootId && known.term === term
  const ignorant = founded.filter((peer) => !knowsIt(peer.machine.view().leader)).map(({ bootId }) => bootId)
  const watchers = [...world.watchers.values()].filter((watcher) => !knowsIt(watcher.machine.view().leader))
  return [...ignorant, ...watchers.map(({ id }) => id)].map(
    (who) => `${who}: does not know that ${leader.bootId} leads`,
  )
}

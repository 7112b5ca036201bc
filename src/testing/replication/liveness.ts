import { majorityOf } from '../../core/election/quorum.ts'
import { compareEntries } from '../../core/replication/entries.ts'
import type { ReplicationWorld } from './world.ts'

/** How long a healed world may take, in retries, until everybody has what the leader saved last. */
export const HEALING_RETRIES = 60

/** What has not converged, each with its reason. Empty when one leads, everything is saved everywhere, and nobody has anything left to say. */
export const pendingReplication = (world: ReplicationWorld): string[] => {
  const { latest, leaders } = world.oracle
  const lost = [...world.platters.values()].filter(({ record }) => record === undefined)
  // Whoever is left cannot know whether it knows all: for people to look at.
  if (lost.length >= majorityOf(world.ids.length) && (world.bench.faults.get('tooManyLost') ?? 0) > 0) return []
  if (latest === undefined) return ['nobody leads']
  const pending: string[] = []
  const blank = [...world.voters.values()].filter((voter) => voter.machine.view().blank)
  for (const { bootId, machine } of blank)
    pending.push(`${bootId}: is blank, and waits for ${machine.view().waitingFor}`)
  if (world.oracle.waits(latest)) pending.push(`${latest.bootId}: waits in term ${world.oracle.term}`)
  for (const other of leaders)
    if (other !== latest) pending.push(`${other.bootId}: has not heard that it is superseded`)
  const { entry } = latest.machine.view()
  for (const { bootId, machine } of world.voters.values()) {
    const view = machine.view()
    if (compareEntries(view.entry, entry) !== 0) pending.push(`${bootId}: does not have what was saved last`)
    const unanswered = world.judge.decisions.unanswered(bootId)
    if (unanswered.length > 0) pending.push(`${bootId}: has never answered the requests ${unanswered}`)
    if (machine.wakeAt() !== undefined) pending.push(`${bootId}: does not rest`)
  }
  return pending
}

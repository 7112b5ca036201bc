import { describe } from 'vitest'
import { peersTrialOf } from './support/peer-rounds.ts'

describe('three peers, whatever happens to their processes', () => {
  const { survives, replacesItsLeaderWhen } = peersTrialOf({ voters: 3 })

  replacesItsLeaderWhen('kill -9 of the leader', 'leader-killed')
  replacesItsLeaderWhen('a leader that stands still past its lease', 'leader-frozen')
  survives('followers that stand still', 'followers-frozen')
  replacesItsLeaderWhen('kill -9 of all, and a cold start', 'all-killed')
  survives('a lost disk', 'disk-lost')
  replacesItsLeaderWhen('disks that are full when votes are to be written', 'disk-full')
  replacesItsLeaderWhen('a restart of each in turn', 'rolling-restart')
  survives(
    'those who would be one of them: a twin, peers of another cluster or with another list, a second one on a port, nonsense',
    ...['twin', 'another-cluster', 'other-voters', 'port-in-use', 'malformed'],
  )
})

describe('five peers, whatever happens to their lines', () => {
  const { replacesItsLeaderWhen, survives } = peersTrialOf({ voters: 5 })

  replacesItsLeaderWhen('a minority with the leader that is cut off', 'minority-cut-off')
  replacesItsLeaderWhen('a leader that hears others and is not heard', 'leader-unheard')
  replacesItsLeaderWhen('a leader that is heard and hears nobody', 'leader-deaf')
  survives('a follower that hears nobody, while connections break', 'follower-deaf', 'lines-reset')
})

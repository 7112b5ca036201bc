import { embedded } from 'caucus'
import { electionContract } from './elections.ts'
import { groupContract } from './groups.ts'

for (const contract of [groupContract, electionContract])
  contract('embedded()', async () => ({
    backend: embedded(),
    guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
    close: async () => {},
  }))

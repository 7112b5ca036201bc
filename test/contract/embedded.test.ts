import { embedded } from 'caucus'
import { groupContract } from './groups.ts'

groupContract('embedded()', async () => ({
  backend: embedded(),
  guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
  close: async () => {},
}))

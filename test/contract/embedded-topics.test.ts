import { embedded } from 'caucus'
import { topicContract } from './topics.ts'

topicContract('embedded()', async () => ({
  backend: embedded(),
  guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
  close: async () => {},
}))

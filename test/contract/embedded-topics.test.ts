import { embedded } from 'caucus'
import { topicValuesContract } from './topic-values.ts'
import { topicContract } from './topics.ts'

const open = async () => ({
  backend: embedded(),
  guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false } as const,
  close: async () => {},
})

topicContract('embedded()', open)
topicValuesContract('embedded()', open)

import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'
import { openLocal } from './subjects/local.ts'

backendContract(
  { describe, test, afterAll },
  {
    name: 'local()',
    guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: false },
    open: openLocal,
    lacks: {
      cutOff: 'the processes of one machine have nothing between them that could be cut',
      stopServers: 'as long as one process is left, it coordinates',
    },
  },
)

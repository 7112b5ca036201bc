import { embedded } from 'caucus'
import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'

const ITSELF = 'it is one process with all of its members, and ends with them'

backendContract(
  { describe, test, afterAll },
  {
    name: 'embedded()',
    guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
    open: async () => ({ backend: embedded(), close: async () => {} }),
    lacks: { crashCoordinator: ITSELF, cutOff: ITSELF, stopServers: ITSELF },
  },
)

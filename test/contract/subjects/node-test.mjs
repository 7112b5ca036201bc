// The contract as somebody with another test runner applies it, to the package as it is built.
import { after, describe, test } from 'node:test'
import { embedded } from 'caucus'
import { backendContract } from 'caucus/testing'

const itself = 'it is one process with all of its members, and ends with them'

backendContract(
  { describe, test, afterAll: after },
  {
    name: 'embedded()',
    guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
    open: async () => ({ backend: embedded(), close: async () => {} }),
    lacks: { crashCoordinator: itself, cutOff: itself, stopServers: itself },
    say: () => {},
  },
)

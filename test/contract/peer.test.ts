import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'
import { openPeers } from './subjects/peers.ts'

backendContract(
  { describe, test, afterAll },
  {
    name: 'three peers with data directories',
    guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: true },
    leaseMs: 2_000,
    open: () => openPeers({ durable: true }),
  },
)

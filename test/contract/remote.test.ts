import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'
import { openRemote } from './subjects/remote.ts'

const runner = { describe, test, afterAll }

backendContract(runner, {
  name: 'remote() and a server',
  guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
  open: () => openRemote({ durable: false }),
})

backendContract(runner, {
  name: 'remote() and a server with a data directory',
  guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: false },
  open: () => openRemote({ durable: true }),
})

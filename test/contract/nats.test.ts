import { embedded } from 'caucus'
import { nats } from 'caucus/nats'
import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'
import { NATS, startNats } from '../../src/testing/servers/nats.ts'
import { lackFor } from '../process/support/needs.ts'

const lack = lackFor('the contract of topics on NATS', [NATS])
const elsewhere = 'groups are the business of embedded() here; NATS carries topics'

describe.skipIf(lack !== undefined)('on a real nats-server', () => {
  backendContract(
    { describe, test, afterAll },
    {
      name: 'embedded() with topics: nats()',
      guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
      parts: ['guarantees', 'topics', 'values'],
      lacks: { crashCoordinator: elsewhere, cutOff: elsewhere, stopServers: elsewhere, isolate: elsewhere },
      open: async () => {
        const server = await startNats()
        return { backend: embedded(), topics: nats(server.url), close: server.close }
      },
    },
  )
})

import { backendContract } from 'caucus/testing'
import { afterAll, describe, test } from 'vitest'
import { ETCD } from '../../src/testing/servers/etcd.ts'
import { lackFor } from '../process/support/needs.ts'
import { openEtcd } from './subjects/etcd.ts'

const elsewhere = 'etcd carries no messages; with nats() topics go another way'

describe.skipIf(lackFor('the contract on etcd', [ETCD]) !== undefined)('on a real etcd', () => {
  backendContract(
    { describe, test, afterAll },
    {
      name: 'etcd()',
      guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: true },
      leaseMs: 2_000,
      open: openEtcd,
      lacks: { topics: elsewhere, values: elsewhere },
    },
  )
})

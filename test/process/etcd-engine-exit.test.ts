import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

describe.skipIf(lackFor('the end of an engine', [ETCD]))('a process with an engine on etcd', () => {
  let etcd: EtcdServers
  beforeAll(async () => {
    etcd = await startEtcd({ nodes: 3 })
  })
  afterEach(endAll)
  afterAll(() => etcd.close())

  const exit = async (what: string) => {
    const child = startNode(['test/process/support/etcd-engine-exit.mjs', etcd.urls.join(), what])
    const ended = await waitFor('the process to end by itself', () => child.ended())
    expect(child.stderr()).toBe('')
    expect(ended).toEqual({ code: 0, signal: null })
    return child.stdout()
  }

  test('ends by itself once the engine is closed', async () => {
    expect(await exit('at-work')).toBe('closed answered\n')
  })

  test('ends while the member that it was connecting to is frozen', async () => {
    etcd.nodes[0]?.freeze()
    try {
      expect(await exit('connecting')).toBe('closed CAUCUS_CLOSED\n')
    } finally {
      etcd.nodes[0]?.thaw()
    }
  })
})

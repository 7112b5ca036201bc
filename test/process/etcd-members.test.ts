import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'caucus'
import { etcd } from 'caucus/etcd'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'

const TIMING = { leaseMs: 4_000, heartbeatMs: 500, settleMs: 100 }
const PARTITIONS = { partitions: 12 }

describe.skipIf(lackFor('members on etcd', [ETCD]) !== undefined)('members on a real etcd', () => {
  let servers: EtcdServers

  beforeAll(async () => {
    servers = await startEtcd({ nodes: 3 })
  })

  afterAll(async () => {
    await servers[Symbol.asyncDispose]()
  })

  const open = (prefix: string, more: { fresh?: boolean; tokensAbove?: number } = { fresh: true }) =>
    connect(etcd({ urls: servers.urls, prefix, timing: TIMING, ...more }))

  it('keep what they hold while a member of etcd stands still, and while another one is killed', {
    timeout: 60_000,
  }, async () => {
    await using a = await open('still')
    await using b = await open('still')
    const one = await a.group('jobs').join({ id: 'a', share: PARTITIONS })
    const two = await b.group('jobs').join({ id: 'b', share: PARTITIONS })
    await Promise.all([one, two].map((each) => each.settled({ timeoutMs: 20_000 })))
    await expect.poll(() => [one.partitions.length, two.partitions.length], { timeout: 20_000 }).toEqual([6, 6])
    const before = [...one.partitions, ...two.partitions].map(
      (partition) => one.epoch(partition) ?? two.epoch(partition),
    )
    for (const node of servers.nodes) {
      node.freeze()
      await sleep(2_000)
      expect([one.partitions.length, two.partitions.length]).toEqual([6, 6])
      node.thaw()
      await sleep(1_500)
    }
    for (const node of servers.nodes) {
      await node.kill()
      await sleep(1_000)
      expect([one.partitions.length, two.partitions.length]).toEqual([6, 6])
      await node.restart()
      await sleep(1_000)
    }
    const after = [...one.partitions, ...two.partitions].map(
      (partition) => one.epoch(partition) ?? two.epoch(partition),
    )
    expect(after).toEqual(before)
  })

  it('under two prefixes are two clusters', { timeout: 30_000 }, async () => {
    await using a = await open('one')
    await using b = await open('two')
    const first = await a.election('boss').campaign({ id: 'a' })
    const second = await b.election('boss').campaign({ id: 'b' })
    expect([first.held, second.held]).toEqual([true, true])
    expect((await a.groups()).map(({ members }) => members.length)).toEqual([1])
  })

  it('are given tokens above those of before', { timeout: 30_000 }, async () => {
    const tokensAbove = 3_000_000_000 * 2 ** 21 + 5
    await using caucus = await open('moved', { fresh: true, tokensAbove })
    const tenure = await caucus.election('boss').campaign({ id: 'a' })
    expect(tenure.token).toBeGreaterThan(tokensAbove)
  })

  it('take nothing from a coordinator who began below those tokens, and are told', { timeout: 60_000 }, async () => {
    const tokensAbove = 3_000_000_000 * 2 ** 21
    await using early = await open('low', { fresh: true, tokensAbove })
    const old = await open('low')
    const before = await old.election('boss').campaign({ id: 'old' })
    expect(before.token).toBeLessThan(tokensAbove)
    await expect(open('low', { tokensAbove })).rejects.toMatchObject({
      code: 'CAUCUS_CONFLICT',
      message: expect.stringMatching(/under low\/ who began without tokensAbove/),
    })
    // Who was connected before is told when it wants something, and waits for somebody who has it.
    const told = (async () => {
      for await (const event of early.events()) if (event.type === 'link.refused') return event.error.code
      return undefined
    })()
    const waiting = early.election('boss').campaign({ id: 'early' })
    expect(await told).toBe('CAUCUS_CONFLICT')
    await before.resign()
    await old.close()
    expect((await waiting).token).toBeGreaterThan(tokensAbove)
  })
})

import { describe, expect, test } from 'vitest'
import { Coordinator, type CoordinatorEffect, type CoordinatorInput } from '../../../../src/core/group/coordinator.ts'
import type { Renew, ShareKind, ShareMessage } from '../../../../src/core/group/messages.ts'
import { grantMs } from '../../../../src/core/lease.ts'
import { SETTINGS } from './table.ts'

const GRANT_MS = grantMs(SETTINGS.leaseMs)
const ELECTION = 'election/e'

/** A coordinator whose members are vouched for by somebody else. */
class Vouched {
  now = 0
  readonly coordinator = new Coordinator({
    clusterId: 'cluster',
    instanceId: 'server',
    foundation: { generation: 10, defaultCeilingMs: SETTINGS.leaseMs, ceilingsMs: {} },
    startedAt: 0,
    fresh: true,
    defaults: SETTINGS,
    groups: new Map(),
    limits: { groups: 10, membersPerGroup: 100 },
  })
  readonly shares = new Map<string, ShareMessage>()
  told = 0
  #sequence = 0
  readonly #group: string
  readonly #share: ShareKind

  constructor(group = ELECTION, share: ShareKind = 'tenure') {
    this.#group = group
    this.#share = share
  }

  says(member: string, more: Partial<Renew> = {}, present = true): void {
    const share = this.shares.get(member)
    const message: Renew = {
      type: 'renew',
      group: this.#group,
      member,
      bootId: `boot-${member}`,
      sequence: ++this.#sequence,
      order: share?.order ?? 0,
      share: this.#share,
      ...(share !== undefined && { incarnation: share.incarnation, generation: share.generation }),
      holding: share?.holding ?? [],
      draining: [],
      acknowledged: [],
      ...more,
    }
    this.step({ type: 'received', from: 'etcd', message, ...(present && { present: true }) })
  }

  goes(member: string, bootId = `boot-${member}`): void {
    this.step({ type: 'gone', from: 'etcd', group: this.#group, member, bootId })
  }

  step(input: CoordinatorInput | { type: 'woke' }): void {
    this.#perform(this.coordinator.step(input, this.now))
  }

  /** Lets so much time go by, and wakes it whenever it wants to be. */
  pass(ms: number): void {
    const until = this.now + ms
    for (let at = this.coordinator.wakeAt(); at !== undefined && at <= until; at = this.coordinator.wakeAt()) {
      this.now = Math.max(this.now, at)
      this.step({ type: 'woke' })
    }
    this.now = until
  }

  get members(): readonly string[] {
    return (this.coordinator.viewOf(this.#group)?.members ?? []).map(({ id }) => id)
  }

  holds(member: string): boolean {
    return (this.shares.get(member)?.holding.length ?? 0) > 0
  }

  #perform(effects: readonly CoordinatorEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.type !== 'share') continue
      this.told++
      this.shares.set(effect.message.member, effect.message)
    }
  }
}

describe('a session that somebody vouches for', () => {
  test('does not expire while it says nothing', () => {
    const group = new Vouched()
    group.says('a')
    group.pass(3_600_000)
    expect(group.members).toEqual(['a'])
  })

  test('and then is gone expires a lease later, and frees what it had', () => {
    const group = new Vouched()
    group.says('a')
    group.says('b')
    group.pass(60_000)
    group.goes('a')
    group.pass(GRANT_MS - 1)
    expect(group.members).toEqual(['a', 'b'])
    expect(group.holds('b')).toBe(false)
    group.pass(1)
    expect(group.members).toEqual(['b'])
    expect(group.holds('b')).toBe(true)
  })

  test('hides nobody who has gone, though it was renewed before', () => {
    const group = new Vouched()
    for (const member of ['a', 'b', 'c']) group.says(member)
    group.pass(10_000)
    group.goes('c')
    group.pass(100)
    group.goes('b')
    group.pass(GRANT_MS - 100)
    expect(group.members).toEqual(['a', 'b'])
    group.pass(100)
    expect(group.members).toEqual(['a'])
  })

  test('that comes back in time is there as before, and is told so, also when it says nothing new', () => {
    const group = new Vouched()
    group.says('a', { sequence: 7 })
    group.pass(60_000)
    group.goes('a')
    group.pass(GRANT_MS / 2)
    const { told } = group
    group.says('a', { sequence: 7 })
    expect(group.told).toBe(told + 1)
    group.pass(60_000)
    expect(group.members).toEqual(['a'])
    expect(group.holds('a')).toBe(true)
  })

  test('is told once what it said', () => {
    const group = new Vouched()
    group.says('a')
    group.goes('a')
    const { told } = group
    group.says('a')
    expect(group.told).toBe(told + 1)
  })

  test('is not gone because an earlier process of that name is', () => {
    const group = new Vouched()
    group.says('a')
    group.goes('a', 'an earlier boot')
    group.pass(60_000)
    expect(group.members).toEqual(['a'])
  })

  test('that went may still renew by itself, and expires as anybody does then', () => {
    const group = new Vouched()
    group.says('a')
    group.goes('a')
    group.pass(GRANT_MS / 2)
    group.says('a', {}, false)
    group.pass(GRANT_MS - 1)
    expect(group.members).toEqual(['a'])
    group.pass(2)
    expect(group.members).toEqual([])
  })
})

describe('as long as it is vouched for it counts as renewed now', () => {
  test('so a successor waits a lease from when the former was fenced, however long ago that spoke', () => {
    const group = new Vouched()
    group.says('a')
    group.pass(60_000)
    group.shares.delete('a')
    group.says('a', { bootId: 'another' })
    group.pass(GRANT_MS - 1)
    expect(group.holds('a')).toBe(false)
    group.pass(1)
    expect(group.holds('a')).toBe(true)
  })

  test('so what is drained for too long is free a lease after it was not renewed any more', () => {
    const group = new Vouched('g', { partitions: 1 })
    group.says('a')
    group.pass(1_000)
    expect(group.holds('a')).toBe(true)
    group.pass(60_000)
    // It asks to leave, and drains for ever.
    const { holding = [] } = group.shares.get('a') ?? {}
    group.says('b')
    group.says('a', { leaving: true, holding: [], draining: holding })
    group.pass(SETTINGS.drainLimitMs + GRANT_MS - 1)
    expect(group.holds('b')).toBe(false)
    group.pass(1)
    expect(group.holds('b')).toBe(true)
  })

  test('so its place is kept for a grace from when it was seen to be gone', () => {
    const group = new Vouched('g', 'index')
    group.says('a', { static: true })
    group.says('b')
    group.pass(60_000)
    group.goes('a')
    const kept = () => group.coordinator.viewOf('g')?.kept ?? []
    group.pass(GRANT_MS)
    expect(kept().map(({ id }) => id)).toEqual(['a'])
    group.pass(SETTINGS.staticGraceMs - GRANT_MS - 1)
    expect(kept()).toHaveLength(1)
    group.pass(1)
    expect(kept()).toEqual([])
  })
})

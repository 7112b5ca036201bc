import { describe, expect, test } from 'vitest'
import { Member, type MemberEffect } from '../../../../src/core/group/member.ts'
import type { Leave, Left, Renew, ShareMessage } from '../../../../src/core/group/messages.ts'
import { epochOf, grantMs } from '../../../../src/core/lease.ts'
import { FOUR, join, SETTINGS, Table } from './table.ts'

describe('one id, two processes', () => {
  test('the newer fences the older, and has the share once the older said that it let go', () => {
    const table = new Table()
    const older = table.sit('ann#1', FOUR)
    table.pass(300)
    table.sit('ann#2', FOUR)
    expect(older.refusedWith).toBe('CAUCUS_FENCED')
    expect(table.holds('ann#1')).toEqual([])
    table.pass(SETTINGS.settleMs)
    expect(table.items('ann#2')).toEqual([0, 1, 2, 3])
  })

  test('a frozen older one is waited for', () => {
    const table = new Table()
    const older = table.sit('ann#1', FOUR)
    table.pass(300)
    older.awake = false
    table.sit('ann#2', FOUR)
    table.pass(600)
    expect(table.holds('ann#2')).toEqual([])
    table.pass(700)
    expect(table.items('ann#2')).toEqual([0, 1, 2, 3])
    table.wake('ann#1')
    expect(table.holds('ann#1')).toEqual([])
    expect(older.refusedWith).toBe('CAUCUS_FENCED')
  })

  test('an eviction is no acknowledgement', () => {
    const table = new Table()
    const ann = table.sit('ann', FOUR)
    table.sit('bob', FOUR)
    table.pass(300)
    ann.reachable = false
    table.evict('ann')
    table.pass(500)
    expect(table.items('bob')).toHaveLength(2)
    table.pass(700)
    expect(table.items('bob')).toEqual([0, 1, 2, 3])
  })
})

describe('a new coordinator', () => {
  test.each(['index', FOUR] as const)('moves nothing when everybody is alive (%o)', (share) => {
    const table = new Table()
    for (const name of ['ann', 'bob', 'cy']) table.sit(name, share)
    table.pass(500)
    const before = ['ann', 'bob', 'cy'].map((name) => table.holds(name))
    table.restart()
    table.pass(100)
    table.relink()
    table.pass(5_000)
    expect(['ann', 'bob', 'cy'].map((name) => table.holds(name))).toEqual(before)
    expect(table.state()).toBe('settled')
  })

  test('gives nobody what was not claimed before every earlier lease has run out', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    const bob = table.sit('bob', FOUR)
    table.pass(500)
    bob.reachable = false
    table.restart()
    const restartedAt = table.now
    table.relink('ann')
    table.pass(grantMs(SETTINGS.leaseMs) - 1)
    expect(table.items('ann')).toHaveLength(2)
    table.pass(2)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
    expect(table.now - restartedAt).toBeGreaterThan(grantMs(SETTINGS.leaseMs))
  })

  test('with a shorter lease still waits for the longer ones that the earlier one gave', () => {
    const table = new Table({ defaults: { ...SETTINGS, leaseMs: 10_000 } })
    table.foundation = { ...table.foundation, defaultCeilingMs: 10_000 }
    const ann = table.sit('ann', FOUR)
    table.pass(500)
    ann.reachable = false
    table.restart({ defaults: SETTINGS })
    table.sit('bob', FOUR)
    table.pass(9_000)
    expect(table.holds('bob')).toEqual([])
    table.pass(2_000)
    expect(table.items('bob')).toEqual([0, 1, 2, 3])
  })

  test('that meets a claim of a later generation takes a later one still', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    table.pass(500)
    const [held] = table.holds('ann')
    table.foundation = { ...table.foundation, generation: 3 }
    table.restart()
    expect(table.coordinator.generation).toBe(4)
    table.relink()
    expect(table.coordinator.generation).toBe(11)
    expect(table.holds('ann')).toContainEqual(held)
  })

  test('that was started within the same second, without a store, still gives nothing at an epoch that was given before', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    table.sit('bob', FOUR)
    table.pass(500)
    const before = table.holds('ann')
    table.foundation = { ...table.foundation, generation: 9 }
    table.restart()
    expect(table.coordinator.generation).toBe(10)
    table.relink()
    expect(table.coordinator.generation).toBe(11)
    table.pass(3_000)
    expect(table.holds('ann')).toEqual(before)
  })

  test('refuses a claim that is too far ahead, and is not moved by it', () => {
    const table = new Table()
    const claim = { incarnation: epochOf(2 ** 32 - 1, 5), generation: 10 }
    table.say({ ...join('eve', 'boot-eve'), ...claim })
    expect(table.sent.at(-1)).toMatchObject({ type: 'refused', code: 'CAUCUS_PROTOCOL' })
    expect(table.coordinator.generation).toBe(10)
  })
})

describe('what got lost or came late', () => {
  const metadataOf = (table: Table, id: string) =>
    table.coordinator.viewOf('g')?.members.find((member) => member.id === id)?.metadata

  test('metadata is said until it was heard, and again to whoever forgot it', () => {
    const table = new Table()
    const ann = table.sit('ann')
    ann.reachable = false
    ann.member.step({ type: 'metadata', metadata: { zone: 'a' } }, table.now)
    table.pass(300)
    ann.reachable = true
    table.pass(400)
    expect(metadataOf(table, 'ann')).toEqual({ zone: 'a' })
    ann.reachable = false
    table.pass(3_000)
    expect(metadataOf(table, 'ann')).toBeUndefined()
    ann.reachable = true
    table.pass(600)
    expect(metadataOf(table, 'ann')).toEqual({ zone: 'a' })
  })

  test('whoever leaves while its join is under way does not stay as a ghost', () => {
    const table = new Table()
    const options = { group: 'g', member: 'ann', bootId: 'boot-ann', heartbeatMs: 200, stopMarginMs: 50 }
    const ann = new Member(options)
    const told = (effects: readonly MemberEffect[]) =>
      effects.flatMap((effect) => (effect.type === 'send' ? effect.message : []))
    const [first] = told(ann.step({ type: 'linked', instanceId: 'server', generation: 10 }, 0))
    ann.step({ type: 'leave' }, 0)
    expect(ann.view().state).toBe('leaving')
    table.say(first as Renew)
    const [answer] = table.sent
    const [last] = told(ann.step({ type: 'received', message: answer as ShareMessage }, 0))
    table.say(last as Leave)
    expect(table.coordinator.viewOf('g')?.members).toEqual([])
    ann.step({ type: 'received', message: table.sent.at(-1) as Left }, 0)
    expect(ann.view().state).toBe('left')
  })

  test('an order number of an expired session frees nothing of the next one', () => {
    const table = new Table()
    table.say(join('ann', 'boot-x'))
    const renew = { ...join('ann', 'boot-x', 9), generation: 10, order: 7 }
    const [share] = table.sent.filter((message) => message.type === 'share')
    table.pass(2_000)
    table.say({ ...renew, incarnation: share?.incarnation ?? 0 })
    table.pass(200)
    const before = table.coordinator.viewOf('g')?.members
    table.say({ ...renew, sequence: 10, incarnation: share?.incarnation ?? 0 })
    expect(before?.[0]).toMatchObject({ id: 'ann', index: 1 })
    expect(table.coordinator.viewOf('g')?.members).toEqual(before)
  })

  test('a claim of partitions is not mistaken for one of places, whoever speaks first after a restart', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    table.pass(500)
    const before = table.holds('ann')
    table.restart()
    table.say(join('eve', 'boot-eve'))
    expect(table.coordinator.viewOf('g')?.share).toBe('index')
    table.relink('ann')
    expect(table.coordinator.viewOf('g')?.share).toEqual(FOUR)
    expect(table.holds('ann')).toEqual(before)
  })

  test('two claims to one partition: the later grant wins, and the group settles once the loser is gone', () => {
    const table = new Table()
    table.restart({ fresh: false })
    const claim = (member: string, epoch: number) => ({
      ...join(member, `boot-${member}`),
      incarnation: epochOf(10, epoch),
      generation: 11,
      share: FOUR,
      holding: [{ item: 0, epoch: epochOf(10, epoch) }],
    })
    table.say(claim('old', 5))
    table.say(claim('new', 6))
    const owner = () => table.coordinator.viewOf('g')?.members.filter(({ partitions }) => partitions?.includes(0))
    expect(owner()).toMatchObject([{ id: 'new' }])
    table.sit('cy', FOUR)
    table.pass(5_000)
    expect(table.items('cy')).toEqual([0, 1, 2, 3])
    expect(table.state()).toBe('settled')
  })
})

describe('what contradicts', () => {
  test('another kind of share is refused, and nobody else notices', () => {
    const table = new Table()
    table.sit('ann', FOUR)
    table.pass(300)
    const eve = table.sit('eve', { partitions: 5 })
    expect(eve.refusedWith).toBe('CAUCUS_CONFLICT')
    table.pass(300)
    expect(table.items('ann')).toEqual([0, 1, 2, 3])
  })

  test('limits on members and groups refuse the newcomer only', () => {
    const table = new Table({ limits: { groups: 1, membersPerGroup: 1 } })
    table.sit('ann')
    table.say(join('bob', 'boot-bob'))
    expect(table.sent.at(-1)).toMatchObject({ type: 'refused', code: 'CAUCUS_OVERLOADED' })
    table.say({ ...join('bob', 'boot-bob'), group: 'other' })
    expect(table.sent.at(-1)).toMatchObject({ type: 'refused', code: 'CAUCUS_OVERLOADED' })
    table.pass(300)
    expect(table.items('ann')).toEqual([1])
  })

  test('an idle group is forgotten, so that names do not pile up', () => {
    const table = new Table()
    table.sit('ann')
    table.pass(300)
    table.leave('ann')
    table.pass(5_000)
    expect(table.coordinator.view().groups).toEqual([])
  })
})

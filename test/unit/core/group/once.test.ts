import { describe, expect, test } from 'vitest'
import { Coordinator, type CoordinatorEffect, type CoordinatorOptions } from '../../../../src/core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../../../../src/core/group/foundation.ts'
import type { CoordinatorMessage, MemberMessage, Renew } from '../../../../src/core/group/messages.ts'
import { atFault, groupOfOnce, onceNameFault, onceOf } from '../../../../src/core/group/onces.ts'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import { explain } from '../../../../src/core/group/reasons.ts'
import { ofGroup, ofMember, past, view } from './explained.ts'
import { SETTINGS } from './table.ts'

/** Of the coordinator, at its start. */
const WALL = 1_700_000_000_000
const group = groupOfOnce({ name: 'job', atMs: WALL + 10 })

/** A coordinator whose store answers when the test says so. */
const desk = (foundation: Partial<Foundation> = {}, options: Partial<CoordinatorOptions> = {}) => {
  let now = 0
  const founded = { generation: 10, defaultCeilingMs: SETTINGS.leaseMs, ceilingsMs: {}, ...foundation }
  const coordinator = new Coordinator({
    clusterId: 'cluster',
    instanceId: 'server',
    foundation: founded,
    startedAt: now,
    wallMs: WALL,
    fresh: true,
    defaults: SETTINGS,
    groups: new Map(),
    limits: { groups: 10, membersPerGroup: 10 },
    ...options,
  })
  const events: GroupEvent[] = []
  const writes: { ticket: number; foundation: Foundation }[] = []
  const heard = (effects: readonly CoordinatorEffect[]): CoordinatorMessage[] => {
    const messages: CoordinatorMessage[] = []
    for (const effect of effects) {
      if (effect.type === 'emit') events.push(effect.event)
      else if (effect.type === 'persist') writes.push(effect)
      else messages.push(effect.message as CoordinatorMessage)
    }
    return messages
  }
  return {
    coordinator,
    events,
    writes,
    at: (instant: number) => {
      now = instant
    },
    hear: (message: MemberMessage, wallMs = WALL + now) =>
      heard(coordinator.step({ type: 'received', from: 'link', message, wallMs }, now)),
    wake: () => heard(coordinator.step({ type: 'woke' }, now)),
    /** The oldest write that waits is durable, or is not. */
    written: (well = true) => {
      const write = writes.shift()
      if (write === undefined) throw new Error('nothing is being written')
      return heard(coordinator.step({ type: well ? 'persisted' : 'persistFailed', ticket: write.ticket }, now))
    },
  }
}

const renew = (member: string, more: Partial<Renew> = {}): Renew => ({
  type: 'renew',
  group,
  member,
  bootId: `boot-${member}`,
  sequence: 1,
  order: 0,
  share: 'once',
  holding: [],
  draining: [],
  acknowledged: [],
  ...more,
})

const holding = (messages: readonly CoordinatorMessage[]) =>
  messages.flatMap((message) =>
    message.type === 'share' && message.holding[0] !== undefined
      ? [{ member: message.member, token: message.holding[0].epoch, incarnation: message.incarnation }]
      : [],
  )
const told = (messages: readonly CoordinatorMessage[]) =>
  messages.map((message) => (message.type === 'concluded' ? `${message.member}: ${message.conclusion}` : message.type))

/** Somebody runs it, and somebody else waits. */
const running = (options: Partial<CoordinatorOptions> = {}) => {
  const table = desk({}, options)
  table.hear(renew('a'))
  table.hear(renew('b'))
  table.at(10)
  table.wake()
  const [run] = holding(table.written())
  if (run === undefined) throw new Error('nobody was granted it')
  const { token, incarnation } = run
  const leave = {
    type: 'leave',
    group,
    member: 'a',
    bootId: 'boot-a',
    incarnation,
    sequence: 9,
    ran: { token, outcome: 'done' },
  } as const
  return { ...table, run, leave }
}

test('a run has a group of its name and instant', () => {
  expect(group).toBe('once/job/1700000000010')
  expect(onceOf(group)).toEqual({ name: 'job', atMs: WALL + 10 })
  expect(onceOf('once/a/b/0')).toEqual({ name: 'a/b', atMs: 0 })
  for (const other of [
    'job',
    'once/job',
    'once/job/',
    'once//1',
    'once/job/01',
    'once/job/-1',
    'once/job/1e3',
    'once/1',
  ]) {
    expect(onceOf(other)).toBeUndefined()
  }
  expect(onceOf('once/job/9999999999999999')).toBeUndefined()
  expect(onceNameFault('x'.repeat(106))).toBeUndefined()
  expect(onceNameFault('x'.repeat(107))).toContain('longer than 106 bytes')
  expect(atFault(WALL)).toBeUndefined()
  expect(atFault(Number.NaN)).toContain('whole milliseconds')
})

describe('a run begins', () => {
  test('when its instant has come, once that is durable, and goes to who came first', () => {
    const { hear, at, wake, written, writes, coordinator, events } = desk()
    expect(holding(hear(renew('a')))).toEqual([])
    expect(holding(hear(renew('b')))).toEqual([])
    expect([writes.length, coordinator.wakeAt()]).toEqual([0, 10])
    at(10)
    expect(holding(wake())).toEqual([])
    expect(writes.map(({ foundation }) => foundation.onceUntilMs)).toEqual([WALL + 10])
    expect(holding(written()).map(({ member }) => member)).toEqual(['a'])
    expect(events.filter(({ type }) => type.startsWith('once'))).toMatchObject([{ type: 'once.granted', member: 'a' }])
  })

  test('not while it cannot be written down, which is tried again', () => {
    const { hear, at, written } = desk()
    at(20)
    hear(renew('a'))
    expect(holding(written(false))).toEqual([])
    expect(holding(hear(renew('a', { sequence: 2 })))).toEqual([])
    expect(holding(written())).toHaveLength(1)
  })

  test('and ends by the word of whoever runs it, and of nobody else who read its token', () => {
    const { hear, leave } = running()
    for (const stranger of ['b', 'nobody']) {
      const forged = hear({ ...leave, member: stranger, bootId: `boot-${stranger}` })
      expect(told(forged).filter((each) => each.includes(': '))).toEqual([])
    }
    expect(told(hear(leave))).toContain('left')
  })

  test('by the wall clock as it was read last', () => {
    const { hear, at, wake, writes } = desk()
    at(20)
    hear(renew('a'), WALL - 5_000)
    wake()
    expect(writes).toEqual([])
    hear(renew('a', { sequence: 2 }), WALL + 10)
    expect(writes).toHaveLength(1)
  })

  test('nowhere when its instant is far ahead: then clocks differ', () => {
    const { hear } = desk()
    const [refused] = hear(renew('a', { group: groupOfOnce({ name: 'job', atMs: WALL + 75_000 }) }))
    expect(refused).toMatchObject({ type: 'refused', code: 'CAUCUS_INVALID_ARGUMENT' })
    expect(JSON.stringify(refused)).toContain('75 s ahead of the coordinator')
  })

  test('nowhere without a wall clock, and in no group of another name', () => {
    const blind = desk({}, { wallMs: undefined as never }).hear(renew('a'))
    expect(blind).toMatchObject([{ type: 'refused', code: 'CAUCUS_CONFLICT' }])
    const { hear } = desk()
    for (const name of ['once/job', 'once/job/x', 'g', 'election/e']) {
      expect(hear(renew('a', { group: name }))).toMatchObject([{ type: 'refused', code: 'CAUCUS_CONFLICT' }])
    }
    expect(hear(renew('a', { share: 'tenure' }))).toMatchObject([{ type: 'refused', code: 'CAUCUS_CONFLICT' }])
  })
})

describe('a run ends', () => {
  test('with what its holder says, which everybody is told from then on', () => {
    const { hear, leave, coordinator, events, run } = running()
    expect(told(hear(leave))).toEqual(['left', 'b: done'])
    expect(coordinator.viewOf(group)).toBeUndefined()
    expect(told(hear(renew('c')))).toEqual(['c: done'])
    expect(told(hear(leave))).toEqual(['left'])
    expect(events.at(-1)).toEqual({ type: 'once.finished', member: 'a', epoch: run.token, outcome: 'done' })
    expect(explain(events.at(-1) as GroupEvent)).toBe(`a ran it with the token ${run.token}: done.`)
  })

  test('lost, when it is let go without a word; and as its holder says when that is heard after all', () => {
    const { hear, leave, events } = running()
    const { ran: _ran, ...silent } = leave
    expect(told(hear(silent))).toEqual(['left', 'b: lost'])
    expect(told(hear(renew('c')))).toEqual(['c: lost'])
    hear({ ...leave, ran: { ...leave.ran, token: leave.ran.token + 1 } })
    expect(told(hear(renew('c')))).toEqual(['c: lost'])
    hear({ ...leave, sequence: 12 })
    expect(told(hear(renew('c')))).toEqual(['c: done'])
    expect(events.map(({ type }) => type).filter((type) => type.startsWith('once'))).toEqual([
      'once.granted',
      'once.lost',
      'once.finished',
    ])
  })

  test('and is past, when it is forgotten', () => {
    const { hear, leave, at } = running({ once: { retentionMs: 1_000 } })
    hear(leave)
    at(900)
    expect(told(hear(renew('c')))).toEqual(['c: done'])
    at(2_000)
    expect(told(hear(renew('c')))).toEqual(['c: unknown'])
    const { hear: other, leave: first } = running({ once: { records: 0 } })
    other(first)
    expect(told(other(renew('c')))).toEqual(['c: unknown'])
  })
})

describe('a new coordinator', () => {
  const stored = { generation: 10, defaultCeilingMs: 1_000, ceilingsMs: {}, onceUntilMs: WALL + 10 }

  test('finds again up to where something may have begun, whatever its clock says', () => {
    const foundation = nextFoundation(stored, { defaultLeaseMs: 1_000, leasesMs: {} }, WALL)
    expect(foundation.onceUntilMs).toBe(WALL + 10)
    const { hear, at } = desk(foundation)
    at(500)
    expect(told(hear(renew('a')))).toEqual(['a: unknown'])
    const next = groupOfOnce({ name: 'job', atMs: WALL + 11 })
    expect(told(hear(renew('a', { group: next })))).toEqual(['share'])
  })

  test('begins nothing that is older than its start', () => {
    const { hear } = desk({}, { wallMs: WALL + 20 })
    expect(told(hear(renew('a'), WALL + 20))).toEqual(['a: unknown'])
  })

  test('waits for whoever may have begun it, and tells the others what that says', () => {
    const { hear, at, wake } = desk({ ...stored, generation: 20 }, { fresh: false })
    expect(told(hear(renew('b')))).toEqual(['share'])
    const token = 10 * 2 ** 21 + 5
    hear(renew('a', { generation: 20, incarnation: token - 1, holding: [{ item: 0, epoch: token }] }))
    at(1_100)
    wake()
    const ran = { token, outcome: 'failed' } as const
    const leave = { type: 'leave', group, member: 'a', bootId: 'boot-a', sequence: 3, ran } as const
    expect(told(hear({ ...leave, incarnation: token - 1 }))).toContain('left')
    expect(told(hear(renew('c')))).toEqual(['c: failed'])
  })

  test('takes a report of which it has heard nothing before, and says so when nobody comes', () => {
    const token = 10 * 2 ** 21 + 5
    const ran = { token, outcome: 'done' } as const
    const leave = { type: 'leave', group, member: 'a', bootId: 'boot-a', sequence: 3, incarnation: 7, ran } as const
    const { hear, events } = desk({ ...stored, generation: 20 }, { fresh: false })
    hear(renew('b'))
    expect(told(hear(leave))).toEqual(['left', 'b: done'])
    expect(explain(events.at(-1) as GroupEvent)).toBe(`Whoever ran it with the token ${token} says that it is done.`)
    const alone = desk({ ...stored, generation: 20 }, { fresh: false })
    expect(told(alone.hear(leave))).toEqual(['left'])
    expect(told(alone.hear(renew('b')))).toEqual(['b: done'])
    const waiting = desk({ ...stored, generation: 20 }, { fresh: false })
    waiting.hear(renew('b'))
    waiting.at(1_021)
    waiting.hear(renew('b', { sequence: 2 }))
    expect(told(waiting.hear(renew('b', { sequence: 3 })))).toEqual(['b: unknown'])
  })
})

describe('explained', () => {
  const NOON = 1_700_049_600_000
  const run = (members: Parameters<typeof view>[0], atMs = NOON - 5_000) =>
    view(members, { name: groupOfOnce({ name: 'job', atMs }), share: 'once' })
  const caller = (id: string, more = {}) => ({ id, incarnation: 1, epoch: 0, metadata: null, ...more })
  const granted: GroupEvent = { type: 'once.granted', member: 'a', epoch: 5 }

  test('who runs it, and who waits', () => {
    const now = run([caller('a', { runs: true, epoch: 5 }), caller('b')])
    expect(ofGroup(now, past([granted])).sentence).toBe(
      'a runs it with the token 5 since 1 s ago (11:59:59 UTC). b waits to be told how it ends.',
    )
    expect(ofMember(now, past([granted]), 'b').sentence).toBe('b does not run it: a does, and nobody will again.')
    expect(ofMember(now, past([granted]), 'a').sentence).toContain('a runs it with the token 5')
  })

  test('what is waited for', () => {
    expect(ofGroup(run([caller('b')], NOON + 5_000), past([])).sentence).toContain(
      'Nobody runs it yet: its instant comes in 5 s (12:00:05 UTC). b waits',
    )
    expect(ofGroup(run([caller('b')]), past([])).sentence).toContain(
      'it was due 5 s ago (11:59:55 UTC), and whoever may have begun it before',
    )
    expect(ofGroup(run([caller('b', { drained: true })]), past([])).sentence).toContain('has everybody drained')
    expect(ofGroup(run([caller('a', { epoch: 5, revoked: [0] })]), past([granted])).sentence).toContain(
      'a is stopping to run it',
    )
  })

  test('how it ended', () => {
    const done: GroupEvent = { type: 'once.finished', member: 'a', epoch: 5, outcome: 'done' }
    expect(ofGroup(undefined, past([granted, done])).sentence).toBe(
      'a ran it with the token 5, and said 1 s ago (11:59:59 UTC) that it is done.',
    )
    const lost: GroupEvent = { type: 'once.lost', member: 'a', epoch: 5 }
    expect(ofGroup(undefined, past([granted, lost])).sentence).toContain('was not heard to the end')
    expect(explain(lost)).toContain('nobody knows how far it came')
    expect(ofGroup(undefined, past([granted])).sentence).toContain('how it ended is not known')
  })
})

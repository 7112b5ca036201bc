import { describe, expect, test } from 'vitest'
import type { Grant } from '../../../../src/config/access.ts'
import type { GroupView } from '../../../../src/core/group/view.ts'
import { Audit, type AuditEntry } from '../../../../src/server/access/audit.ts'
import type { Caller } from '../../../../src/server/access/caller.ts'
import { Ownership } from '../../../../src/server/access/ownership.ts'
import { Principal } from '../../../../src/server/access/principal.ts'

const callerOf = (name: string, ...grants: Grant[]): Caller => ({
  principal: new Principal(name, 'token', grants),
  shown: { via: 'nothing' },
  from: { address: '10.0.0.1', network: '10.0.0.1' },
})

/** Members that live by what the test says. */
const room = () => {
  const clock = { now: 1_000 }
  const alive = new Map<string, Set<string>>()
  const looks = { count: 0 }
  const lines: AuditEntry[] = []
  const audit = new Audit({ write: (line) => lines.push(line), now: () => clock.now, wallMs: () => 0 })
  const hosting = {
    viewOf: (name: string) => {
      looks.count++
      const members = [...(alive.get(name) ?? [])].map((id) => ({ id }))
      return { name, members } as unknown as GroupView
    },
  }
  const forgotten = new Set<string>()
  const isKnown = ({ name }: Principal) => !forgotten.has(name)
  const ownership = new Ownership({ hosting, audit, isKnown, now: () => clock.now })
  const join = (caller: Caller, member: string, group = 'g') => {
    const fault = ownership.use(caller, group, member)
    if (fault === undefined) alive.set(group, (alive.get(group) ?? new Set()).add(member))
    return fault?.code
  }
  return { clock, alive, looks, lines, ownership, join, forgotten }
}

const MEMBER: Grant = { role: 'member' }

describe('a member id', () => {
  test('is that of the identity which introduced it, with every token of that identity', () => {
    const { lines, join, ownership } = room()
    const [ours, alsoOurs, theirs] = [callerOf('a', MEMBER), callerOf('a', MEMBER), callerOf('b', MEMBER)]
    expect(join(ours, 'x')).toBeUndefined()
    expect(join(alsoOurs, 'x')).toBeUndefined()
    expect(join(theirs, 'x')).toBe('CAUCUS_FORBIDDEN')
    expect(ownership.leave(theirs, 'g', 'x')?.code).toBe('CAUCUS_FORBIDDEN')
    expect(join(theirs, 'x', 'another-group')).toBeUndefined()
    expect(lines).toEqual([])
  })

  test('is free once its member is gone', () => {
    const { alive, clock, join } = room()
    expect(join(callerOf('a', MEMBER), 'x')).toBeUndefined()
    expect(join(callerOf('b', MEMBER), 'x')).toBe('CAUCUS_FORBIDDEN')
    alive.get('g')?.delete('x')
    clock.now += 1
    expect(join(callerOf('b', MEMBER), 'x')).toBeUndefined()
    expect(join(callerOf('a', MEMBER), 'x')).toBe('CAUCUS_FORBIDDEN')
  })

  test('is that of an identity for as long as an entry names it: its token may get another name while its members live', () => {
    const { forgotten, join, lines } = room()
    join(callerOf('a', MEMBER), 'x')
    forgotten.add('a')
    expect(join(callerOf('renamed', MEMBER), 'x')).toBeUndefined()
    expect(join(callerOf('b', MEMBER), 'x')).toBe('CAUCUS_FORBIDDEN')
    expect(lines).toEqual([])
  })

  test('that an entry lists is taken over from whoever has it, which is noted', () => {
    const { lines, join } = room()
    join(callerOf('a', MEMBER), 'web-1')
    const listed = callerOf('b', { role: 'member', members: ['web-*'] })
    expect(join(listed, 'web-1')).toBeUndefined()
    expect(lines).toMatchObject([{ action: 'takeover', identity: 'b', from: '10.0.0.1', group: 'g', member: 'web-1' }])
    expect(join(callerOf('a', MEMBER), 'web-1')).toBe('CAUCUS_FORBIDDEN')
  })

  test('that an entry does not list is not to be used by it, in use or not', () => {
    const { join } = room()
    const listed = callerOf('b', { role: 'member', members: ['web-*', '{identity}'] })
    expect(join(listed, 'x')).toBe('CAUCUS_FORBIDDEN')
    expect(join(listed, 'b')).toBeUndefined()
  })

  test('is any for an admin, and none for a reader', () => {
    const { join, ownership } = room()
    join(callerOf('a', MEMBER), 'x')
    expect(join(callerOf('ops', { role: 'admin' }), 'x')).toBeUndefined()
    expect(join(callerOf('c', { role: 'read' }), 'y')).toBe('CAUCUS_FORBIDDEN')
    expect(ownership.leave(callerOf('c', { role: 'read' }), 'g', 'x')?.code).toBe('CAUCUS_FORBIDDEN')
    expect(join(callerOf('d', { role: 'admin', groups: ['other'] }), 'z')).toBe('CAUCUS_FORBIDDEN')
  })

  test('may be let go by whoever introduced it, also when it may not do more any longer', () => {
    const { join, ownership } = room()
    join(callerOf('a', MEMBER), 'x')
    expect(ownership.leave(callerOf('a', { role: 'read' }), 'g', 'x')).toBeUndefined()
  })
})

test('who is refused cannot make the server look at a large group again and again', () => {
  const { looks, join, clock } = room()
  join(callerOf('a', MEMBER), 'x')
  for (let i = 0; i < 1_000; i++) join(callerOf('b', MEMBER), 'x')
  expect(looks.count).toBeLessThan(30)
  clock.now += 1_000
  expect(join(callerOf('b', MEMBER), 'x')).toBe('CAUCUS_FORBIDDEN')
})

test('who makes the server tire of looking takes nothing by it that came, or came back, since the last look', () => {
  const { alive, join, looks, clock } = room()
  const [ours, theirs] = [callerOf('a', MEMBER), callerOf('b', MEMBER)]
  for (const member of ['live', 'back']) join(ours, member)
  alive.get('g')?.delete('back')
  while (looks.count < 20) join(theirs, 'live')
  join(theirs, 'live')
  expect(join(ours, 'new')).toBeUndefined()
  expect(join(ours, 'back')).toBeUndefined()
  expect([join(theirs, 'new'), join(theirs, 'back')]).toEqual(['CAUCUS_FORBIDDEN', 'CAUCUS_FORBIDDEN'])
  alive.get('g')?.delete('new')
  clock.now += 1_000
  expect([join(theirs, 'new'), join(theirs, 'back')]).toEqual([undefined, 'CAUCUS_FORBIDDEN'])
})

test('members that are gone are forgotten, and those of a frame that is being looked at are not', async () => {
  const { alive, ownership } = room()
  alive.set('g', new Set(['m-1', 'm-2']))
  const caller = callerOf('a', MEMBER)
  for (let i = 0; i < 50_000; i++) {
    ownership.use(caller, i % 2 === 0 ? 'g' : `g-${i}`, `m-${i}`)
    // Frames of a hundred, after each of which its members are there.
    if (i % 100 === 0) await null
  }
  expect(ownership.size).toBeLessThanOrEqual(10_100)
  for (let i = 0; i < 11_000; i++) ownership.use(caller, 'one-frame', `m-${i}`)
  alive.set('one-frame', new Set(Array.from({ length: 11_000 }, (_, i) => `m-${i}`)))
  await null
  expect(ownership.use(callerOf('b', MEMBER), 'one-frame', 'm-0')?.code).toBe('CAUCUS_FORBIDDEN')
  expect(ownership.use(callerOf('b', MEMBER), 'g', 'm-2')?.code).toBe('CAUCUS_FORBIDDEN')
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Renew } from '../../src/core/group/messages.ts'
import { Arena, PARTITIONS, type RawLink } from './support/attack-arena.ts'
import { RawMember } from './support/attack-member.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-attack-'))
const OPS = 'token-of-the-operator'
const WORKERS = 'token-of-the-workers'
const STRANGER = 'token-of-a-stranger'
const groups = ['witness-*', 'attacker-*']
const RULES = [
  { name: 'ops', token: OPS, role: 'admin' },
  { name: 'workers', token: WORKERS, role: 'member', groups },
  { name: 'stranger', token: STRANGER, role: 'member', groups },
]
const serve = async (token: string): Promise<Arena> => {
  const rules = join(folder, 'access.json')
  writeFileSync(rules, JSON.stringify(RULES), { mode: 0o600 })
  const audit = join(folder, 'audit.jsonl')
  rmSync(audit, { force: true })
  return Arena.serve(['--token-file', rules, '--audit-log', audit], token)
}
afterAll(async () => {
  await Arena.end()
  rmSync(folder, { recursive: true, force: true })
})

const JOINED = { share: { partitions: PARTITIONS } } as const

describe('a frame that was recorded and is said again', () => {
  let arena: Arena
  const members: RawMember[] = []
  beforeAll(async () => {
    arena = await serve(OPS)
    await arena.watch()
  })
  afterAll(() => {
    for (const member of members) member.end()
  })
  const join = (link: RawLink, member: string, bootId?: string): RawMember => {
    const joined = new RawMember(link, {
      ...{ group: 'attacker-replayed', member, ...JOINED },
      ...(bootId !== undefined && { bootId }),
    })
    members.push(joined)
    return joined
  }
  const view = async () => {
    const { text } = await arena.ask('GET', '/v1/groups/attacker-replayed')
    const { state, members, epoch } = JSON.parse(text)
    return { state, members, epoch }
  }

  test('changes nothing: neither a join, a renewal, an acknowledgement nor a leave, whoever says it and wherever', async () => {
    const [own, other, strange] = await Promise.all([arena.link(WORKERS), arena.link(WORKERS), arena.link(STRANGER)])
    const [victim, second] = [join(own, 'victim'), join(other, 'second')]
    await victim.has(PARTITIONS)
    // A second one comes: half of it is taken back, and acknowledged. And it goes: all of it comes back, at later epochs.
    await second.has(PARTITIONS / 2)
    second.leave()
    await victim.has(PARTITIONS)
    const [recorded, left] = [[...victim.sent], [...second.sent]]
    expect(recorded.some((frame) => /"acknowledged":\[\{/.test(frame))).toBe(true)
    expect(left.some((frame) => frame.includes('"leave"'))).toBe(true)

    await arena.withstands(async () => {
      await waitFor('the group to settle', async () => (await view()).state === 'settled')
      victim.end()
      await victim.heard()
      const before = await view()
      const frames = [...recorded, ...left, ...recorded.toReversed()]
      for (const link of [own, other, strange]) for (const frame of frames) link.socket.send(frame)
      // And as requests, by the one whose it is, by a stranger and by nobody.
      const path = '/v1/groups/attacker-replayed/members/victim'
      const statuses = new Set<string>()
      for (const frame of recorded) {
        const [message] = JSON.parse(frame) as [Renew]
        const { type: _type, group: _group, member: _member, ...body } = message
        for (const token of [WORKERS, STRANGER, 'no-token-at-all']) {
          const answer = await arena.ask('PUT', path, { token, body: JSON.stringify(body) })
          statuses.add(`${token} ${answer.status} ${answer.error?.code}`)
        }
      }
      expect([...statuses].sort()).toEqual(
        [
          'no-token-at-all 401 CAUCUS_UNAUTHORIZED',
          `${STRANGER} 403 CAUCUS_FORBIDDEN`,
          `${WORKERS} 409 CAUCUS_CONFLICT`,
        ].sort(),
      )
      await victim.heard()
      expect(await view()).toEqual(before)
      expect(victim.held.length).toBe(PARTITIONS)
    })
  })

  test('changes nothing either once its member has left and come back', async () => {
    const [own, strange] = await Promise.all([arena.link(WORKERS), arena.link(STRANGER)])
    const first = join(own, 'returning')
    await waitFor('the first to be admitted', () => {
      first.renew()
      return first.share !== undefined
    })
    first.leave()
    const again = join(own, 'returning')
    again.renew()
    await again.heard()
    const incarnation = again.share?.incarnation
    for (const link of [own, strange])
      for (const frame of [...first.sent, ...first.sent.toReversed()]) link.socket.send(frame)
    await again.heard()
    expect(again.share?.incarnation).toBe(incarnation)
    expect((await view()).members.find(({ id }: { id: string }) => id === 'returning')?.incarnation).toBe(incarnation)
    expect(again.ownRefusals).not.toContain('CAUCUS_FENCED')
  })
})

describe('a member that lies about what it has', () => {
  test('is given no more for it, and takes nothing from those it lies about', async () => {
    const arena = await serve(OPS)
    const link = await arena.link(STRANGER)
    const liar = new RawMember(link, { group: 'witness-partitions', member: 'liar', ...JOINED })
    const indexed = new RawMember(link, { group: 'witness-indexes', member: 'liar', share: 'index' })
    const watching = arena.watch(1)
    await Promise.all([liar.has(PARTITIONS / 3), indexed.has(1), watching])
    liar.end()
    indexed.end()
    const owners = async () => {
      const { text } = await arena.ask('GET', '/v1/groups/witness-partitions')
      return JSON.parse(text).members as { id: string; partitions: number[]; epoch: number }[]
    }
    const before = await owners()
    // No picture tells it epochs. Suppose that it knows them all the same.
    const { partitions: theirs } = await arena.witnessed()
    expect(theirs.length).toBe((PARTITIONS / 3) * 2)
    const mine = liar.held
    const last = Math.max(...theirs.map(({ epoch }) => epoch))
    const generation = liar.share?.generation ?? 0
    const at = (epoch: number) => theirs.map(({ item }) => ({ item, epoch }))
    const own = new Map(mine.map(({ item, epoch }) => [item, epoch]))
    const wide = Array.from({ length: 4_096 }, (_, item) => ({ item, epoch: own.get(item) ?? last }))

    const lies: readonly [string, Partial<Renew>][] = [
      ['holds what others have, at their epochs', { holding: [...mine, ...theirs] }],
      ['holds what others have, at an earlier epoch', { holding: [...mine, ...at(last - 1)] }],
      ['holds more than there is', { holding: wide }],
      ['drains what others have', { holding: mine, draining: theirs }],
      ['acknowledges what others have', { holding: mine, acknowledged: theirs }],
      ['acknowledges what was never revoked', { holding: mine, acknowledged: at(last) }],
      ['has seen an order that nobody gave', { holding: mine, order: Number.MAX_SAFE_INTEGER }],
      ['is of an older generation', { holding: [...mine, ...theirs], generation: generation - 1 }],
      ['is of a generation to come', { holding: [...mine, ...theirs], generation: generation + 1 }],
      ['shares in another way', { holding: mine, share: { partitions: PARTITIONS * 2 } }],
      ['is in a group of another kind', { holding: mine, share: 'index' }],
      ['holds at an epoch far ahead', { holding: [...mine, ...at((generation + 70_000) * 2 ** 21)] }],
      ['acknowledges an epoch far ahead', { holding: mine, acknowledged: at((generation + 70_000) * 2 ** 21) }],
      ['was admitted far ahead', { holding: mine, incarnation: (generation + 70_000) * 2 ** 21 }],
    ]
    await arena.withstands(async () => {
      for (const [lie, said] of lies) {
        liar.renew(said)
        await liar.heard()
        expect([lie, await owners()]).toEqual([lie, before])
      }
      expect(liar.refusals).toContain('CAUCUS_PROTOCOL')
      expect(liar.refusals).toContain('CAUCUS_CONFLICT')
      // In the name of those whom it has not introduced.
      liar.renew({ member: 'witness-one', holding: theirs })
      liar.leave({ member: 'witness-one' })
      await liar.heard()
      expect(liar.refusals).toContain('CAUCUS_FORBIDDEN')
      for (const index of [1, 2, 3]) {
        for (const list of ['holding', 'draining', 'acknowledged'] as const) {
          if (indexed.held[0]?.item === index) continue
          const claim = [{ item: index, epoch: indexed.share?.epoch ?? 0, of: 3 }]
          indexed.renew({ holding: indexed.held, [list]: list === 'holding' ? [...indexed.held, ...claim] : claim })
          await indexed.heard()
        }
      }
      expect(await owners()).toEqual(before)
      // What nobody can have been given, of a generation within reach, makes the coordinator take a later one; everybody keeps what it has.
      liar.renew({ holding: [...mine, ...at(last + 1_000)] })
      const next = `"generation":${generation + 1}`
      await waitFor('the next generation', () => link.frames.some((frame) => frame.includes(next)))
      await Promise.all([liar.heard(), indexed.heard()])
      expect(await owners()).toEqual(before)
    })
    expect(readFileSync(join(folder, 'audit.jsonl'), 'utf8')).toContain('"CAUCUS_FORBIDDEN"')
  })
})

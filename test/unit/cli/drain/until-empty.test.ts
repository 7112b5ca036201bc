import { describe, expect, test } from 'vitest'
import { untilEmpty } from '../../../../src/cli/drain/until-empty.ts'
import type { Sight } from '../../../../src/cli/drain/verdict.ts'
import type { GroupEvent } from '../../../../src/core/group/reasons.ts'
import type { GroupView, MemberView } from '../../../../src/core/group/view.ts'
import { CaucusError } from '../../../../src/errors.ts'

const member = (more: Partial<MemberView> = {}): MemberView => ({
  id: 'a',
  incarnation: 7,
  epoch: 5,
  metadata: null,
  partitions: [],
  drained: true,
  ...more,
})
const { drained: _drained, ...undrained } = member()
const group = (more: Partial<GroupView> = {}): GroupView => ({
  name: 'g',
  state: 'settled',
  epoch: 9,
  total: 1,
  share: { partitions: 2 },
  members: [{ ...undrained, id: 'b', partitions: [0, 1] }],
  ...more,
})
const gone = (because: 'left' | 'expired' | 'evicted' | 'fenced', incarnation = 7): GroupEvent => ({
  type: because === 'expired' ? 'member.expired' : 'member.left',
  member: 'a',
  incarnation,
  because,
})
const came = (incarnation: number): GroupEvent => ({
  type: 'member.joined',
  member: 'a',
  incarnation,
  because: 'joined',
})
const past = (of: GroupView | undefined, ...events: GroupEvent[]): Sight => ({
  member: of?.members.find(({ id }) => id === 'a'),
  group: of,
  events: events.map((event, i) => ({ revision: `1-${i}`, atMs: i, event })),
})
const seen = (more: Partial<MemberView> = {}): Sight => ({ member: member(more), events: [] })
const BUSY = seen({ partitions: [0] })
const DOWN = new CaucusError('CAUCUS_UNAVAILABLE', 'no server answers')
const NOBODY = past(undefined)

/** Looks at one sight after the other, the last of them for ever, on a clock that only pauses move. */
const draining = async (...sights: readonly (Sight | CaucusError)[]) => {
  const said: string[] = []
  const pauses: number[] = []
  let looked = 0
  let nowMs = 0
  const say = (_details: object, text: string) => void said.push(text)
  const end = await untilEmpty({
    member: 'a',
    look: async () => {
      if (looked > 10_000) expect.fail('it waits for ever')
      const sight = sights[Math.min(looked++, sights.length - 1)]
      if (sight === undefined || sight instanceof CaucusError) throw sight
      return sight
    },
    pause: async (ms) => {
      pauses.push(ms)
      nowMs += ms
    },
    nowMs: () => nowMs,
    logger: { info: say, warn: say },
  }).catch((error: unknown) => error as CaucusError)
  const verdict = end instanceof Error ? end.code : end.gone ? 'gone' : 'empty'
  return { verdict, said, pauses, looked, message: end instanceof Error ? end.message : '' }
}

describe('a member that is drained', () => {
  test('is waited for until it has nothing, and each change is said once', async () => {
    const finishing = seen({ revoked: [0] })
    const { verdict, said } = await draining(BUSY, BUSY, finishing, finishing, seen())
    expect(verdict).toBe('empty')
    expect(said).toEqual(['a has partitions 0 until the group has settled', 'a is still finishing 0'])
  })

  test('is named in one line, however much it has', async () => {
    const partitions = Array.from({ length: 200 }, (_, i) => 2 * i)
    const { said } = await draining(seen({ partitions }), seen())
    expect(said[0]).toMatch(/partitions 0, 2, .*, 38 and 180 more until/)
  })

  test('is not empty because it has nothing yet, when the server that restarted forgot the order', async () => {
    const back = group({ state: 'settling', members: [{ ...undrained, incarnation: 9 }] })
    const { verdict, message } = await draining(BUSY, past(back, came(9)))
    expect(verdict).toBe('CAUCUS_CONFLICT')
    expect(message).toMatch(/the server restarted without a --data-dir/)
    expect((await draining(past(group({ members: [undrained] })))).verdict).toBe('CAUCUS_CONFLICT')
  })

  test('goes on being waited for under another incarnation, if it is to be drained there too', async () => {
    const { verdict } = await draining(BUSY, seen({ incarnation: 9, partitions: [0] }), seen({ incarnation: 9 }))
    expect(verdict).toBe('empty')
  })

  test('that leaves has nothing at once', async () => {
    const settling = group({ state: 'settling' })
    expect(await draining(BUSY, past(settling, gone('left')))).toMatchObject({ verdict: 'gone', looked: 2 })
  })

  test.each(['evicted', 'fenced', 'expired'] as const)(
    'and is %s may work until its lease has run out, which the group waits for',
    async (because) => {
      const successor = because === 'fenced' ? [came(8)] : []
      const members = [...group().members, ...successor.map(() => ({ ...undrained, incarnation: 8 }))]
      const waiting = past(group({ state: 'settling', members }), gone(because), ...successor)
      const { verdict, looked, said } = await draining(
        BUSY,
        waiting,
        waiting,
        past(group({ members }), gone(because), ...successor),
      )
      expect([verdict, looked]).toEqual(['gone', 4])
      expect(said.at(-1)).toMatch(/^a was .*; its leases run out$/)
    },
  )

  test('and never comes back to a server that restarted has nothing once others were given all there is', async () => {
    const settling = past(group({ state: 'settling' }))
    expect(await draining(BUSY, NOBODY, settling, settling, past(group()))).toMatchObject({
      verdict: 'gone',
      looked: 5,
    })
    const indexes = group({ share: 'index', members: [{ ...undrained, id: 'b', index: 1 }] })
    expect((await draining(BUSY, past(indexes))).verdict).toBe('gone')
  })

  test.each([
    ['nobody comes back', NOBODY],
    ['nobody is given what it had', past(group({ members: [{ ...undrained, id: 'b' }] }))],
  ])('of which nothing can be known, as %s: that is no success, and no wait for ever', async (_why, sight) => {
    const { verdict, said, message } = await draining(BUSY, sight)
    expect(verdict).toBe('CAUCUS_NOT_FOUND')
    expect(said.at(-1)).toBe('the server does not know a, as after a restart; waiting for it to come back')
    expect(message).toMatch(/for 60 s, .* nothing says that it has let go/)
  })

  test('is asked after less and less often while no server answers, which is said once', async () => {
    const { verdict, said, pauses } = await draining(...Array(7).fill(DOWN), BUSY, DOWN, seen())
    expect(verdict).toBe('empty')
    expect(pauses.slice(0, 7)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000])
    expect(pauses.slice(7)).toEqual([250, 250])
    expect(said.filter((text) => text.includes('still trying'))).toHaveLength(2)
  })

  test('is given up when the answer will not change', async () => {
    expect((await draining(BUSY, new CaucusError('CAUCUS_FORBIDDEN', 'no'))).verdict).toBe('CAUCUS_FORBIDDEN')
  })
})

import assert from 'node:assert/strict'
import { above, codeOf, eventually, heldBy, latch, like, same, seen } from './assertions.ts'
import { Fences, highest, losses, SHARE, watchBeliefs, whole } from './beliefs.ts'
import type { Contract } from './contract.ts'
import { candidates } from './elections.ts'
import { ADDRESS } from './registry.ts'
import type { Tell } from './stage.ts'

/** What is promised when whatever coordinates ends without a word, and comes back or is followed by another. */
export const tellCrashes = (tell: Tell, { guarantees, lacks, parts }: Contract): void => {
  const { exclusion, survivesRestart } = guarantees
  const fences = exclusion === 'fenced' ? undefined : `it promises "${exclusion}": epochs may repeat after a crash`
  const remembers = survivesRestart ? undefined : 'it does not promise to survive a restart'
  const speaks = lacks?.topics ?? (parts?.includes('topics') === false ? 'topics are not asked for' : undefined)
  const needs = 'crashCoordinator'

  tell(
    'after a crash of what coordinates all is whole by itself',
    async ({ subject, caucus, other, name }) => {
      const p = name('p')
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      const b = await other.group(p).join({ id: 'b', share: SHARE })
      await whole([a, b])
      const beliefs = watchBeliefs([a, b])
      await subject.crashCoordinator?.()
      await b.leave()
      await whole([a])
      beliefs.stop()
    },
    { needs, unless: survivesRestart ? 'more is asked of it next, since it promises to survive a restart' : undefined },
  )

  tell(
    'a crash of what coordinates takes nothing from anybody who is alive, and later epochs are higher',
    async ({ subject, caucus, other, connect, name }) => {
      const [p, i] = [name('p'), name('i')]
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      const b = await other.group(p).join({ id: 'b', share: SHARE })
      const index = await caucus.group(i).join({ id: 'a' })
      await whole([a, b])
      const { slot } = await seen(index, (share) => share.slot !== undefined)
      const lost = [a, b, index].map(losses)
      const beliefs = watchBeliefs([a, b])
      const [before, epoch] = [[...heldBy(a), ...heldBy(b)], highest([a, b])]
      await subject.crashCoordinator?.()
      const c = await (await connect()).group(p).join({ id: 'c', share: SHARE })
      await whole([a, b, c])
      same(lost.flat(), [])
      same(index.slot, slot)
      for (const held of [...heldBy(a), ...heldBy(b)]) assert.ok(before.includes(held), `${held} was granted anew`)
      above(Math.min(...c.partitions.map((each) => c.epoch(each) ?? 0)), epoch, 'an epoch of the newcomer')
      await b.leave()
      await seen(a, ({ partitions }) => partitions.length === 3)
      beliefs.stop()
    },
    { needs, unless: remembers },
  )

  tell(
    'a leader goes on leading over it, candidates keep their order, and observers go on',
    async ({ subject, caucus, other, name }) => {
      const e = name('e')
      const a = await caucus.election(e).campaign({ id: 'a' })
      const order: string[] = []
      const waiting: Promise<number>[] = []
      for (const id of ['b', 'c']) {
        const lead = ({ token }: { readonly token: number }) => {
          order.push(id)
          return token
        }
        waiting.push(other.election(e).lead(lead, { id }))
        await candidates(other, e, id)
      }
      const leaders = other.election(e).observe()
      assert.equal((await leaders.next()).value?.id, 'a')
      await subject.crashCoordinator?.()
      const kept = [{ id: 'a', leads: true, epoch: a.token }, { id: 'b' }, { id: 'c' }]
      const view = async () => (await other.group(`election/${e}`).view())?.members ?? []
      await eventually('all three to be known again', async () => (await view()).length === 3)
      like(await view(), kept)
      same([a.held, a.signal.aborted, order], [true, false, []])
      await a.resign()
      const [b = 0, c = 0] = await Promise.all(waiting)
      same(order, ['b', 'c'])
      above(b, a.token)
      above(c, b)
      for await (const leader of leaders) if (leader === undefined) break
    },
    { needs, unless: remembers },
  )

  tell(
    'a registration outlives it, and nobody loses sight of it',
    async ({ subject, caucus, other, name }) => {
      const search = name('search')
      const registration = await caucus.service(search).register({ ...ADDRESS, id: 'a' })
      const counts: number[] = []
      const stop = new AbortController()
      const watching = codeOf(
        (async () => {
          const lists = other.service(search).watch({ status: 'any', signal: stop.signal })
          for await (const list of lists) counts.push(list.length)
        })(),
      )
      await eventually('the watch to show it', () => counts.length > 0)
      await subject.crashCoordinator?.()
      await registration.update({ port: 2 })
      assert.equal(registration.state, 'registered')
      const changed = async () => (await other.service(search).instances())[0]?.port === 2
      await eventually('the change to be seen', changed)
      same(
        counts.filter((count) => count !== 1),
        [],
      )
      stop.abort()
      await watching
    },
    { needs, unless: remembers },
  )

  tell(
    'an ask that it interrupts ends, and the next one is answered',
    async ({ subject, caucus, other, name }) => {
      const t = name('t')
      const begun = latch()
      const hold = latch()
      await other
        .topic(t)
        .produce(
          async (request) => {
            if (request !== 'held') return request
            begun.open()
            await hold.opened
            return 'late'
          },
          { concurrency: 4 },
        )
        .ready()
      const asking = codeOf(caucus.topic(t).gather('held', { withinMs: 10_000 }))
      await begun.opened
      await subject.crashCoordinator?.()
      hold.open()
      assert.equal(typeof (await asking), 'string')
      const answered = async () => {
        const { replies } = await caucus.topic(t).gather('next', { withinMs: 1_000 })
        return replies.length === 1
      }
      await eventually('an ask to be answered again', () => answered().catch(() => false))
    },
    { needs, unless: speaks },
  )

  tell(
    'tokens rise over a crash of what coordinates, also when nobody is left who remembers them',
    async ({ subject, caucus, name }) => {
      const [e, p] = [name('e'), name('p')]
      const fences = new Fences()
      const first = await caucus.election(e).campaign({ id: 'a' })
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      await seen(a, ({ partitions }) => partitions.length === 6)
      fences.look('the first a', a)
      await Promise.all([first.resign(), a.leave()])
      await subject.crashCoordinator?.()
      above((await caucus.election(e).campaign({ id: 'a' })).token, first.token)
      const again = await caucus.group(p).join({ id: 'a', share: SHARE })
      await seen(again, ({ partitions }) => partitions.length === 6)
      fences.look('the second a', again)
    },
    { needs, unless: fences },
  )
}

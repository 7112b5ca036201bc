import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Caucus, Leader, Tenure } from '../../index.ts'
import { above, codeOf, eventually, fails, latch, like, patience, refuses, same } from './assertions.ts'
import type { Tell } from './stage.ts'

type Leaders = AsyncGenerator<Leader | undefined>

const next = async (leaders: Leaders) => (await leaders.next()).value

/** The first leader that is like this. */
const firstOf = async (leaders: Leaders, matches: (leader: Leader | undefined) => boolean) => {
  for (;;) {
    const leader = await next(leaders)
    if (matches(leader)) return leader
  }
}

/** Resolves once so many are candidates, or this one is among them. */
export const candidates = (caucus: Caucus, election: string, who: number | string): Promise<void> =>
  eventually(`${who} to be a candidate of ${election}`, async () => {
    const members = (await caucus.group(`election/${election}`).view())?.members ?? []
    return typeof who === 'number' ? members.length === who : members.some(({ id }) => id === who)
  })

/** What a program may rely on in an election, or a lock. */
export const tellElections = (tell: Tell): void => {
  tell(
    'one leads at a time, each with a higher token, in the order in which they came',
    async ({ caucus, other, name }) => {
      const e = name('e')
      const order: string[] = []
      const first = await caucus.election(e).campaign({ id: 'a', metadata: { host: 'x' } })
      same([first.id, first.name, first.held, first.signal.aborted], ['a', e, true, false])
      above(first.leaseMsLeft, 0, 'what is left of a lease')
      same(await other.election(e).leader(), { id: 'a', token: first.token, metadata: { host: 'x' } })
      const wait = async (id: string) => {
        const tenure = await other.election(e).campaign({ id })
        order.push(id)
        return tenure
      }
      const waiting: Promise<Tenure>[] = []
      for (const id of ['b', 'c', 'd']) {
        waiting.push(wait(id))
        await candidates(other, e, id)
      }
      same(order, [])
      let leads = first
      for (const promise of waiting) {
        const { token } = leads
        await leads.resign()
        same([leads.held, leads.leaseMsLeft], [false, 0])
        leads = await promise
        above(leads.token, token)
        assert.equal(leads.held, true)
      }
      same(order, ['b', 'c', 'd'])
      await leads.resign()
      assert.equal(await caucus.election(e).leader(), undefined)
    },
  )

  tell(
    'lead() does its work while it leads, and lets the next one lead when that has settled',
    async ({ caucus, other, name }) => {
      const jobs = name('jobs')
      const running: string[] = []
      const once = (who: Caucus, id: string) =>
        who.election(jobs).lead(
          async ({ held, token, signal }) => {
            running.push(`${id} begins`)
            same([held, signal.aborted], [true, false])
            await sleep(30)
            running.push(`${id} ends`)
            return token
          },
          { id },
        )
      const [a, b] = await Promise.all([once(caucus, 'a'), once(other, 'b')])
      assert.notEqual(a, b)
      same(
        running.map((each) => each.split(' ')[1]),
        ['begins', 'ends', 'begins', 'ends'],
      )
      assert.equal(running[0]?.[0], running[1]?.[0])
      const failing = caucus.election(jobs).lead(() => {
        throw new Error('what the work says')
      })
      await fails(failing, 'what the work says')
      assert.equal(await other.election(jobs).lead(() => 'next', { again: false }), 'next')
    },
  )

  tell('a block ends by resigning, and a connection that is closed by letting go', async ({ caucus, other, name }) => {
    const e = name('e')
    {
      await using tenure = await caucus.election(e).campaign()
      assert.equal(tenure.held, true)
    }
    const tenure = await caucus.election(e).campaign()
    const waiting = other.election(e).campaign()
    await caucus.close()
    same([tenure.held, tenure.signal.aborted], [false, true])
    above((await waiting).token, tenure.token)
    assert.equal(await codeOf(caucus.election(e).campaign()), 'CAUCUS_CLOSED')
  })

  tell('whoever gives up its campaign is no candidate any more', async ({ caucus, other, name }) => {
    const e = name('e')
    const leader = await caucus.election(e).campaign({ id: 'a' })
    const stop = new AbortController()
    const waiting = codeOf(other.election(e).campaign({ id: 'b', signal: stop.signal }))
    const third = other.election(e).campaign({ id: 'c' })
    await candidates(other, e, 3)
    const reason = new Error('no more')
    stop.abort(reason)
    assert.equal(await waiting, reason)
    await leader.resign()
    assert.equal((await third).id, 'c')
  })

  tell('a signal ends lead() after its work, which is told', async ({ caucus, other, name }) => {
    const e = name('e')
    const stop = new AbortController()
    const told: string[] = []
    const leads = latch()
    const leading = codeOf(
      caucus.election(e).lead(
        ({ signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              told.push(`told ${signal.reason.message}`)
              setTimeout(() => {
                told.push('finished')
                resolve(undefined)
              }, 50)
            })
            leads.open()
          }),
        { signal: stop.signal },
      ),
    )
    // Two clients may reach the leader of a cluster in any order.
    await leads.opened
    const following = other.election(e).lead(() => void told.push('next'))
    const reason = new Error('shutdown')
    stop.abort(reason)
    assert.equal(await leading, reason)
    await following
    same(told, ['told shutdown', 'finished', 'next'])
  })

  tell('who is removed is told, and another one leads no earlier than its lease', async ({ caucus, other, name }) => {
    const e = name('e')
    const leader = await caucus.election(e).campaign({ id: 'a' })
    const waiting = other.election(e).campaign({ id: 'b' })
    await candidates(other, e, 2)
    const namesake = other.election(e).campaign({ id: 'a' })
    const second = await waiting
    assert.equal(leader.held, false)
    like(leader.signal.reason, { code: 'CAUCUS_FENCED' })
    above(second.token, leader.token)
    await second.resign()
    assert.equal((await namesake).id, 'a')
  })

  tell('observe() shows the present leader, then the newest', async ({ caucus, other, name }) => {
    const e = name('e')
    const leaders = other.election(e).observe({ signal: patience() })
    assert.equal(await next(leaders), undefined)
    const a = await caucus.election(e).campaign({ id: 'a', metadata: 1 })
    same(await next(leaders), { id: 'a', token: a.token, metadata: 1 })
    const b = other.election(e).campaign({ id: 'b' })
    await a.resign()
    const { token } = await b
    same(await firstOf(leaders, (leader) => leader?.id === 'b'), { id: 'b', token })
    await (await b).resign()
    assert.equal(await firstOf(leaders, (leader) => leader === undefined), undefined)
    await leaders.return(undefined)
  })

  tell('observe() that begins when somebody leads never shows who led before', async ({ caucus, other, name }) => {
    const e = name('e')
    for (const id of ['a', 'b']) await (await caucus.election(e).campaign({ id })).resign()
    const c = await caucus.election(e).campaign({ id: 'c' })
    const shown: (string | undefined)[] = []
    const leaders = other.election(e).observe({ signal: patience() })
    const watching = firstOf(leaders, (leader) => {
      shown.push(leader?.id)
      return leader?.id === 'd'
    })
    await eventually('the observer to show somebody', () => shown.length > 0)
    const next = caucus.election(e).campaign({ id: 'd' })
    await candidates(other, e, 2)
    await c.resign()
    await next
    await watching
    same(
      shown.filter((id) => id !== undefined),
      ['c', 'd'],
    )
  })

  tell(
    'an election and a group of one name do not meet, and neither is joined as the other',
    async ({ caucus, other, name }) => {
      const both = name('same')
      const tenure = await caucus.election(both).campaign()
      const membership = await caucus.group(both).join({ share: { partitions: 1 } })
      await membership.settled()
      same([tenure.held, membership.partitions], [true, [0]])
      assert.equal(await codeOf(caucus.group(`election/${both}`).join()), 'CAUCUS_CONFLICT')
      const unheard = other.group(`election/${name('new')}`)
      assert.equal(await codeOf(unheard.join({ share: { partitions: 4 } })), 'CAUCUS_CONFLICT')
      assert.equal(await codeOf(unheard.join({ share: 'tenure' as 'index' })), 'CAUCUS_INVALID_ARGUMENT')
    },
  )

  tell('bad input is refused with what is wrong', async ({ caucus, name }) => {
    refuses(() => caucus.election(''), 'election name is empty')
    refuses(() => caucus.election('x'.repeat(120)), 'longer than 119 bytes')
    const election = caucus.election(name('e'))
    for (const given of [{ id: '' }, { id: 7 }, { weight: 2 }, { signal: 1 }, { metadata: 1n }, 7]) {
      assert.equal(await codeOf(election.campaign(given as object)), 'CAUCUS_INVALID_ARGUMENT')
    }
    assert.equal(await codeOf(election.lead('work' as never)), 'CAUCUS_INVALID_ARGUMENT')
    assert.equal(await codeOf(election.lead(() => 1, { again: 'yes' as never })), 'CAUCUS_INVALID_ARGUMENT')
    refuses(() => election.observe({ after: 1 } as object), 'knows no option')
  })
}

import type { Caucus, Leader, Tenure } from 'caucus'
import { connect } from 'caucus'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeOf, type Subject } from './groups.ts'

/** Everything that a program may rely on in an election, or a lock, whatever is underneath. */
export const electionContract = (name: string, open: () => Promise<Subject>) =>
  describe(`elections on ${name}`, () => {
    let subject: Subject
    let caucus: Caucus
    let other: Caucus
    beforeEach(async () => {
      subject = await open()
      caucus = await connect(subject.backend)
      other = await connect(subject.backend)
    })
    afterEach(async () => {
      await Promise.all([caucus.close(), other.close()])
      await subject.close()
    })

    const next = async (leaders: AsyncGenerator<Leader | undefined>) => (await leaders.next()).value

    /** The first leader that is like this. */
    const seen = async (
      leaders: AsyncGenerator<Leader | undefined>,
      matches: (leader: Leader | undefined) => boolean,
    ) => {
      for (;;) {
        const leader = await next(leaders)
        if (matches(leader)) return leader
      }
    }

    test('one leads at a time, each with a higher token, in the order in which they came', async () => {
      const order: string[] = []
      let first: Tenure | undefined = await caucus.election('e').campaign({ id: 'a', metadata: { host: 'x' } })
      expect([first.id, first.name, first.held, first.signal.aborted]).toEqual(['a', 'e', true, false])
      expect(first.leaseMsLeft).toBeGreaterThan(0)
      expect(await other.election('e').leader()).toEqual({ id: 'a', token: first.token, metadata: { host: 'x' } })
      const wait = async (id: string) => {
        const tenure = await other.election('e').campaign({ id })
        order.push(id)
        return tenure
      }
      const waiting: Promise<Tenure>[] = []
      for (const id of ['b', 'c', 'd']) {
        waiting.push(wait(id))
        await askedUntil(
          () => other.group('election/e').view(),
          (view) => view?.members.some((member) => member.id === id) === true,
        )
      }
      expect(order).toEqual([])
      for (const promise of waiting) {
        const token: number = first?.token ?? 0
        await first?.resign()
        expect([first?.held, first?.leaseMsLeft]).toEqual([false, 0])
        first = await promise
        expect(first.token).toBeGreaterThan(token)
        expect(first.held).toBe(true)
      }
      expect(order).toEqual(['b', 'c', 'd'])
      await first?.resign()
      expect(await caucus.election('e').leader()).toBeUndefined()
    })

    test('lead() does its work while it leads, and lets the next one lead when that has settled', async () => {
      const running: string[] = []
      const once = (who: Caucus, id: string) =>
        who.election('jobs').lead(
          async ({ held, token, signal }) => {
            running.push(`${id} begins`)
            expect([held, signal.aborted]).toEqual([true, false])
            await new Promise((resolve) => setTimeout(resolve, 30))
            running.push(`${id} ends`)
            return token
          },
          { id },
        )
      const [a, b] = await Promise.all([once(caucus, 'a'), once(other, 'b')])
      expect(a).not.toBe(b)
      expect(running.map((each) => each.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends'])
      expect(running[0]?.[0]).toBe(running[1]?.[0])
      const failing = caucus.election('jobs').lead(() => {
        throw new Error('what the work says')
      })
      await expect(failing).rejects.toThrow('what the work says')
      await expect(other.election('jobs').lead(() => 'next', { again: false })).resolves.toBe('next')
    })

    test('a block ends by resigning, and a connection that is closed by letting go', async () => {
      {
        await using tenure = await caucus.election('e').campaign()
        expect(tenure.held).toBe(true)
      }
      const tenure = await caucus.election('e').campaign()
      const waiting = other.election('e').campaign()
      await caucus.close()
      expect([tenure.held, tenure.signal.aborted]).toEqual([false, true])
      expect((await waiting).token).toBeGreaterThan(tenure.token)
      expect(await codeOf(caucus.election('e').campaign())).toBe('CAUCUS_CLOSED')
    })

    test('whoever gives up its campaign is no candidate any more', async () => {
      const leader = await caucus.election('e').campaign({ id: 'a' })
      const stop = new AbortController()
      const waiting = other.election('e').campaign({ id: 'b', signal: stop.signal })
      const third = other.election('e').campaign({ id: 'c' })
      await askedUntil(
        () => other.group('election/e').view(),
        (view) => view?.members.length === 3,
      )
      stop.abort(new Error('no more'))
      await expect(waiting).rejects.toThrow('no more')
      await leader.resign()
      expect((await third).id).toBe('c')
    })

    test('a signal ends lead() after its work, which is told', async () => {
      const stop = new AbortController()
      const told: string[] = []
      let begun = () => {}
      const leads = new Promise<void>((resolve) => {
        begun = resolve
      })
      const leading = caucus.election('e').lead(
        ({ signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              told.push(`told ${signal.reason.message}`)
              setTimeout(() => {
                told.push('finished')
                resolve(undefined)
              }, 50)
            })
            begun()
          }),
        { signal: stop.signal },
      )
      // Two clients may reach the leader of a cluster in any order.
      await leads
      const next = other.election('e').lead(() => void told.push('next'))
      stop.abort(new Error('shutdown'))
      await expect(leading).rejects.toThrow('shutdown')
      await next
      expect(told).toEqual(['told shutdown', 'finished', 'next'])
    })

    test('who is removed is told, and another one leads no earlier than its lease', async () => {
      const leader = await caucus.election('e').campaign({ id: 'a' })
      const waiting = other.election('e').campaign({ id: 'b' })
      await askedUntil(
        () => other.group('election/e').view(),
        (view) => view?.members.length === 2,
      )
      const namesake = other.election('e').campaign({ id: 'a' })
      const second = await waiting
      expect(leader.held).toBe(false)
      expect(leader.signal.reason).toMatchObject({ code: 'CAUCUS_FENCED' })
      expect(second.token).toBeGreaterThan(leader.token)
      await second.resign()
      expect((await namesake).id).toBe('a')
    })

    test('observe() shows the present leader, then the newest', async () => {
      const leaders = other.election('e').observe({ signal: AbortSignal.timeout(15_000) })
      expect(await next(leaders)).toBeUndefined()
      const a = await caucus.election('e').campaign({ id: 'a', metadata: 1 })
      expect(await next(leaders)).toEqual({ id: 'a', token: a.token, metadata: 1 })
      const b = other.election('e').campaign({ id: 'b' })
      await a.resign()
      const { token } = await b
      expect(await seen(leaders, (leader) => leader?.id === 'b')).toEqual({ id: 'b', token, metadata: undefined })
      await (await b).resign()
      expect(await seen(leaders, (leader) => leader === undefined)).toBeUndefined()
      await leaders.return(undefined)
    })

    test('an election and a group of one name do not meet, and neither is joined as the other', async () => {
      const tenure = await caucus.election('same').campaign()
      const membership = await caucus.group('same').join({ share: { partitions: 1 } })
      await membership.settled()
      expect([tenure.held, membership.partitions]).toEqual([true, [0]])
      expect(await codeOf(caucus.group('election/same').join())).toBe('CAUCUS_CONFLICT')
      expect(await codeOf(other.group('election/new').join({ share: { partitions: 4 } }))).toBe('CAUCUS_CONFLICT')
      expect(await codeOf(other.group('election/new').join({ share: 'tenure' as 'index' }))).toBe(
        'CAUCUS_INVALID_ARGUMENT',
      )
    })

    test('bad input is refused with what is wrong', async () => {
      expect(() => caucus.election('')).toThrow('election name is empty')
      expect(() => caucus.election('x'.repeat(120))).toThrow('longer than 119 bytes')
      const election = caucus.election('e')
      const wrong = (given: unknown) => codeOf(election.campaign(given as object))
      for (const given of [{ id: '' }, { id: 7 }, { weight: 2 }, { signal: 1 }, { metadata: 1n }, 7]) {
        expect(await wrong(given)).toBe('CAUCUS_INVALID_ARGUMENT')
      }
      expect(await codeOf(election.lead('work' as never))).toBe('CAUCUS_INVALID_ARGUMENT')
      expect(await codeOf(election.lead(() => 1, { again: 'yes' as never }))).toBe('CAUCUS_INVALID_ARGUMENT')
      expect(() => election.observe({ after: 1 } as object)).toThrow('knows no option')
    })
  })

/** Asks again and again until the answer is like this. */
const askedUntil = async <T>(ask: () => Promise<T>, matches: (answer: T) => boolean): Promise<void> => {
  for (let tries = 0; tries < 500; tries++) {
    if (matches(await ask())) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not come about')
}

import { type Caucus, CaucusError, type Tenure } from 'caucus'
import { describe, expect, test } from 'vitest'
import { codeOf, world } from './world.ts'

/** A piece of work that ends when it is told to, and what became of it. */
const task = () => {
  const begun: Tenure[] = []
  const aborted: unknown[] = []
  let end: (result: unknown) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  return {
    begun,
    aborted,
    end: (result?: unknown) => end(result),
    fail: (error: unknown) => fail(error),
    work: (tenure: Tenure) => {
      begun.push(tenure)
      tenure.signal.addEventListener('abort', () => aborted.push(tenure.signal.reason))
      return new Promise<unknown>((resolve, reject) => {
        end = resolve
        fail = reject
      })
    },
  }
}

const candidates = async (caucus: Caucus, name = 'e') =>
  (await caucus.group(`election/${name}`).view())?.members.map(({ id, leads }) => (leads ? `${id} leads` : id)) ?? []

describe('a leader that stood still past its lease', () => {
  test('reads that it leads no more before anything else happens', async () => {
    const { clock, connect, within } = world()
    const tenure = await within(1_000, (await connect()).election('e').campaign())
    await clock.play(500)
    expect(tenure.leaseMsLeft).toBeGreaterThan(700)
    clock.stall(5_000)
    expect([tenure.held, tenure.leaseMsLeft, tenure.signal.aborted]).toEqual([false, 0, true])
    expect(tenure.signal.reason).toMatchObject({ code: 'CAUCUS_LEADERSHIP_LOST', definite: false })
    expect(() => tenure.signal.throwIfAborted()).toThrow('its lease has run out')
    await clock.play(1_000)
    expect(tenure.held).toBe(false)
  })

  test('also after its machine has slept', async () => {
    const { clock, connect, within } = world()
    const tenure = await within(1_000, (await connect()).election('e').campaign())
    clock.suspend(5_000)
    expect(tenure.held).toBe(false)
  })

  test('gets its turn again only after its work has ended, behind those who waited', async () => {
    const { clock, connect, within } = world()
    const caucus = await connect()
    const a = task()
    const b = task()
    const first = caucus.election('e').lead(a.work, { id: 'a' })
    await clock.play(100)
    const second = caucus.election('e').lead(b.work, { id: 'b' })
    await clock.play(100)
    clock.stall(5_000)
    await clock.play(3_000)
    expect(a.aborted).toMatchObject([{ code: 'CAUCUS_LEADERSHIP_LOST' }])
    expect(b.begun.map(({ held }) => held)).toEqual([true])
    expect(await candidates(caucus)).toEqual(['b leads'])
    // Its work goes on for as long as it likes, and nobody campaigns for it meanwhile.
    await clock.play(10_000)
    expect(await candidates(caucus)).toEqual(['b leads'])
    a.fail(new Error('stopped', { cause: a.aborted[0] }))
    await clock.play(200)
    expect(await candidates(caucus)).toEqual(['b leads', 'a'])
    b.end('done by b')
    expect(await within(1_000, second)).toBe('done by b')
    await clock.play(100)
    expect(a.begun.map(({ held }) => held)).toEqual([false, true])
    expect(a.begun[1]?.token).toBeGreaterThan(b.begun[0]?.token ?? 0)
    a.end('done by a')
    expect(await within(1_000, first)).toBe('done by a')
  })

  test('campaigns again also when its work ends at the very event that tells it', async () => {
    const { clock, connect, within } = world()
    let times = 0
    const leading = (await connect()).election('e').lead(async ({ signal }) => {
      if (++times === 3) return 'the third time'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      throw signal.reason
    })
    for (let n = 0; n < 2; n++) {
      await clock.play(300)
      clock.stall(5_000)
    }
    expect(await within(3_000, leading)).toBe('the third time')
  })

  test('is told instead, if it does not want another turn', async () => {
    const { clock, connect, within } = world()
    const a = task()
    const leading = (await connect()).election('e').lead(a.work, { again: false })
    await clock.play(100)
    clock.stall(5_000)
    await clock.play(100)
    a.end('too late')
    const error = await within(
      1_000,
      leading.catch((reason: unknown) => reason),
    )
    expect(error).toMatchObject({
      code: 'CAUCUS_LEADERSHIP_LOST',
      details: { name: 'e', token: a.begun[0]?.token },
    })
  })

  test('and a failure of its own is not taken for that', async () => {
    const { clock, connect, within } = world()
    const a = task()
    const leading = (await connect()).election('e').lead(a.work)
    await clock.play(100)
    clock.stall(5_000)
    await clock.play(100)
    a.fail(new Error('the disk is full'))
    await expect(within(1_000, leading)).rejects.toThrow('the disk is full')
  })
})

describe('a leader', () => {
  test('whose name another process takes is told so, and does not come back', async () => {
    const { clock, connect, within } = world()
    const caucus = await connect()
    const a = task()
    const first = caucus.election('e').lead(a.work, { id: 'a' })
    await clock.play(100)
    const second = caucus.election('e').lead(() => 'b', { id: 'b' })
    await clock.play(100)
    const third = caucus.election('e').lead(({ id }) => `the newer ${id}`, { id: 'a' })
    await clock.play(100)
    expect(a.aborted).toMatchObject([{ code: 'CAUCUS_FENCED' }])
    a.end()
    expect(await codeOf(within(1_000, first))).toBe('CAUCUS_FENCED')
    expect(await within(3_000, second)).toBe('b')
    expect(await within(3_000, third)).toBe('the newer a')
  })

  test('may resign within its work, and its result is what counts', async () => {
    const { clock, connect, within } = world()
    const caucus = await connect()
    const leading = caucus.election('e').lead(async (tenure) => {
      await tenure.resign()
      await tenure.resign()
      return [tenure.held, tenure.signal.aborted]
    })
    expect(await within(1_000, leading)).toEqual([false, true])
    await clock.play(100)
    expect(await candidates(caucus)).toEqual([])
  })

  test('that gives up what it has lost already has not finished by that', async () => {
    const { clock, connect, within } = world()
    const election = (await connect()).election('e')
    let times = 0
    const lateWork = async (tenure: Tenure) => {
      if (++times === 2) return 'done while it led'
      clock.stall(5_000)
      await tenure.resign()
      return 'too late'
    }
    expect(await within(3_000, election.lead(lateWork))).toBe('done while it led')
    times = 0
    expect(await codeOf(within(3_000, election.lead(lateWork, { again: false })))).toBe('CAUCUS_LEADERSHIP_LOST')
  })

  test('that gives up what its signal has ended is not taken to have finished', async () => {
    const { connect, within } = world()
    const ending = new AbortController()
    const work = async (tenure: Tenure) => {
      ending.abort(new Error('enough'))
      await tenure.resign()
      return 'too late'
    }
    const leading = (await connect()).election('e').lead(work, { signal: ending.signal })
    await expect(within(1_000, leading)).rejects.toThrow('enough')
  })
})

describe('a connection that is closed', () => {
  test('waits for the work of whoever leads, and lets go only then', async () => {
    const { clock, connect, within } = world()
    const [caucus, other] = [await connect(), await connect()]
    const a = task()
    const leading = codeOf(caucus.election('e').lead(a.work, { id: 'a' }))
    await clock.play(100)
    const next = other.election('e').campaign({ id: 'next' })
    const waiting = codeOf(caucus.election('e').campaign())
    await clock.play(100)
    let closed = false
    const closing = caucus.close().then(() => {
      closed = true
    })
    await clock.play(500)
    expect([closed, await candidates(other)]).toEqual([false, ['a', 'next']])
    expect(a.aborted).toMatchObject([{ code: 'CAUCUS_CLOSED' }])
    a.end()
    await within(1_000, closing)
    expect([await waiting, await leading]).toEqual(['CAUCUS_CLOSED', 'CAUCUS_CLOSED'])
    const tenure = await within(1_000, next)
    expect(tenure.held).toBe(true)
  })

  test('does not wait longer than the lease for work that does not end', async () => {
    const { clock, connect, within } = world()
    const caucus = await connect()
    const leading = codeOf(caucus.election('e').lead(() => new Promise(() => undefined)))
    await clock.play(100)
    await within(10_000, caucus.close())
    await clock.play(100)
    void leading
  })
})

describe('a campaign', () => {
  test('is ended by its signal, before it has begun too', async () => {
    const { connect, within } = world()
    const election = (await connect()).election('e')
    const reason = new CaucusError('CAUCUS_TIMEOUT', 'no time')
    expect(await codeOf(election.campaign({ signal: AbortSignal.abort(reason) }))).toBe('CAUCUS_TIMEOUT')
    expect(await codeOf(election.lead(() => 1, { signal: AbortSignal.abort(reason) }))).toBe('CAUCUS_TIMEOUT')
    const leader = await within(1_000, election.campaign())
    const stop = new AbortController()
    const waiting = codeOf(election.lead(() => 1, { signal: stop.signal }))
    stop.abort(reason)
    expect(await within(1_000, waiting)).toBe('CAUCUS_TIMEOUT')
    expect(leader.held).toBe(true)
    await within(1_000, leader.resign())
  })

  test('leaves nothing at the signal that it was given', async () => {
    const { connect, within } = world()
    const stop = new AbortController()
    let listeners = 0
    const { signal } = stop
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = function (this: AbortSignal, ...given: Parameters<typeof addEventListener>) {
      listeners++
      addEventListener.apply(this, given)
    }
    signal.removeEventListener = function (this: AbortSignal, ...given: Parameters<typeof removeEventListener>) {
      listeners--
      removeEventListener.apply(this, given)
    }
    const election = (await connect()).election('e')
    for (let n = 0; n < 3; n++)
      expect(
        await within(
          2_000,
          election.lead(() => n, { signal }),
        ),
      ).toBe(n)
    expect(listeners).toBe(0)
  })
})

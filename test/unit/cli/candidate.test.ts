import { describe, expect, test } from 'vitest'
import { Candidate, type CandidateOptions } from '../../../src/cli/elect/candidate.ts'
import type { Report } from '../../../src/cli/work/orders.ts'
import { TENURE } from '../../../src/core/group/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { MembershipListener, MembershipPort } from '../../../src/ports/backend.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

/** A candidate between an election and a program that the test plays, and what it has said to both. */
const playing = (options: Partial<CandidateOptions> = {}) => {
  const clock = new SimulatedClock(1_000)
  const said: unknown[][] = []
  let campaigns = 0
  let token: number | undefined
  let draining: number | undefined
  let validUntil = Number.NEGATIVE_INFINITY
  let listener: MembershipListener | undefined
  let report: ((report: Report) => void) | undefined
  let left: (() => void) | undefined
  let run = 0
  const held = () => (token === undefined ? [] : [{ item: TENURE, epoch: token }])
  const port: MembershipPort = {
    view: () => ({
      state: 'member',
      group: 'settled',
      epoch: 0,
      members: 1,
      share: 'tenure',
      incarnation: 1,
      validUntil,
      isMetadataHeard: true,
      held: new Map(held().map((item) => [item.item, item])),
    }),
    holds: () => (clock.now() < validUntil ? held()[0] : undefined),
    now: () => clock.now(),
    drainUntil: ({ epoch }) => (epoch === draining ? validUntil : undefined),
    drained: (items) => {
      said.push(['drained', ...items.map(({ epoch }) => epoch)])
      draining = undefined
    },
    setMetadata: () => undefined,
    setWeight: () => undefined,
    leave: () => {
      said.push(['leave'])
      return new Promise((resolve) => {
        left = resolve
        revoke()
      })
    },
    close: () => {
      said.push(['close'])
      token = undefined
      listener?.ended(undefined)
    },
  }
  const revoke = () => {
    const items = held()
    draining = token
    token = undefined
    if (items.length > 0) listener?.drain(items)
  }
  const candidate = new Candidate({
    name: 'e',
    command: ['program'],
    clock,
    graceMs: 5_000,
    again: true,
    join: (given) => {
      campaigns++
      listener = given
      return port
    },
    runner: (given) => {
      report = given
      return {
        run: (start, until) => {
          run = start.run
          said.push(['run', start.env.CAUCUS_TOKEN, until])
        },
        extend: (until) => void said.push(['extend', until]),
        stop: () => void said.push(['stop']),
        kill: () => void said.push(['kill']),
      }
    },
    log: () => undefined,
    ...options,
  })
  return {
    clock,
    candidate,
    campaigns: () => campaigns,
    said: () => said.splice(0),
    grant: (epoch: number, until: number) => {
      const isNew = token !== epoch
      token = epoch
      validUntil = until
      if (isNew) listener?.granted(held())
      else listener?.changed()
    },
    revoke,
    lose: (because = 'lapsed') => {
      const items = held()
      token = undefined
      listener?.lost(items, because)
    },
    end: (error?: CaucusError) => listener?.ended(error),
    left: () => {
      left?.()
      listener?.ended(undefined)
    },
    gone: (by: 'itself' | 'order' | 'lease' | 'loss', code: number | null = null, signal = 'SIGTERM') =>
      report?.({ type: 'gone', run, code, signal: code === null ? signal : null, by }),
    failed: () => report?.({ type: 'failed', run, code: 'ENOENT', message: 'spawn ENOENT' }),
  }
}

describe('a candidate of the command line', () => {
  test('runs its program with its token, and renews its deadline with every renewal', () => {
    const { said, grant } = playing()
    expect(said()).toEqual([])
    grant(7, 5_000)
    grant(7, 6_000)
    expect(said()).toEqual([
      ['run', '7', 5_000],
      ['extend', 6_000],
    ])
  })

  test('ends with the code of its program, once that has resigned', async () => {
    const { candidate, said, grant, gone, left } = playing()
    grant(7, 5_000)
    said()
    gone('itself', 3)
    expect(said()).toEqual([['leave'], ['drained', 7]])
    left()
    expect(await candidate.done).toBe(3)
  })

  test('ends as a shell says it when a signal ended its program', async () => {
    const { candidate, grant, gone, left } = playing()
    grant(7, 5_000)
    gone('itself', null, 'SIGKILL')
    left()
    expect(await candidate.done).toBe(137)
  })

  test('lets go of what it is asked for only when the program is gone, and stays a candidate', () => {
    const { said, grant, revoke, gone, campaigns } = playing()
    grant(7, 5_000)
    said()
    revoke()
    expect(said()).toEqual([['extend', 5_000], ['stop']])
    gone('order')
    expect(said()).toEqual([['drained', 7]])
    grant(9, 9_000)
    expect(said()).toEqual([['run', '9', 9_000]])
    expect(campaigns()).toBe(1)
  })

  test('kills the program when leadership is lost, and campaigns again when that is gone, not before', () => {
    const { said, grant, lose, left, gone, campaigns } = playing()
    grant(7, 5_000)
    said()
    lose()
    expect([said(), campaigns()]).toEqual([[['kill'], ['leave']], 1])
    left()
    expect(campaigns()).toBe(1)
    gone('order')
    expect(campaigns()).toBe(2)
    grant(9, 9_000)
    expect(said()).toEqual([['run', '9', 9_000]])
  })

  test('that was lost is a candidate again only once it was heard that it is none any more', () => {
    const { grant, lose, left, gone, campaigns } = playing()
    grant(7, 5_000)
    lose()
    gone('order')
    expect(campaigns()).toBe(1)
    left()
    expect(campaigns()).toBe(2)
  })

  test('that hears on its way out of a newer process with its id does not take that away from it', async () => {
    const { candidate, grant, lose, gone, end, campaigns } = playing()
    grant(7, 5_000)
    lose()
    gone('order')
    end(new CaucusError('CAUCUS_FENCED', 'another process took the id'))
    await expect(candidate.done).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
    expect(campaigns()).toBe(1)
  })

  test('gives up what the watchdog ended the program for, and campaigns again', () => {
    const { said, grant, gone, left, campaigns } = playing()
    grant(7, 5_000)
    said()
    gone('lease')
    expect(said()).toEqual([['leave'], ['drained', 7]])
    left()
    expect(campaigns()).toBe(2)
  })

  test('waits before it starts the program again whose watchdog was lost', () => {
    const { said, grant, gone, clock, campaigns } = playing()
    grant(7, 500_000)
    said()
    gone('loss')
    expect(said()).toEqual([])
    clock.advance(1_000)
    expect([said(), campaigns()]).toEqual([[['run', '7', 500_000]], 1])
  })

  test('that is to lead once ends when it leads no more', async () => {
    const { candidate, grant, lose, gone, left } = playing({ again: false })
    grant(7, 5_000)
    lose()
    gone('order')
    left()
    await expect(candidate.done).rejects.toMatchObject({ code: 'CAUCUS_LEADERSHIP_LOST', details: { token: 7 } })
  })

  test('is stopped: the program first, then it resigns; once more kills', async () => {
    const { candidate, said, grant, gone, left } = playing()
    grant(7, 5_000)
    said()
    candidate.finish(0)
    expect(said()).toEqual([['stop'], ['leave'], ['extend', 5_000]])
    candidate.finish(0)
    expect(said()).toEqual([['kill']])
    gone('order')
    expect(said()).toEqual([['drained', 7]])
    left()
    expect(await candidate.done).toBe(0)
  })

  test('is stopped while it waits', async () => {
    const { candidate, said, left } = playing()
    candidate.finish(130)
    expect(said()).toEqual([['leave']])
    left()
    expect(await candidate.done).toBe(130)
  })

  test('that is fenced kills its program and says why', async () => {
    const { candidate, said, grant, lose, end, gone } = playing()
    grant(7, 5_000)
    said()
    lose('fenced')
    end(new CaucusError('CAUCUS_FENCED', 'another process joined'))
    expect(said()).toEqual([['kill'], ['kill']])
    gone('order')
    await expect(candidate.done).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
  })

  test('says what cannot be run, and resigns', async () => {
    const { candidate, grant, failed, left } = playing()
    grant(7, 5_000)
    failed()
    left()
    await expect(candidate.done).rejects.toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT' })
  })
})

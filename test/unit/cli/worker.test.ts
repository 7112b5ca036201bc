import { describe, expect, test } from 'vitest'
import type { Start } from '../../../src/cli/work/guard.ts'
import type { Report } from '../../../src/cli/work/orders.ts'
import { type Runner, Worker } from '../../../src/cli/work/worker.ts'
import type { MembershipView } from '../../../src/core/group/member.ts'
import type { Holding, ShareKind } from '../../../src/core/group/messages.ts'
import { CaucusError } from '../../../src/errors.ts'
import type { MembershipListener, MembershipPort } from '../../../src/ports/backend.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

type Said = readonly [what: string, ...details: unknown[]]

/** A worker between a membership and a program that the test plays, and what it has said to both. */
const playing = (share: ShareKind = 'index') => {
  const clock = new SimulatedClock(1_000)
  const said: Said[] = []
  const logged: string[] = []
  let held: Holding[] = []
  let draining: Holding[] = []
  let validUntil = Number.NEGATIVE_INFINITY
  let group: MembershipView['group'] = 'settling'
  let state: MembershipView['state'] = 'member'
  let listener: MembershipListener | undefined
  let report: ((report: Report) => void) | undefined
  let left: (() => void) | undefined
  let run = 0
  const port: MembershipPort = {
    view: () => ({
      state,
      group,
      epoch: 0,
      members: 1,
      share,
      incarnation: 1,
      validUntil,
      isMetadataHeard: true,
      held: new Map(held.map((item) => [item.item, item])),
    }),
    holds: (item) => held.find((holding) => holding.item === item),
    now: () => clock.now(),
    drainUntil: ({ item, epoch }) =>
      draining.some((holding) => holding.item === item && holding.epoch === epoch) ? validUntil : undefined,
    drained: (items) => {
      said.push(['drained', ...items.map(({ item }) => item)])
      draining = draining.filter((holding) => !items.includes(holding))
    },
    setMetadata: () => undefined,
    setWeight: () => undefined,
    leave: () => {
      said.push(['leave'])
      state = 'leaving'
      const items = held
      held = []
      draining.push(...items)
      return new Promise((resolve) => {
        left = resolve
        if (items.length > 0) listener?.drain(items)
      })
    },
    close: () => undefined,
  }
  const runner: Runner = {
    run: (start: Start, until) => {
      run = start.run
      said.push(['run', start.env, until])
    },
    extend: (until) => void said.push(['extend', until]),
    stop: () => void said.push(['stop']),
    kill: () => void said.push(['kill']),
  }
  const worker = new Worker({
    command: ['program'],
    clock,
    graceMs: 5_000,
    join: (given) => {
      listener = given
      return port
    },
    runner: (given) => {
      report = given
      return runner
    },
    log: (level, message) => void logged.push(`${level}: ${message}`),
  })
  const tell = () => listener as MembershipListener
  return {
    clock,
    worker,
    logged,
    /** What was said since the last call. */
    said: (): Said[] => said.splice(0),
    grant: (items: Holding[], until: number, settled: MembershipView['group'] = 'settled') => {
      const granted = items.filter(
        ({ item, epoch }) => !held.some((other) => other.item === item && other.epoch === epoch),
      )
      held = items
      validUntil = until
      group = settled
      if (granted.length > 0) tell().granted(granted)
      tell().changed()
    },
    revoke: (items: Holding[]) => {
      held = held.filter((holding) => !items.includes(holding))
      draining.push(...items)
      tell().drain(items)
      tell().changed()
    },
    lose: () => {
      const items = held
      held = []
      tell().lost(items, 'lapsed')
      tell().changed()
    },
    end: (error?: CaucusError) => {
      state = 'fenced'
      held = []
      tell().ended(error)
    },
    left: () => left?.(),
    gone: (by: 'itself' | 'order' | 'lease' | 'loss', code: number | null = null) =>
      report?.({ type: 'gone', run, code, signal: code === null ? 'SIGTERM' : null, by }),
    unkillable: () => report?.({ type: 'unkillable', run, pgid: 70 }),
    failed: (code: string) => report?.({ type: 'failed', run, code, message: `spawn ${code}` }),
  }
}

const place = (item: number, of: number, epoch: number): Holding => ({ item, of, epoch })
const PLACE = { CAUCUS_INDEX: '1', CAUCUS_TOTAL: '2', CAUCUS_EPOCH: '7', CAUCUS_PARTITIONS: null }

describe('a worker in a group of indexes', () => {
  test('runs its program from the grant, and renews its deadline with every renewal', () => {
    const { said, grant } = playing()
    grant([place(1, 2, 7)], 5_000)
    expect(said()).toEqual([['run', PLACE, 5_000]])
    grant([place(1, 2, 7)], 6_000)
    expect(said()).toEqual([['extend', 6_000]])
  })

  test('starts nothing in what is left of a lease for whose sake the program was ended', () => {
    const { clock, said, grant, gone } = playing()
    grant([place(1, 2, 7)], 5_000)
    clock.advance(3_200)
    said()
    gone('lease')
    clock.advance(600)
    expect(said().map(([what]) => what)).not.toContain('run')
    grant([place(1, 2, 7)], 9_000)
    expect(said()).toEqual([['run', PLACE, 9_000]])
  })

  test('acknowledges a revoke only after the program is gone', () => {
    const { said, grant, revoke, gone } = playing()
    const holding = place(1, 2, 7)
    grant([holding], 5_000)
    said()
    revoke([holding])
    const before = said()
    expect(before).toContainEqual(['stop'])
    expect(before.map(([what]) => what)).not.toContain('drained')
    gone('order')
    expect(said()).toEqual([['drained', 1]])
  })

  test('acknowledges at once what no program works with', () => {
    const { said, grant, revoke, gone, clock } = playing()
    const holding = place(1, 2, 7)
    grant([holding], 5_000)
    gone('itself', 3)
    said()
    clock.advance(10)
    revoke([holding])
    expect(said()).toEqual([['drained', 1]])
  })

  test('kills the program when the share is lost without a drain', () => {
    const { said, grant, lose, gone } = playing()
    grant([place(1, 2, 7)], 5_000)
    said()
    lose()
    expect(said()).toContainEqual(['kill'])
    gone('order')
    grant([place(2, 2, 9)], 9_000)
    expect(said()).toEqual([['run', { ...PLACE, CAUCUS_INDEX: '2', CAUCUS_EPOCH: '9' }, 9_000]])
  })

  test('does not start on a share that has run out', () => {
    const { said, grant } = playing()
    grant([place(1, 2, 7)], 900)
    expect(said()).toEqual([])
  })

  test('starts a failing program again after 1, 2, 4 seconds, with what it has by then', () => {
    const { said, grant, gone, clock } = playing()
    grant([place(1, 2, 7)], 500_000)
    for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      said()
      gone('itself', 1)
      clock.advance(waitMs - 1)
      expect(said()).toEqual([])
      clock.advance(1)
      expect(said().map(([what]) => what)).toEqual(['run'])
    }
    // Half a minute without a failure: whatever it was is over.
    clock.advance(30_000)
    said()
    gone('itself', 1)
    clock.advance(1_000)
    expect(said().map(([what]) => what)).toEqual(['run'])
  })

  test('takes a lost watchdog for a failure, so that one that always fails is not tried without end', () => {
    const { said, grant, gone, clock } = playing()
    grant([place(1, 2, 7)], 500_000)
    for (const waitMs of [1_000, 2_000, 4_000]) {
      said()
      gone('loss')
      clock.advance(waitMs - 1)
      expect(said()).toEqual([])
      clock.advance(1)
      expect(said().map(([what]) => what)).toEqual(['run'])
    }
  })

  test('says once that a program cannot be killed, and keeps its share from others as long as it may', () => {
    const { said, grant, revoke, gone, unkillable, logged } = playing()
    const holding = place(1, 2, 7)
    grant([holding], 5_000)
    revoke([holding])
    said()
    unkillable()
    unkillable()
    expect(logged.filter((line) => line.startsWith('error'))).toEqual([
      expect.stringMatching(/cannot be killed \(process group 70\).*another user.*End it by hand/),
    ])
    expect(said()).toEqual([])
    gone('order')
    expect(said()).toEqual([['drained', 1]])
  })

  test('leaves when the program has finished', async () => {
    const { said, grant, gone, left, worker } = playing()
    grant([place(1, 2, 7)], 5_000)
    said()
    gone('itself', 0)
    expect(said()).toEqual([['leave'], ['drained', 1]])
    left()
    expect(await worker.done).toBe(0)
  })

  test('takes an end with 0 that it asked for as no reason to leave', () => {
    const { said, grant, revoke, gone } = playing()
    const holding = place(1, 2, 7)
    grant([holding], 5_000)
    revoke([holding])
    said()
    gone('order', 0)
    expect(said()).toEqual([['drained', 1]])
  })

  test('is finished only when the program is gone and the group knows', async () => {
    const { said, grant, gone, left, worker } = playing()
    grant([place(1, 2, 7)], 5_000)
    said()
    worker.finish(130)
    expect(said().map(([what]) => what)).toEqual(expect.arrayContaining(['stop', 'leave']))
    worker.finish(130)
    expect(said()).toEqual([['kill']])
    gone('order')
    expect(said()).toEqual([['drained', 1]])
    left()
    expect(await worker.done).toBe(130)
  })

  test('fails with the reason when it was fenced, after the program is gone', async () => {
    const { said, grant, gone, end, worker } = playing()
    grant([place(1, 2, 7)], 5_000)
    said()
    let outcome: unknown
    worker.done.catch((error: unknown) => {
      outcome = error
    })
    end(new CaucusError('CAUCUS_FENCED', 'another process joined as "a"'))
    expect(said()).toEqual([['kill']])
    await Promise.resolve()
    expect(outcome).toBeUndefined()
    gone('order')
    await expect(worker.done).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
  })

  test('fails when there is no such program', async () => {
    const { grant, failed, left, worker } = playing()
    grant([place(1, 2, 7)], 5_000)
    failed('ENOENT')
    left()
    await expect(worker.done).rejects.toThrow(/cannot run "program": there is no such program.*127/)
  })
})

describe('a worker in a group of partitions', () => {
  const part = (item: number, epoch: number): Holding => ({ item, epoch })

  test('waits for the rest of its partitions, but not for ever', () => {
    const { said, grant, clock } = playing({ partitions: 8 })
    grant([part(0, 5)], 50_000, 'settling')
    clock.advance(500)
    grant([part(0, 5), part(1, 6)], 50_000, 'settling')
    clock.advance(999)
    expect(said()).toEqual([])
    clock.advance(1)
    expect(said()).toEqual([
      ['run', { CAUCUS_INDEX: null, CAUCUS_TOTAL: '8', CAUCUS_EPOCH: '6', CAUCUS_PARTITIONS: '0-1' }, 50_000],
    ])
  })

  test('starts at once in a settled group, and takes on more only when that is settled too', () => {
    const { said, grant, gone, clock } = playing({ partitions: 8 })
    grant([part(0, 5)], 50_000)
    expect(said().map(([what]) => what)).toEqual(['run'])
    grant([part(0, 5), part(3, 8)], 51_000, 'settling')
    expect(said()).toEqual([['extend', 51_000]])
    clock.advance(200)
    grant([part(0, 5), part(3, 8)], 52_000)
    expect(said()).toContainEqual(['stop'])
    gone('order')
    expect(said()).toEqual([['run', expect.objectContaining({ CAUCUS_PARTITIONS: '0,3', CAUCUS_EPOCH: '8' }), 52_000]])
  })

  test('never tells a program a lower epoch than the one before it, or storage would refuse what it kept', () => {
    const { said, grant, revoke, gone } = playing({ partitions: 8 })
    const [kept, moved] = [part(0, 5), part(1, 6)]
    grant([kept, moved], 50_000)
    expect(said()).toEqual([['run', expect.objectContaining({ CAUCUS_EPOCH: '6' }), 50_000]])
    revoke([moved])
    gone('order')
    expect(said()).toContainEqual([
      'run',
      expect.objectContaining({ CAUCUS_PARTITIONS: '0', CAUCUS_EPOCH: '6' }),
      50_000,
    ])
  })

  test('stops at once for what is revoked, and goes on with the rest', () => {
    const { said, grant, revoke, gone } = playing({ partitions: 8 })
    const [kept, moved] = [part(0, 5), part(1, 6)]
    grant([kept, moved], 50_000)
    said()
    revoke([moved])
    expect(said()).toContainEqual(['stop'])
    gone('order')
    expect(said()).toEqual([
      ['drained', 1],
      ['run', expect.objectContaining({ CAUCUS_PARTITIONS: '0' }), 50_000],
    ])
  })

  test('ends the program at once when the lease of one of its partitions has ended', () => {
    const { said, grant, clock } = playing({ partitions: 8 })
    grant([part(0, 5), part(1, 6)], 50_000)
    said()
    grant([part(0, 5)], 60_000)
    expect(said()).toEqual([['extend', clock.now() - 1], ['stop']])
  })
})

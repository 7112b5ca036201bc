import { beforeEach, describe, expect, test } from 'vitest'
import type { Holding, ShareKind } from '../../../src/core/group/messages.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { BeliefBook } from '../../../src/testing/cluster/beliefs.ts'
import { EpochBook } from '../../../src/testing/cluster/epochs.ts'
import { EventLoop } from '../../../src/testing/cluster/event-loop.ts'
import { Resource } from '../../../src/testing/cluster/resource.ts'
import { Timeline } from '../../../src/testing/cluster/timeline.ts'
import { Findings } from '../../../src/testing/cluster/violation.ts'
import type { WatchedMembership } from '../../../src/testing/cluster/watched-backend.ts'
import { type DrainRecord, WorkBook } from '../../../src/testing/cluster/work-book.ts'
import { MachineClock } from '../../../src/testing/simulation/machine-clock.ts'

let timeline: Timeline
let findings: Findings
const play = (ms: number) => timeline.play(timeline.nowMs + ms)
const found = () => findings.list.map(({ invariant, member, message }) => `${invariant} ${member}: ${message}`)
const newLoop = () =>
  new EventLoop({
    timeline,
    machine: new MachineClock(1, 0, 0),
    lateMs: () => 0,
    onRan: () => undefined,
    onUncaught: () => undefined,
  })

beforeEach(() => {
  timeline = new Timeline()
  findings = new Findings(
    () => timeline.nowMs,
    () => undefined,
  )
})

/** A membership that says whatever it is told to. */
const saying = (loop: EventLoop, share: ShareKind) => {
  const state = { told: [] as Holding[], validUntil: 0, honest: true, share }
  const watched = {
    request: { group: 'jobs', member: 'm', bootId: 'b', heartbeatMs: 1, stopMarginMs: 1 },
    drains: [],
    port: { now: () => loop.holder.now(), drainUntil: () => undefined },
    get share() {
      return state.share
    },
    get validUntil() {
      return state.validUntil
    },
    get told() {
      return state.honest && loop.holder.now() >= state.validUntil ? [] : state.told
    },
  }
  return { state, watched: watched as unknown as WatchedMembership }
}

describe('beliefs', () => {
  const PARTITIONS: ShareKind = { partitions: 4 }
  let book: BeliefBook
  beforeEach(() => {
    book = new BeliefBook(timeline, findings, true)
  })
  const holder = (who: string, told: Holding[], forMs: number, share: ShareKind = PARTITIONS) => {
    const loop = newLoop()
    const { state, watched } = saying(loop, share)
    Object.assign(state, { told, validUntil: loop.holder.now() + forMs })
    book.track(who, loop, watched)
    book.look(loop)
    return { loop, state }
  }

  test('may follow each other', async () => {
    holder('m1', [{ item: 3, epoch: 5 }], 100)
    await play(101)
    holder('m2', [{ item: 3, epoch: 6 }], 100)
    expect(found()).toEqual([])
  })

  test('may be in different partitions, or in different indexes of one view', () => {
    holder('m1', [{ item: 3, epoch: 5 }], 100)
    holder('m2', [{ item: 2, epoch: 5 }], 100)
    expect(found()).toEqual([])
  })

  test('in one partition at one instant are found when the second begins, with both their ends', async () => {
    holder('m1', [{ item: 3, epoch: 5 }], 100)
    await play(40)
    holder('m2', [{ item: 3, epoch: 6 }], 100)
    expect(found()).toEqual([
      'Belief m2: two processes believe in partition 3 of "jobs" at once, one partition: ' +
        'm2 has partition 3 at epoch 0.6 until 140 ms, m1 has partition 3 at epoch 0.5 until 100 ms',
    ])
  })

  test('in two views of one group at one instant are found, whatever the index', () => {
    holder('m1', [{ item: 1, of: 2, epoch: 5 }], 100, 'index')
    holder('m2', [{ item: 2, of: 2, epoch: 5 }], 100, 'index')
    expect(found()).toEqual([])
    holder('m3', [{ item: 3, of: 3, epoch: 6 }], 100, 'index')
    expect(found()[0]).toContain('two ways to split one group')
  })

  test('that outlive their lease, because only a timer would clear them, are found at the first look', async () => {
    const { state } = holder('m1', [{ item: 3, epoch: 5 }], 100)
    state.honest = false
    await play(150)
    expect(found()).toEqual([])
    holder('m2', [{ item: 3, epoch: 6 }], 100)
    expect(found()[0]).toContain('m1 has partition 3 at epoch 0.5 although its lease is over')
  })

  test('of a process that is gone are nobody’s', () => {
    const { loop } = holder('m1', [{ item: 3, epoch: 5 }], 100)
    book.forget(loop)
    holder('m2', [{ item: 3, epoch: 6 }], 100)
    expect(found()).toEqual([])
  })
})

describe('work', () => {
  let book: WorkBook
  beforeEach(() => {
    book = new WorkBook(timeline, findings, true)
  })

  test('may be handed over at one instant', async () => {
    const first = book.begin('m1', newLoop(), [], 3, 5)
    await play(10)
    first.end()
    book.begin('m2', newLoop(), [], 3, 6).end()
    expect(found()).toEqual([])
  })

  test('on one thing by two processes is found, with how long it went on', async () => {
    const first = book.begin('m1', newLoop(), [], 'user-42', undefined)
    await play(10)
    const second = book.begin('m2', newLoop(), [], 'user-42', undefined)
    await play(1_500)
    first.end()
    second.end()
    expect(found()).toEqual([
      'Work m1: m1 and m2 both worked on "user-42", for 1 500 ms from 10 ms on (m1 had begun at 0 ms, m2 at 10 ms)',
    ])
  })

  test('names the handler that went on after its signal was aborted', async () => {
    const moved = { slot: undefined, partitions: [3], owns: () => false, epoch: () => 5 }
    const drain: DrainRecord = { moved, abortedAtMs: undefined, over: false }
    const first = book.begin('m1', newLoop(), [drain], 3, 5)
    await play(100)
    drain.abortedAtMs = timeline.nowMs
    await play(20)
    book.begin('m2', newLoop(), [], 3, 6)
    await play(13_380)
    first.end()
    expect(found()[0]).toMatch(
      /m1 went on working on partition 3 for 13 400 ms after the signal of its drain was aborted at 100 ms$/,
    )
  })

  test('rests while its process stands still, and has ended with a process that is gone', async () => {
    const loop = newLoop()
    const first = book.begin('m1', loop, [], 3, 5)
    loop.stop()
    book.stopped(loop)
    const second = book.begin('m2', newLoop(), [], 3, 6)
    await play(100)
    second.end()
    loop.goOn()
    book.resumed(loop, 0)
    await play(100)
    first.end()
    const dead = newLoop()
    book.begin('m3', dead, [], 3, 7)
    dead.kill()
    book.forget(dead)
    book.begin('m4', newLoop(), [], 3, 8)
    await play(100)
    book.close()
    expect(found()).toEqual([])
  })

  test('that goes on at the end is reported as far as it went', async () => {
    book.begin('m1', newLoop(), [], 3, 5)
    book.begin('m2', newLoop(), [], 3, 6)
    await play(70)
    book.close()
    expect(found()[0]).toContain('for 70 ms from 0 ms on')
  })
})

describe('epochs', () => {
  const { watched } = saying({ holder: { now: () => 0 } } as unknown as EventLoop, { partitions: 4 })

  test('must rise with every grant of an item, whoever gets it', () => {
    const book = new EpochBook(findings, true)
    book.granted('m1', watched, [{ item: 1, epoch: 5 }])
    book.granted('m2', watched, [{ item: 1, epoch: 6 }])
    book.granted('m1', watched, [{ item: 2, epoch: 3 }])
    expect(found()).toEqual([])
    book.granted('m3', watched, [{ item: 1, epoch: 6 }])
    expect(found()).toEqual([
      'G3 m3: m3 was granted partition 1 of "jobs" at epoch 0.6, and m2 had it at epoch 0.6 before',
    ])
  })

  test('may be taken up late where clocks run outside what is promised, but never twice', () => {
    const book = new EpochBook(findings, false)
    book.granted('m1', watched, [{ item: 1, epoch: 5 }])
    book.granted('m2', watched, [{ item: 1, epoch: 4 }])
    expect(found()).toEqual([])
    book.granted('m2', watched, [{ item: 1, epoch: 5 }])
    expect(found()).toHaveLength(1)
  })

  test('of one view are shared by all of its slots, and those of a later view are higher', () => {
    const book = new EpochBook(findings, true)
    book.granted('m1', watched, [{ item: 1, of: 2, epoch: 5 }])
    book.granted('m2', watched, [{ item: 2, of: 2, epoch: 5 }])
    expect(found()).toEqual([])
    book.granted('m2', watched, [{ item: 1, of: 1, epoch: 4 }])
    expect(found()).toHaveLength(1)
  })
})

describe('a resource', () => {
  let resource: Resource
  beforeEach(() => {
    resource = new Resource({ timeline, findings, random: seededRandom(1), delayMs: 2 })
  })
  const write = async (who: string, value: string, epoch: number | undefined, held: number) => {
    const written = resource.write(who, newLoop(), 'k', value, epoch, held)
    await play(1_000)
    return written
  }

  test('refuses an older epoch than it has seen', async () => {
    expect(await write('m1', 'first', 5, 5)).toBe(true)
    expect(await write('m2', 'second', 6, 6)).toBe(true)
    expect(await write('m1', 'late', 5, 5)).toBe(false)
    expect(resource.read('k')).toBe('second')
    expect(found()).toEqual([])
  })

  test('takes everything that comes without one, and tells', async () => {
    await write('m2', 'second', undefined, 6)
    expect(await write('m1', 'late', undefined, 5)).toBe(true)
    expect(resource.read('k')).toBe('late')
    expect(found()[0]).toContain('Effect m1: m1 wrote "k" with what it had at epoch 0.5, after m2 had written it')
  })
})

import { CaucusError, type Instance, type RecordedEvent } from 'caucus'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LiveService } from '../../../src/client/service-live.ts'
import { Picker, selected } from '../../../src/client/service-picker.ts'
import type { ServiceView } from '../../../src/ports/registry.ts'
import { Reader } from '../../../src/runtime/reader.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { settled } from './topic-support.ts'

const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  incarnation: 1,
  host: 'a.example',
  port: 1,
  tags: [],
  weight: 1,
  status: 'up',
  ...more,
})

type Told = RecordedEvent | { readonly type: 'gap'; readonly dropped: undefined }

/** A registry of which the test says every answer and every event. */
const registry = (...first: (ServiceView | CaucusError)[]) => {
  const clock = new SimulatedClock(1_000)
  const answers = [...first]
  const asked: (string | undefined)[] = []
  let events: Told[] = []
  let wake = () => {}
  let names = 0
  const live = new LiveService('search', {
    clocks: clock,
    newId: () => `id-${names++}`,
    registry: {
      services: async () => [],
      service: async () => {
        const answer = answers.shift()
        asked.push(answer === undefined ? 'nothing' : answer instanceof CaucusError ? answer.code : 'list')
        if (answer === undefined) throw new CaucusError('CAUCUS_UNAVAILABLE', 'nobody is there')
        if (answer instanceof CaucusError) throw answer
        return answer
      },
    },
    events: ({ after, signal }) => {
      asked.push(after)
      return new Reader<Told>({
        signal,
        take: () => (events.length > 0 ? { value: events.shift() as Told } : undefined),
        begin: (reader) => {
          wake = () => reader.wake()
        },
        end: () => {
          events = []
        },
      })
    },
  })
  onTestFinished(async () => {
    await live.close()
    expect(clock.pending).toBe(0)
  })
  return {
    clock,
    live,
    asked,
    answer: (...more: (ServiceView | CaucusError)[]) => answers.push(...more),
    tell: async (...more: Told[]) => {
      events.push(...more)
      wake()
      await settled()
    },
    ids: () => [...live.instances.keys()],
  }
}

const view = (revision: string, instances: readonly Instance[], incompleteForMs = 0): ServiceView => ({
  name: 'search',
  revision,
  instances,
  incompleteForMs,
})
const GAP: Told = { type: 'gap', dropped: undefined }
let revisions = 0
const event = (told: RecordedEvent['event']): Told => ({
  revision: `7-${++revisions}`,
  atMs: 0,
  group: 'service/search',
  event: told,
})
const registered = (id: string): Told => {
  const { id: member, incarnation, ...record } = instance(id)
  return event({ type: 'service.registered', member, incarnation, because: 'joined', instance: record })
}
const withdrawn = (id: string): Told =>
  event({ type: 'service.withdrawn', member: id, incarnation: 1, because: 'left' })

describe('a list that is followed', () => {
  test('goes on from the revision of the answer, and asks anew after a gap', async () => {
    const { tell, ids, asked } = registry(view('7-1', [instance('a')]), view('8-1', [instance('c')]))
    await settled()
    await tell(registered('b'), withdrawn('a'))
    expect(ids()).toEqual(['b'])
    await tell(registered('d'), GAP)
    expect([ids(), asked]).toEqual([['c'], ['list', '7-1', 'list', '8-1']])
  })

  test('stays as it is while the registry cannot be reached, and asks less and less often', async () => {
    const { answer, clock, tell, ids, live, asked } = registry(view('7-1', [instance('a')]))
    await settled()
    await tell(GAP)
    await clock.play(20_000)
    expect(ids()).toEqual(['a'])
    const tries = asked.filter((each) => each === 'nothing').length
    expect(tries).toBeGreaterThan(8)
    expect(tries).toBeLessThan(60)
    answer(view('7-5', [instance('b')]))
    await clock.play(3_000)
    expect([ids(), live.error]).toEqual([['b'], undefined])
  })

  test('ends when the registry says no, and whoever picks is told', async () => {
    const { live, tell } = registry(view('7-1', [instance('a')]), new CaucusError('CAUCUS_FORBIDDEN', 'not you'))
    await settled()
    const picker = new Picker(live, { filter: {}, preferZone: undefined, id: 'p', release: () => {} })
    expect(picker.roundRobin()?.id).toBe('a')
    await tell(GAP)
    expect(() => picker.roundRobin()).toThrow('not you')
    for await (const version of live.versions.watch()) expect(version).toBe(1)
  })

  test('does not shrink because the registry began anew', async () => {
    const { answer, clock, tell, ids, asked } = registry(
      view('7-1', [instance('a'), instance('b'), instance('c')]),
      view('8-1', [instance('b')], 5_000),
    )
    await settled()
    await tell(GAP)
    expect(ids()).toEqual(['a', 'b', 'c'])
    // What is said meanwhile counts.
    await tell(withdrawn('b'), registered('d'))
    expect(ids()).toEqual(['a', 'c', 'd'])
    answer(view('8-4', [instance('a'), instance('d')]))
    await clock.play(4_999)
    expect(ids()).toEqual(['a', 'c', 'd'])
    await clock.play(1)
    expect([ids(), asked.slice(-2)]).toEqual([
      ['a', 'd'],
      ['list', '8-4'],
    ])
  })

  test('shows the same object as long as it says the same', async () => {
    const { live, tell } = registry(
      view('7-1', [instance('a'), instance('b')]),
      view('8-1', [instance('a'), instance('b', { port: 2 })]),
    )
    await settled()
    const before = selected(live, {})
    await tell(GAP)
    const after = selected(live, {})
    expect([after[0] === before[0], after[1] === before[1], after[1]?.port]).toEqual([true, false, 2])
  })
})

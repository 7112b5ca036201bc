import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Hub, type HubView } from '../../../../src/core/dispatch/hub.ts'
import type { HubEffect, HubInput, Target, Until } from '../../../../src/core/dispatch/messages.ts'
import type { Machine } from '../../../../src/core/machine.ts'
import { type HubMachine, World } from './world.ts'

const TOPICS = ['a', 'b']
const IDS = ['p', 'q', 'r', 's']
const UNTIL: readonly Until[] = ['all', 'first', 1, 2, 5, { quiet: 7 }, { quiet: 1_000 }]
const TO: readonly (Target | undefined)[] = [
  undefined,
  undefined,
  { id: 'p' },
  { id: ['q', 'r', 'nobody'] },
  { metadata: { peer: 1 } },
  { pick: 1 },
  { pick: 2, metadata: { peer: 0 } },
]

type Action = readonly [kind: number, a: number, b: number, c: number]
const actions = fc.array(fc.tuple(fc.nat(11), fc.nat(30), fc.nat(30), fc.nat(30)), { minLength: 5, maxLength: 80 })

const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)]

const act = (world: World, [kind, a, b, c]: Action): void => {
  const topic = pick(TOPICS, a) as string
  const producer = pick([...world.roster.keys()], b)
  const ask = pick([...world.asks.keys()], a)
  switch (kind) {
    case 0:
    case 1:
      world.produce(b % 3, topic, pick(IDS, c) as string, c % 5 === 0 ? 'queue' : undefined)
      return
    case 2:
    case 3:
    case 4:
      world.ask(b % 3, topic, pick(UNTIL, b) as Until, 1 + c, pick(TO, c))
      return
    case 5:
    case 6:
    case 7: {
      // Open asks are answered more often than closed ones, and mostly by those who were asked.
      const which = pick(world.open, a) ?? ask
      if (which !== undefined)
        world.answer(
          which,
          b % 4,
          (['reply', 'reply', 'error', 'refused'] as const)[c % 4] ?? 'reply',
          c === 7 ? producer : undefined,
        )
      return
    }
    case 8:
      if (producer === undefined) return
      if (c % 3 === 0) world.withdraw(producer)
      else world.leave(producer)
      return
    case 9:
      if (c % 4 === 0) world.unlink(b % 3)
      else if (ask !== undefined) world.abandon(ask)
      return
    case 10: {
      const listener = pick([...world.listeners.keys()], b)
      if (listener !== undefined && c % 2 === 0) world.unlisten(listener)
      else world.listen(b % 3, topic)
      return
    }
    default:
      world.advance(a / 2)
  }
}

const LIMITS = { asks: 1_000, producers: 1_000, listeners: 1_000 }

const holds = (make: () => HubMachine, options: fc.Parameters<[Action[]]>) =>
  fc.assert(
    fc.property(actions, (list) => {
      const world = new World(make())
      for (const action of list) act(world, action)
      world.end()
    }),
    options,
  )

test('P1 to P6 hold in whatever order things happen', () => {
  holds(() => new Hub(LIMITS), { numRuns: 400 })
})

/** A hub of which one thing is wrong. */
const broken =
  (
    wrong: (effects: readonly HubEffect[], input: { readonly type: string }) => readonly HubEffect[],
    more: {
      swallow?: (input: HubInput) => boolean
      wakeAt?: (at: number | undefined) => number | undefined
    } = {},
  ) =>
  (): Machine<HubInput, HubEffect, HubView> => {
    const hub = new Hub(LIMITS)
    return {
      step: (input, now) =>
        input.type !== 'woke' && input.type !== 'stalled' && more.swallow?.(input) === true
          ? []
          : wrong(hub.step(input, now), input),
      wakeAt: () => (more.wakeAt === undefined ? hub.wakeAt() : more.wakeAt(hub.wakeAt())),
      view: () => hub.view(),
    }
  }

const asIs = (effects: readonly HubEffect[]) => effects

describe('each broken rule is found', () => {
  const mutants: Readonly<Record<string, () => HubMachine>> = {
    'P1: a producer that left leaves its asks waiting': broken((effects, { type }) =>
      type === 'left' ? effects.filter((effect) => effect.type !== 'finished') : effects,
    ),
    'P1: it finishes twice': broken((effects) => [
      ...effects,
      ...effects.filter((effect) => effect.type === 'finished'),
    ]),
    'P2: the last answer comes after the end': broken((effects) =>
      effects.toSorted((a, b) => Number(b.type === 'finished') - Number(a.type === 'finished')),
    ),
    'P3: a responder is asked twice': broken((effects) =>
      effects.map((effect) =>
        effect.type === 'request'
          ? { ...effect, expected: [...effect.expected, ...effect.expected.slice(0, 1)] }
          : effect,
      ),
    ),
    'P3: one that has left is asked': broken(asIs, { swallow: ({ type }) => type === 'withdraw' }),
    'P4: who leaves stays in the table': broken(asIs, { swallow: ({ type }) => type === 'left' }),
    'P4: a listener stays in the table': broken(asIs, { swallow: ({ type }) => type === 'unlisten' }),
    'P5: it is woken a little late': broken(asIs, { wakeAt: (at) => (at === undefined ? undefined : at + 1) }),
    'P5: it is not woken at all': broken(asIs, { wakeAt: () => undefined }),
    'P6: nobody there, and it waits': broken((effects, { type }) =>
      type === 'ask' && effects.length === 1 ? effects.filter((effect) => effect.type !== 'finished') : effects,
    ),
    'answers of those who were not asked are taken': broken((effects, input) =>
      input.type === 'answers' && effects.length === 0 ? foreign(input as HubInput & { type: 'answers' }) : effects,
    ),
    'those at work are not told of the end': broken((effects) => effects.filter((effect) => effect.type !== 'cancel')),
  }

  test.each(Object.entries(mutants))('%s', (_name, make) => {
    expect(() => holds(make, { numRuns: 300, endOnFailure: true })).toThrow()
  })
})

const foreign = ({ answers }: HubInput & { type: 'answers' }): HubEffect[] =>
  answers.map(({ ask, answer }) => ({ type: 'answered', ask, asker: `asker ${ask}`, answer }))

import type { StandardSchema, Until } from 'caucus'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Topics } from '../../../src/client/topics.ts'
import { LocalConnection } from '../../../src/runtime/dispatch/local-connection.ts'
import { LocalTopics } from '../../../src/runtime/dispatch/local-topics.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { settled } from './topics-link.ts'
import { topicsPipe } from './topics-pipe.ts'

const KINDS = ['good', 'late', 'unfit', 'throws', 'refuses', 'silent', 'leaves'] as const
type Kind = (typeof KINDS)[number]

const good: StandardSchema<string> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      String(value).startsWith('good') ? { value: `${value}!` } : { issues: [{ message: 'unfit' }] },
  },
}

interface Plan {
  readonly kinds: readonly Kind[]
  readonly until: Until
  readonly isTyped: boolean
}

/** Time goes by, and what is on its way arrives. */
const play = async (clock: SimulatedClock, ms: number) => {
  await clock.play(ms)
  for (let turns = 0; turns < 12; turns++) await settled()
}

/** What became of one ask, with the time that it took. */
const outcome = async (clock: SimulatedClock, asking: Topics, serving: Topics, { kinds, until, isTyped }: Plan) => {
  const leaving: (() => void)[] = []
  for (const [index, kind] of kinds.entries()) {
    const serve = (_request: unknown, { signal }: { signal: AbortSignal }) => {
      if (kind === 'unfit') return `${kind} ${index}`
      if (kind === 'throws') throw new Error('as planned')
      return new Promise<string>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        // No two at once: which of them comes first is nobody's promise.
        const afterMs = kind === 'good' ? 5 : kind === 'late' ? 40 : undefined
        if (afterMs !== undefined) clock.setTimer(clock.now() + afterMs + index, () => resolve(`good ${index}`))
      })
    }
    const limits = kind === 'refuses' ? { queueLimit: 0 } : {}
    const producer = serving.topic('t').produce(serve, { id: `p${index}`, ...limits })
    await producer.ready()
    if (kind === 'leaves') leaving.push(() => producer.close())
    // One request in hand, and no room for another.
    if (kind === 'refuses')
      asking
        .topic('t')
        .gather('busy', { to: { id: `p${index}` }, withinMs: 1_000 })
        .catch(() => 0)
  }
  const topic = asking.topic<string, unknown>('t', isTyped ? { reply: good } : {})
  await play(clock, 1)
  let done = false
  const gathering = topic.gather('now', { until, withinMs: 100 }).finally(() => {
    done = true
  })
  for (let ms = 0; ms < 20; ms++) await play(clock, 1)
  for (const leave of leaving) leave()
  for (let ms = 0; ms < 200 && !done; ms++) await play(clock, 1)
  const { replies, errors, missing, left, released, ...rest } = (await gathering).toJSON()
  // A process that judges replies itself, and has enough, does not ask who has left by then.
  const isUnasked = isTyped && rest.ending === 'met'
  return {
    ...(isUnasked ? { released: [...left, ...released].toSorted() } : { missing, left, released }),
    replies: replies.map(({ from, value }) => `${from}: ${value}`).toSorted(),
    errors: errors.map(({ from, outcome, error }) => `${from}: ${outcome} ${error.code}`).toSorted(),
    ...rest,
    late: 0,
  }
}

const inOneProcess = async (plan: Plan) => {
  const clock = new SimulatedClock()
  const limits = { asks: 100, producers: 100, listeners: 10 }
  const fail = (error: unknown) => {
    throw error
  }
  const local = new LocalTopics({ clock, limits, onFault: fail })
  const join = (name: string) => {
    const topics = new LocalConnection(local, () => name)
    return new Topics(() => ({ topics, clocks: clock, newId: () => name }))
  }
  return outcome(clock, join('asker'), join('producers'), plan)
}

const betweenProcesses = async (plan: Plan) => {
  const clock = new SimulatedClock()
  const { host, join } = topicsPipe(clock)
  const [asking, serving] = [join('asker'), join('producers')]
  const result = await outcome(clock, asking.topics, serving.topics, plan)
  asking.close()
  serving.close()
  host.close()
  return result
}

test('an ask ends the same way in one process and between processes', async () => {
  const plans = fc.record({
    kinds: fc.array(fc.constantFrom(...KINDS), { maxLength: 5 }),
    until: fc.constantFrom<Until>('all', 'first', 2, { quiet: 15 }),
    isTyped: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      expect(await betweenProcesses(plan)).toEqual(await inOneProcess(plan))
    }),
    { numRuns: 100 },
  )
})

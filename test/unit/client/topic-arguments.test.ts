import type { AskOptions, ProduceOptions, TopicSchemas } from 'caucus'
import { describe, expect, test } from 'vitest'
import { codeOf, world } from './world.ts'

/** Arguments of the wrong type come from JavaScript: here they are smuggled past the compiler. */
const wrong = <T>(value: unknown) => value as T

const refusedBy = async (call: () => unknown): Promise<string> => {
  const attempt = (async () => call())()
  expect(await codeOf(attempt)).toBe('CAUCUS_INVALID_ARGUMENT')
  return attempt.then(
    () => '',
    (error: Error) => error.message,
  )
}

const open = async () => (await world().connect()).topic('t')

describe('bad arguments are refused, each with what to do', () => {
  test.each([
    ['', 'topic name is empty'],
    ['x'.repeat(129), 'longer than 128 bytes'],
    ['a\u0000b', 'control character'],
    ['..', 'which no URL can name'],
    [wrong<string>(undefined), 'must be a string, not undefined'],
  ])('topic(%j)', async (name, said) => {
    const caucus = await world().connect()
    expect(await refusedBy(() => caucus.topic(name))).toContain(said)
  })

  test.each([
    [{ request: {} }, 'topic({ request }) takes a Standard Schema'],
    [{ reply: { '~standard': { version: 2, validate: () => ({ value: 1 }) } } }, 'topic({ reply }) takes a Standard'],
    [{ reply: () => true }, 'topic({ reply }) takes a Standard'],
    [{ answer: {} }, 'knows no option "answer"'],
    ['schema', 'takes an object'],
  ])('topic(name, %#)', async (schemas, said) => {
    const caucus = await world().connect()
    expect(await refusedBy(() => caucus.topic('t', wrong<TopicSchemas<unknown, unknown>>(schemas)))).toContain(said)
  })

  test.each<[AskOptions, string]>([
    [{ withinMs: 0 }, 'withinMs is 0; give milliseconds above 0'],
    [{ withinMs: -1 }, 'withinMs is -1'],
    [{ withinMs: Number.NaN }, 'withinMs is NaN'],
    [{ withinMs: Number.POSITIVE_INFINITY }, 'withinMs is Infinity'],
    [{ withinMs: 2 ** 31 }, 'up to 2147483647'],
    [{ withinMs: wrong<number>('300') }, 'withinMs is no number'],
    [{ until: 0 }, 'until is 0'],
    [{ until: 1.5 }, 'until is 1.5'],
    [{ until: wrong<'all'>('most') }, 'until is none'],
    [{ until: { quiet: 0 } }, 'until.quiet is 0'],
    [{ until: { quiet: Number.NaN } }, 'until.quiet is NaN'],
    [{ to: wrong<{ id: string }>('p') }, 'takes an object of options: id'],
    [{ to: wrong<{ id: string }>({ zone: 'x' }) }, 'knows no option "zone"'],
    [{ to: { id: '' } }, 'to.id is empty'],
    [{ to: { id: wrong<string[]>([1]) } }, 'to.id must be a string'],
    [{ to: { metadata: wrong<{ a: 1 }>([1]) } }, 'to.metadata takes an object'],
    [{ to: { metadata: { deep: 'x'.repeat(5_000) } } }, 'longer than 4096 bytes'],
    [{ to: { pick: 0 } }, 'to.pick must be a whole number'],
    [{ signal: wrong<AbortSignal>({ aborted: false }) }, 'must be an AbortSignal'],
    [wrong<AskOptions>({ within: 300 }), 'knows no option "within"; it takes until, withinMs'],
    [wrong<AskOptions>(null), 'takes an object of options'],
  ])('gather(request, %j)', async (options, said) => {
    const topic = await open()
    expect(await refusedBy(() => topic.gather('?', options))).toContain(said)
    expect(await refusedBy(() => topic.ask('?', options))).toContain(said)
  })

  test.each<[ProduceOptions, string]>([
    [{ id: '' }, 'producer id is empty'],
    [{ id: 'x'.repeat(300) }, 'producer id is longer'],
    [{ concurrency: 0 }, 'concurrency must be a whole number from 1'],
    [{ concurrency: Number.NaN }, 'concurrency must be'],
    [{ queueLimit: -1 }, 'queueLimit must be a whole number from 0'],
    [{ queueLimit: Number.POSITIVE_INFINITY }, 'queueLimit must be'],
    [{ queue: 'a\nb' }, 'queue has a control character'],
    [{ metadata: 1n }, 'must be JSON'],
    [wrong<ProduceOptions>({ identifier: 'a' }), 'knows no option "identifier"'],
  ])('produce(handler, %#)', async (options, said) => {
    const topic = await open()
    expect(await refusedBy(() => topic.produce(() => 1, options))).toContain(said)
    expect(await topic.view()).toBeUndefined()
  })

  test('the rest', async () => {
    const topic = await open()
    expect(await refusedBy(() => topic.produce(wrong<() => void>('handler')))).toContain('takes a function')
    expect(await refusedBy(() => topic.listen({ buffer: 0 }))).toContain('from 1 to')
    expect(await refusedBy(() => topic.listen(() => {}, { buffer: Number.NaN }))).toContain('from 1 to')
    expect(await refusedBy(() => topic.listen(wrong<() => void>('handler')))).toContain('takes an object')
    expect(await refusedBy(() => topic.listen(wrong({ signal: {} })))).toContain('must be an AbortSignal')
    const producer = topic.produce(() => 1)
    expect(await refusedBy(() => producer.drain({ limitMs: -1 }))).toContain('drain({ limitMs })')
    expect(producer.state).toBe('serving')
  })
})

test('a connection that has been closed takes nothing more', async () => {
  const { connect, within } = world()
  const caucus = await connect()
  const topic = caucus.topic('t')
  const producer = topic.produce(() => 1)
  await within(100, caucus.close())
  expect(producer.state).toBe('left')
  for (const call of [
    () => topic.gather('?'),
    () => topic.ask('?'),
    () => topic.produce(() => 1),
    () => topic.listen(),
    () => topic.view(),
  ]) {
    expect(await codeOf((async () => call())())).toBe('CAUCUS_CLOSED')
  }
})

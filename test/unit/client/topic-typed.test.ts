import type { StandardSchema } from 'caucus'
import { expect, expectTypeOf, test } from 'vitest'
import { codeOf, world } from './world.ts'

/** What the compiler would refuse comes from JavaScript. */
const wrong = <T>(value: unknown) => value as T

/** A validator in a few lines, as any library would give one. */
const schema = <Input, Output = Input>(
  check: (value: unknown) => { value: Output } | string,
  { slow = false } = {},
): StandardSchema<Input, Output> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const result = check(value)
      const said = typeof result === 'string' ? { issues: [{ message: result, path: ['sku', { key: 0 }] }] } : result
      return slow ? Promise.resolve(said) : said
    },
  },
})

const sku = (options = {}) =>
  schema<{ sku: string }>((value) => {
    const given = (value as { sku?: unknown } | null)?.sku
    return typeof given === 'string' ? { value: { sku: given } } : 'must be a string'
  }, options)
const price = (options = {}) =>
  schema<number>((value) => (typeof value === 'number' ? { value } : 'must be a number'), options)

test.each([{ slow: false }, { slow: true }])('what does not fit is refused, or is an error (%j)', async (options) => {
  const { connect } = world()
  const caucus = await connect()
  const topic = caucus.topic('price', { request: sku(options), reply: price(options) })
  expectTypeOf(topic.gather).parameter(0).toEqualTypeOf<{ sku: string }>()
  let asked = 0
  topic.produce(
    ({ sku }) => {
      expectTypeOf(sku).toEqualTypeOf<string>()
      asked++
      return sku.length
    },
    { id: 'good' },
  )
  // A careless one, which knows nothing of the types.
  caucus.topic('price').produce(() => 'free', { id: 'careless' })
  const { replies, errors, ending } = await topic.gather({ sku: 'milk' })
  expectTypeOf(replies[0]!.value).toEqualTypeOf<number>()
  expect(replies).toEqual([{ type: 'reply', from: 'good', value: 4 }])
  expect(errors).toMatchObject([{ from: 'careless', outcome: 'error', error: { code: 'CAUCUS_HANDLER_FAILED' } }])
  expect(errors[0]?.error.message).toBe('the reply does not fit: sku.0: must be a number')
  expect(ending).toBe('exhausted')
  // A reply that does not fit is none: the first that counts is the good one's.
  expect((await topic.gather({ sku: 'tea' }, { until: 'first' })).replies).toMatchObject([{ from: 'good', value: 3 }])

  expect(asked).toBe(2)
  const bad = wrong<{ sku: string }>({ sku: 7 })
  expect(await codeOf(topic.gather(bad))).toBe('CAUCUS_INVALID_ARGUMENT')
  expect(await codeOf((async () => topic.ask(bad).next())())).toBe('CAUCUS_INVALID_ARGUMENT')
  expect(asked).toBe(2)
})

test('a producer with a schema is not handed what does not fit, whoever asks', async () => {
  const { connect } = world()
  const caucus = await connect()
  const topic = caucus.topic('price', { request: sku(), reply: price() })
  topic.produce(() => 1, { id: 'strict' })
  topic.produce(
    wrong<() => number>(() => 'free'),
    { id: 'wrong' },
  )
  const untyped = caucus.topic('price')
  expect((await untyped.gather({ sku: 7 })).errors.map(({ from, error }) => [from, error.code])).toEqual([
    ['strict', 'CAUCUS_INVALID_ARGUMENT'],
    ['wrong', 'CAUCUS_INVALID_ARGUMENT'],
  ])
  const { replies, errors } = await untyped.gather({ sku: 'x' })
  expect([replies.length, errors[0]?.from, errors[0]?.error.code]).toEqual([1, 'wrong', 'CAUCUS_HANDLER_FAILED'])
})

test('a schema may turn values into others: what travels is what was given', async () => {
  const { connect } = world()
  const caucus = await connect()
  const request = schema<string, number>((value) => (typeof value === 'string' ? { value: Number(value) } : 'no text'))
  const reply = schema<number, Date>((value) => (typeof value === 'number' ? { value: new Date(value) } : 'no number'))
  const topic = caucus.topic('when', { request, reply })
  const heard: unknown[] = []
  caucus.topic('when').listen((one) => heard.push(one.type === 'reply' ? one.value : one))
  topic.listen((one) => heard.push(one.type === 'reply' ? one.value : one))
  topic.produce((ms) => ms + 1)
  const { replies } = await topic.gather('41')
  expect(replies[0]?.value).toEqual(new Date(42))
  await new Promise((resume) => setImmediate(resume))
  expect(heard).toContainEqual(42)
  expect(heard).toContainEqual(new Date(42))
})

test('a listener hears only what fits', async () => {
  const { connect } = world()
  const caucus = await connect()
  const heard: unknown[] = []
  const listener = caucus.topic('price', { reply: price() }).listen((one) => heard.push(one))
  for (const value of ['free', 3]) caucus.topic('price').produce(() => value, { id: String(value) })
  await caucus.topic('price').gather('?')
  await new Promise((resume) => setImmediate(resume))
  expect(heard).toEqual([{ type: 'reply', from: '3', value: 3 }])
  expect(listener.failed).toBe(1)
})

test('a schema that throws is an error of its own, and nothing is sent', async () => {
  const { connect } = world()
  const broken = schema<string>(() => {
    throw new Error('broken schema')
  })
  const topic = (await connect()).topic('t', { request: broken })
  await expect(topic.gather('?')).rejects.toThrow('broken schema')
  expect(() => topic.ask('?')).toThrow('broken schema')
})

test('for whom it is does not change while a schema takes its time', async () => {
  const caucus = await world().connect()
  const topic = caucus.topic('price', { request: sku({ slow: true }) })
  for (const id of ['a', 'b']) topic.produce(() => 1, { id })
  const id = ['a']
  const gathered = topic.gather({ sku: 'milk' }, { to: { id } })
  id.push('b')
  expect((await gathered).replies.map(({ from }) => from)).toEqual(['a'])
})

test('types may be given without schemas: then they are the word of whoever writes them', async () => {
  const topic = (await world().connect()).topic<{ n: number }, string>('t')
  topic.produce(({ n }) => String(n))
  const { replies } = await topic.gather({ n: 1 })
  expectTypeOf(replies[0]!.value).toEqualTypeOf<string>()
  expect(replies[0]?.value).toBe('1')
})

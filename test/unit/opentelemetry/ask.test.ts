import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { connect, type StandardSchema } from 'caucus'
import { describe, expect, test } from 'vitest'
import { openTelemetry } from '../../../src/opentelemetry.ts'
import { gate, never, settled } from '../client/topic-support.ts'
import { world } from '../client/world.ts'
import { uncaught } from '../uncaught.ts'
import { eventsOf, saidBy, tracedWorld } from './support.ts'

const { CONSUMER, PRODUCER } = SpanKind

describe('one ask', () => {
  test('is a span under what is active where it was made, with a child for each who answers', async () => {
    const { recorder, traced } = tracedWorld()
    const [asker, producers] = [await traced(), await traced()]
    producers.topic('prices').produce(() => 120, { id: 'dear' })
    producers.topic('prices').produce(async () => 99, { id: 'cheap', queue: 'discount' })
    await recorder.tracer.startActiveSpan('checkout', async (span) => {
      await asker.topic('prices').gather({ sku: 'milk' }, { withinMs: 300 })
      span.end()
    })

    expect(recorder.tree()).toEqual([
      'ask prices > answer prices by cheap',
      'ask prices > answer prices by dear',
      'checkout',
      'checkout > ask prices',
    ])
    const ask = recorder.one('ask prices')
    expect([ask.kind, ask.status.code]).toEqual([PRODUCER, SpanStatusCode.UNSET])
    expect(ask.attributes).toEqual({
      'messaging.system': 'caucus',
      'messaging.operation.name': 'ask',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'prices',
      'caucus.topic': 'prices',
      'caucus.ask.until': 'all',
      'caucus.ask.within_ms': 300,
      'caucus.ask.ending': 'met',
      'caucus.ask.expected': 2,
      'caucus.ask.replied': 2,
      'caucus.ask.errors': 0,
      'caucus.ask.refused': 0,
    })
    expect(eventsOf(ask)).toEqual([
      { name: 'ask.answered', 'caucus.producer.id': 'dear', 'caucus.answer.outcome': 'reply' },
      { name: 'ask.answered', 'caucus.producer.id': 'cheap', 'caucus.answer.outcome': 'reply' },
    ])
    const cheap = recorder.one('answer prices', { 'caucus.producer.id': 'cheap' })
    expect([cheap.kind, cheap.status.code]).toEqual([CONSUMER, SpanStatusCode.UNSET])
    expect(cheap.attributes).toEqual({
      'messaging.system': 'caucus',
      'messaging.operation.name': 'answer',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'prices',
      'messaging.consumer.group.name': 'discount',
      'caucus.topic': 'prices',
      'caucus.producer.id': 'cheap',
      'caucus.answer.outcome': 'reply',
    })
  })

  test('is the parent of what its handlers do, also of what they ask themselves', async () => {
    const { recorder, traced } = tracedWorld()
    const caucus = await traced()
    caucus.topic('stock').produce(() => 3, { id: 'store' })
    caucus.topic('prices').produce(
      async () => {
        await settled()
        recorder.tracer.startSpan('query').end()
        await caucus.topic('stock').gather('milk')
        return 99
      },
      { id: 'shop' },
    )
    await caucus.topic('prices').gather('milk')
    expect(recorder.tree()).toEqual([
      'answer prices by shop > ask stock',
      'answer prices by shop > query',
      'ask prices',
      'ask prices > answer prices by shop',
      'ask stock > answer stock by store',
    ])
  })

  test('says who was still at work when the first reply was enough, and is no error to them', async () => {
    const { recorder, traced, clock } = tracedWorld()
    const caucus = await traced()
    const late = gate()
    const topic = caucus.topic('prices')
    topic.produce(() => 1, { id: 'quick' })
    topic.produce(() => late.promise, { id: 'slow' })
    topic.produce(
      (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
      { id: 'careful' },
    )
    for await (const answer of topic.ask('milk', { until: 'first' })) expect(answer.from).toBe('quick')
    late.open()
    await clock.play(0)

    expect(saidBy(recorder.one('ask prices'))).toMatchObject({
      'caucus.ask.until': 'first',
      'caucus.ask.ending': 'met',
      'caucus.ask.expected': 3,
      'caucus.ask.replied': 1,
      'caucus.ask.released': ['slow', 'careful'],
    })
    for (const id of ['slow', 'careful']) {
      const span = recorder.one('answer prices', { 'caucus.producer.id': id })
      expect(saidBy(span)).toMatchObject({ 'caucus.answer.outcome': 'unwanted' })
      expect(span.status.code).toBe(SpanStatusCode.UNSET)
    }
  })

  test('that ends by its limit is an error, and names who is missing', async () => {
    const { recorder, traced, within } = tracedWorld()
    const caucus = await traced()
    caucus.topic('prices').produce(() => 1, { id: 'here' })
    caucus.topic('prices').produce(never, { id: 'silent' })
    await within(400, caucus.topic('prices').gather('milk', { withinMs: 300 }))
    const ask = recorder.one('ask prices')
    expect(ask.status).toEqual({ code: SpanStatusCode.ERROR, message: '1 of 2 said nothing in time' })
    expect(saidBy(ask)).toMatchObject({
      'caucus.ask.ending': 'timeout',
      'caucus.ask.missing': ['silent'],
      'error.type': 'CAUCUS_TIMEOUT',
    })
    expect(recorder.tree()).toEqual(['ask prices', 'ask prices > answer prices by here'])
  })

  test('shows a handler that failed at the handler, and with its code at the asker', async () => {
    const { recorder, traced } = tracedWorld()
    const caucus = await traced()
    const topic = caucus.topic('prices')
    topic.produce(() => Promise.reject(new TypeError('no database')), { id: 'broken' })
    topic.produce(
      () => {
        throw undefined
      },
      { id: 'odd' },
    )
    await topic.gather('milk')
    const broken = recorder.one('answer prices', { 'caucus.producer.id': 'broken' })
    expect(broken.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no database' })
    expect(saidBy(broken)).toMatchObject({ 'caucus.answer.outcome': 'error', 'error.type': 'TypeError' })
    expect(broken.events).toMatchObject([{ name: 'exception', attributes: { 'exception.message': 'no database' } }])
    const odd = recorder.one('answer prices', { 'caucus.producer.id': 'odd' })
    expect(odd.status).toEqual({ code: SpanStatusCode.ERROR })
    expect(saidBy(odd)).toMatchObject({ 'error.type': '_OTHER' })

    const ask = recorder.one('ask prices')
    expect(ask.status.code).toBe(SpanStatusCode.UNSET)
    expect(saidBy(ask)).toMatchObject({ 'caucus.ask.ending': 'exhausted', 'caucus.ask.errors': 2 })
    const failed = { name: 'ask.answered', 'caucus.answer.outcome': 'error', 'error.type': 'CAUCUS_HANDLER_FAILED' }
    expect(eventsOf(ask)).toEqual(
      expect.arrayContaining([
        { ...failed, 'caucus.producer.id': 'broken' },
        { ...failed, 'caucus.producer.id': 'odd' },
      ]),
    )
    // What the handler said stays with the handler.
    expect(JSON.stringify(eventsOf(ask))).not.toContain('no database')
  })

  test('names a producer that refused, which has no span, and one that left', async () => {
    const { recorder, traced } = tracedWorld()
    const caucus = await traced()
    const topic = caucus.topic('prices')
    const leaver = topic.produce(never, { id: 'leaver' })
    topic.produce(never, { id: 'full', queueLimit: 0 })
    const busy = topic.ask('milk', { to: { id: 'full' } })
    await settled()
    const asked = topic.gather('milk')
    await settled()
    leaver.close()
    await asked
    await busy.return()
    const ask = recorder.one('ask prices', { 'caucus.ask.ending': 'exhausted' })
    expect(saidBy(ask)).toMatchObject({
      'caucus.ask.refused': 1,
      'caucus.ask.missing': ['leaver'],
      'caucus.ask.left': ['leaver'],
    })
    expect(eventsOf(ask)).toEqual([
      {
        name: 'ask.answered',
        'caucus.producer.id': 'full',
        'caucus.answer.outcome': 'refused',
        'error.type': 'CAUCUS_OVERLOADED',
      },
    ])
  })

  test('ends once, whoever calls it off, and when nobody is there', async () => {
    const { recorder, traced } = tracedWorld()
    const caucus = await traced()
    const topic = caucus.topic('prices')
    await topic.gather('milk')
    expect(saidBy(recorder.one('ask prices'))).toMatchObject({ 'caucus.ask.ending': 'nobody' })
    topic.produce(never)
    for (const callOff of [
      async () => void (await topic.ask('milk').return()),
      async () => {
        const over = new AbortController()
        const asked = topic.gather('milk', { signal: over.signal })
        over.abort()
        await asked.catch(() => undefined)
      },
    ]) {
      const before = recorder.spans.length
      await callOff()
      expect(recorder.spans.slice(before).map(saidBy)).toMatchObject([{ 'caucus.ask.ending': 'abandoned' }])
    }
    expect(recorder.spans.every(({ status }) => status.code === SpanStatusCode.UNSET)).toBe(true)
  })

  test('is an error when its connection ends first', async () => {
    const { recorder, traced, untraced } = tracedWorld()
    const caucus = await traced()
    ;(await untraced()).topic('prices').produce(never)
    const asked = caucus.topic('prices').gather('milk')
    const outcome = expect(asked).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    await caucus.close()
    await outcome
    const ask = recorder.one('ask prices')
    expect(ask.status.code).toBe(SpanStatusCode.ERROR)
    expect(saidBy(ask)).toMatchObject({ 'error.type': 'CAUCUS_CLOSED' })
  })

  test('tells a hundred answers, and counts them all', async () => {
    const { recorder, traced } = tracedWorld()
    const caucus = await traced()
    for (let n = 0; n < 120; n++) caucus.topic('prices').produce(() => n, { id: `shop-${n}` })
    await caucus.topic('prices').gather('milk')
    const ask = recorder.one('ask prices')
    expect(ask.events).toHaveLength(100)
    expect(saidBy(ask)).toMatchObject({ 'caucus.ask.replied': 120 })
    expect(recorder.spans).toHaveLength(121)
  })
})

test('an ask that waits for its schema still belongs to where it was made, and a reply that does not fit is an error', async () => {
  const { recorder, traced } = tracedWorld()
  const schema = (fits: (value: unknown) => boolean): StandardSchema => ({
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => (fits(value) ? { value } : { issues: [{ message: 'no' }] }),
    },
  })
  const caucus = await traced()
  const topic = caucus.topic('prices', { request: schema(() => true), reply: schema(Number.isInteger) })
  topic.produce(() => 'dear', { id: 'shop' })
  // Not by the topic's schemas: only the asker notices.
  caucus.topic('prices').produce(() => 'cheap', { id: 'loose' })
  await recorder.tracer.startActiveSpan('checkout', async (span) => {
    await topic.gather('milk')
    span.end()
  })
  expect(recorder.tree()).toEqual([
    'ask prices > answer prices by loose',
    'ask prices > answer prices by shop',
    'checkout',
    'checkout > ask prices',
  ])
  expect(saidBy(recorder.one('ask prices'))).toMatchObject({ 'caucus.ask.errors': 2 })
  const outcomes = recorder.spans.flatMap(({ attributes }) => attributes['caucus.answer.outcome'] ?? [])
  expect(outcomes.sort()).toEqual(['error', 'reply'])
})

describe('who does not trace', () => {
  test('asks without a span; a producer that does begins a trace of its own', async () => {
    const { recorder, traced, untraced } = tracedWorld()
    const [asker, producer] = [await untraced(), await traced()]
    producer.topic('prices').produce(() => 1, { id: 'shop' })
    await recorder.tracer.startActiveSpan('elsewhere', async (span) => {
      await asker.topic('prices').gather('milk')
      span.end()
    })
    expect(recorder.tree()).toEqual(['answer prices by shop', 'elsewhere'])
  })

  test('answers without one', async () => {
    const { recorder, traced, untraced } = tracedWorld()
    const [asker, producer] = [await traced(), await untraced()]
    const seen: unknown[] = []
    producer.topic('prices').produce((_request, told) => void seen.push(told.topic, told.remainingMs), { id: 'shop' })
    await asker.topic('prices').gather('milk', { withinMs: 250 })
    expect(recorder.tree()).toEqual(['ask prices'])
    expect(seen).toEqual(['prices', 250])
  })
})

test('a handler sees all of its request, traced or not', async () => {
  const { traced } = tracedWorld()
  const caucus = await traced()
  let told: unknown
  caucus.topic('prices').produce((request, { signal, from, topic, remainingMs }) => {
    told = { request, aborted: signal.aborted, from: typeof from, topic, remainingMs }
    return trace.getSpan(context.active())?.isRecording()
  })
  const { replies } = await caucus.topic('prices').gather('milk', { withinMs: 250 })
  expect(replies.map(({ value }) => value)).toEqual([true])
  expect(told).toEqual({ request: 'milk', aborted: false, from: 'string', topic: 'prices', remainingMs: 250 })
})

test('listeners hear what they hear, and have no spans', async () => {
  const { recorder, traced } = tracedWorld()
  const caucus = await traced()
  const heard: unknown[] = []
  caucus.topic('prices').listen((reply) => void heard.push(reply))
  caucus.topic('prices').produce(() => 1, { id: 'shop' })
  await caucus.topic('prices').gather('milk')
  await settled()
  expect(heard).toEqual([{ type: 'reply', from: 'shop', value: 1 }])
  expect(recorder.names()).toEqual(['answer prices', 'ask prices'])
})

test('a span processor that throws, early or late, is heard of, and keeps no reply from whoever asks', async () => {
  const errors = uncaught()
  const nothing = { forceFlush: async () => {}, shutdown: async () => {}, onStart: () => {}, onEnd: () => {} }
  const fails = () => {
    throw new Error('the processor is broken')
  }
  for (const when of ['onStart', 'onEnd']) {
    const tracerProvider = new NodeTracerProvider({ spanProcessors: [{ ...nothing, [when]: fails }] })
    const { backend } = world()
    await using caucus = await connect(backend, { tracing: openTelemetry({ tracerProvider }) })
    const topic = caucus.topic('t')
    topic.produce(() => 1, { id: 'at once' })
    topic.produce(async () => 2, { id: 'later' })
    topic.produce(() => Promise.reject(new Error('no')), { id: 'never' })
    const { replies, errors: failed } = await topic.gather(null)
    expect([replies.map(({ value }) => value), failed.map(({ error }) => error.message)]).toEqual([
      [1, 2],
      [expect.stringContaining('no')],
    ])
  }
  expect(new Set(errors.map(String))).toEqual(new Set(['Error: the processor is broken']))
})

import fc from 'fast-check'
import type { Payload, Streamed, TopicsDown, TopicsUp } from '../../../../src/core/dispatch/link-messages.ts'
import type { Ending, Summary, Target, Until } from '../../../../src/core/dispatch/messages.ts'
import { ERROR_CODES, type ErrorBody, type ErrorCode } from '../../../../src/errors.ts'

const number = fc.oneof(fc.nat(200), fc.maxSafeNat())
const name = fc.oneof(
  fc.constantFrom('price', 'a', 'worker-1', '…', 'Ünïcødé/名前', 'x'.repeat(100), '. leading dot'),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 }).filter((text) => text !== '.' && text !== '..'),
)
/** Whole microseconds, which is what travels. */
const time = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.integer({ min: 1, max: 10_000 }).map((us) => us / 1_000),
)
const bytes = fc.uint8Array({ maxLength: 100 })
// What has been JSON once: it has no −0.
const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)))

export const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.constant<Payload>({ kind: 'none' }),
  json.map((value): Payload => ({ kind: 'json', bytes: Buffer.from(JSON.stringify(value)) })),
  bytes.map((each): Payload => ({ kind: 'bytes', bytes: Buffer.from(each) })),
)
const stream = number.map((each): Streamed => ({ kind: 'stream', stream: each }))
const metadata = fc.option(fc.dictionary(fc.constantFrom('zone', 'n', 'tags'), json, { maxKeys: 3 }), {
  nil: undefined,
})

const until: fc.Arbitrary<Until> = fc.oneof(
  fc.constantFrom<Until>('all', 'first'),
  fc.integer({ min: 1, max: 1_000_000 }),
  time.map((quiet) => ({ quiet })),
)
const target: fc.Arbitrary<Target | undefined> = fc.option(
  fc.record(
    {
      id: fc.oneof(name, fc.array(name, { maxLength: 3 })),
      metadata: fc.dictionary(fc.constantFrom('zone', 'n'), json, { maxKeys: 2 }),
      pick: fc.integer({ min: 1, max: 1_000_000 }),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
)
const trace = fc.constantFrom(
  undefined,
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1,b=2' },
)

const error: fc.Arbitrary<ErrorBody> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(ERROR_CODES) as ErrorCode[])),
    fc.string({ maxLength: 100 }),
    fc.dictionary(fc.constantFrom('id', 'limit'), json, { maxKeys: 2 }),
  )
  .map(([code, message, details]) => {
    const { retriable, definite } = ERROR_CODES[code]
    return { code, message, retriable, definite, details }
  })
const outcome = fc.constantFrom('error' as const, 'refused' as const)
const ending = fc.constantFrom<Ending>('met', 'exhausted', 'timeout', 'nobody', 'abandoned')

const summary: fc.Arbitrary<Summary> = fc
  .tuple(
    fc.nat(1_000),
    fc.nat(50),
    fc.nat(50),
    fc.array(name, { maxLength: 5 }),
    fc.array(name, { maxLength: 5 }),
    ending,
  )
  .map(([replied, errors, refused, missing, released, how]) => ({
    expected: replied + errors + missing.length + released.length,
    replied,
    errors,
    refused: Math.min(errors, refused),
    missing,
    left: missing.slice(0, refused % (missing.length + 1)),
    released,
    ending: how,
    ...(how === 'nobody' && { code: 'CAUCUS_NO_RESPONDERS' as const }),
    ...(how === 'timeout' && { code: 'CAUCUS_TIMEOUT' as const }),
  }))

const streams = [
  fc.record({
    type: fc.constant('chunk' as const),
    stream: number,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }).map((each) => Buffer.from(each)),
  }),
  fc.record({ type: fc.constant('end' as const), stream: number }),
  fc.record({ type: fc.constant('end' as const), stream: number, error }),
  fc.record({ type: fc.constant('credit' as const), stream: number, bytes: fc.integer({ min: 1, max: 2 ** 40 }) }),
  fc.record({ type: fc.constant('stop' as const), stream: number }),
] as const

export const up: fc.Arbitrary<TopicsUp> = fc.oneof(
  fc.record({
    type: fc.constant('produce' as const),
    producer: number,
    topic: name,
    id: name,
    concurrency: fc.integer({ min: 1, max: 1_000_000 }),
    queue: fc.option(name, { nil: undefined }),
    metadata,
  }),
  fc.record({ type: fc.constantFrom('withdraw' as const, 'leave' as const), producer: number }),
  fc.record({ type: fc.constant('listen' as const), listener: number, topic: name }),
  fc.record({ type: fc.constant('unlisten' as const), listener: number }),
  fc.record({
    type: fc.constant('ask' as const),
    ask: number,
    topic: name,
    until,
    to: target,
    withinMs: time,
    named: fc.boolean(),
    patient: fc.boolean(),
    trace,
    payload,
  }),
  fc.record({ type: fc.constant('abandon' as const), ask: number }),
  fc.tuple(number, fc.oneof(payload, stream)).map(
    ([request, given]): TopicsUp => ({
      type: 'reply',
      request,
      payload: given.kind === 'stream' ? { kind: 'stream', stream: request } : given,
    }),
  ),
  fc.record({ type: fc.constant('fail' as const), request: number, outcome, error }),
  ...streams,
)

export const down: fc.Arbitrary<TopicsDown> = fc.oneof(
  fc.record({ type: fc.constantFrom('produced' as const, 'fenced' as const), producer: number }),
  fc.record({
    type: fc.constant('denied' as const),
    what: fc.constantFrom('producer' as const, 'ask' as const, 'listener' as const),
    key: number,
    error,
  }),
  fc.record({
    type: fc.constant('request' as const),
    request: number,
    producer: number,
    from: name,
    remainingMs: fc.oneof(time, fc.constant(0)),
    trace,
    payload,
  }),
  fc.record({ type: fc.constant('cancel' as const), request: number, because: ending }),
  fc.record({ type: fc.constant('asked' as const), ask: number, expected: fc.array(name, { maxLength: 5 }) }),
  fc.record({ type: fc.constant('answered' as const), ask: number, from: name, payload: fc.oneof(payload, stream) }),
  fc.record({ type: fc.constant('failed' as const), ask: number, from: name, outcome, error }),
  fc.record({ type: fc.constant('finished' as const), ask: number, summary }),
  fc.record({ type: fc.constant('heard' as const), listener: number, from: name, payload: fc.oneof(payload, stream) }),
  fc.record({ type: fc.constant('gap' as const), listener: number, dropped: number }),
  ...streams,
)

import {
  context,
  createTraceState,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { AlwaysOffSampler, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { connect } from 'caucus'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { TraceContext } from '../../../src/core/dispatch/link-messages.ts'
import { carriedOf, spanOf } from '../../../src/opentelemetry/trace-context.ts'
import { type OpenTelemetryOptions, openTelemetry } from '../../../src/opentelemetry.ts'
import { world } from '../client/world.ts'
import { disable, Recorder } from './support.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const parent = (traceparent: string): SpanContext | undefined => spanOf({ traceparent })

afterEach(disable)

describe('a trace context', () => {
  test('is written and read as the W3C propagator of the SDK does it', () => {
    new NodeTracerProvider().register()
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
    const given = fc.record({
      traceId: hex(32),
      spanId: hex(16),
      traceFlags: fc.constantFrom(0, 1),
      vendor: fc.boolean(),
    })
    fc.assert(
      fc.property(given, ({ vendor, ...ids }) => {
        const span = { ...ids, ...(vendor && { traceState: createTraceState('a=1,b=2') }) }
        const theirs: Record<string, string> = {}
        propagation.inject(trace.setSpanContext(ROOT_CONTEXT, span), theirs)
        const ours = carriedOf(span)
        expect({ ...ours }).toEqual(theirs)
        if (ours === undefined) return
        const read = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, theirs))
        const { traceState, ...rest } = spanOf(ours) ?? { traceState: undefined }
        const { traceState: theirState, ...theirRest } = read ?? { traceState: undefined }
        expect([rest, traceState?.serialize()]).toEqual([theirRest, theirState?.serialize()])
      }),
    )
  })

  test('is none when somebody sends what is none', () => {
    expect(parent(`00-${TRACE}-${SPAN}-01`)).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true })
    // A later version keeps these fields, and may add some.
    expect(parent(`01-${TRACE}-${SPAN}-01-more`)).toMatchObject({ traceId: TRACE })
    for (const wrong of [
      '',
      'x',
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE}-${SPAN}-01\n`,
      ` 00-${TRACE}-${SPAN}-01`,
    ]) {
      expect([wrong, parent(wrong)]).toEqual([wrong, undefined])
    }
    fc.assert(
      fc.property(fc.string(), fc.string(), (traceparent, tracestate) => {
        expect(spanOf({ traceparent, tracestate })).toBeUndefined()
        expect(spanOf({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate })).toMatchObject({ traceId: TRACE })
      }),
    )
  })

  test('says of the flags only whether it is sampled, and leaves out a state that is too long', () => {
    expect(parent(`00-${TRACE}-${SPAN}-fe`)?.traceFlags).toBe(TraceFlags.NONE)
    expect(parent(`00-${TRACE}-${SPAN}-03`)?.traceFlags).toBe(TraceFlags.SAMPLED)
    const long = Array.from({ length: 12 }, (_, n) => `k${n}=${'v'.repeat(60)}`)
    let traceState = createTraceState()
    for (const [n] of long.entries()) traceState = traceState.set(`k${n}`, 'v'.repeat(60))
    const span = { traceId: TRACE, spanId: SPAN, traceFlags: 1, traceState }
    expect(carriedOf(span)).toEqual({ traceparent: `00-${TRACE}-${SPAN}-01` })
  })
})

describe('openTelemetry()', () => {
  /** What a request brings, and what its handler's own callees would be told, for an ask that is made within `span`. */
  const carriedThrough = async (span: SpanContext, options?: OpenTelemetryOptions) => {
    const { backend } = world()
    const tracing = openTelemetry(options)
    const seen: (TraceContext | undefined)[] = []
    await using caucus = await connect(backend, {
      tracing: {
        beginAsk: (asked) => tracing.beginAsk(asked),
        serve: (request, run) =>
          tracing.serve(request, (carried) => {
            seen.push(request.trace, carried)
            return run(carried)
          }),
        beginView: (view) => tracing.beginView(view),
        beginCampaign: (campaign) => tracing.beginCampaign(campaign),
        beginRun: (run) => tracing.beginRun(run),
        beginPeer: (peer) => tracing.beginPeer(peer),
      },
    })
    caucus.topic('prices').produce(() => 1)
    await context.with(trace.setSpanContext(ROOT_CONTEXT, span), () => caucus.topic('prices').gather('milk'))
    return seen
  }

  test('passes on what it gets where nothing is recorded: without an SDK, and when it is not sampled', async () => {
    const span = { traceId: TRACE, spanId: SPAN, traceFlags: 1 }
    // Without an SDK there is no manager of contexts either, so there is nothing to belong to.
    expect(await carriedThrough(span)).toEqual([undefined, undefined])
    const off = new NodeTracerProvider({ sampler: new AlwaysOffSampler() })
    off.register()
    const [asked, handled] = await carriedThrough(span, { tracerProvider: off })
    expect(asked?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    expect(handled?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
  })

  test('takes the provider that is registered later', async () => {
    const { backend } = world()
    await using caucus = await connect(backend, { tracing: openTelemetry() })
    const recorder = new Recorder()
    recorder.provider.register()
    await caucus.topic('prices').gather('milk')
    expect(recorder.names()).toEqual(['ask prices'])
  })

  test('refuses what is no tracer provider, and connect() what is no tracing', async () => {
    const wrong = (value: unknown) => openTelemetry(value as Parameters<typeof openTelemetry>[0])
    for (const value of [{ tracerProvider: {} }, { tracerProvider: null }, { provider: 1 }, 1, null]) {
      expect(() => wrong(value), JSON.stringify(value)).toThrow(
        expect.objectContaining({ code: 'CAUCUS_INVALID_ARGUMENT' }),
      )
    }
    for (const tracing of [null, 1, {}, { beginAsk: () => {} }, openTelemetry]) {
      await expect(connect(world().backend, { tracing: tracing as never })).rejects.toMatchObject({
        code: 'CAUCUS_INVALID_ARGUMENT',
      })
    }
  })
})

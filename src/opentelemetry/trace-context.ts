import { createTraceState, isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api'
import type { TraceContext } from '../core/dispatch/link-messages.ts'

/** Longer ones are left out, as the specification allows: the trace holds together without it. */
const MAX_TRACESTATE_LENGTH = 512
const VERSION = '00'
/** What follows the flags belongs to a later version than ours, which keeps these four fields first. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * A span as W3C Trace Context (level 1) has it, or `undefined` for none. Written here, and not by the propagator that the program has
 * registered, so that both ends agree whatever that is.
 */
export const carriedOf = (span: SpanContext): TraceContext | undefined => {
  if (!isSpanContextValid(span)) return undefined
  const flags = span.traceFlags === TraceFlags.SAMPLED ? '01' : span.traceFlags.toString(16).padStart(2, '0').slice(-2)
  const traceparent = `${VERSION}-${span.traceId}-${span.spanId}-${flags}`
  const tracestate = span.traceState?.serialize() ?? ''
  return tracestate === '' || tracestate.length > MAX_TRACESTATE_LENGTH ? { traceparent } : { traceparent, tracestate }
}

/** The asker's span. What is no trace context, whoever sent it, is `undefined`, and the request begins a trace of its own. */
export const spanOf = ({ traceparent, tracestate }: TraceContext): SpanContext | undefined => {
  const [, version, traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(traceparent) ?? []
  if (version === undefined || version === 'ff' || (version === VERSION && more !== undefined)) return undefined
  const span = {
    traceId,
    spanId,
    // Of all flags only this one has a meaning that we know.
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  }
  return isSpanContextValid(span) ? span : undefined
}

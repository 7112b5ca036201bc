import {
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Summary } from '../core/dispatch/messages.ts'
import { CaucusError, type ErrorCode, isCaucusError } from '../errors.ts'
import type { AskTrace, TracedAsk, TracedRequest, Tracing } from '../ports/tracing.ts'
import { askAttributes, requestAttributes, summaryAttributes } from './attributes.ts'
import { carriedOf, spanOf } from './trace-context.ts'

export interface OpenTelemetryOptions {
  /** Whose spans they are. Default: the one that the program has registered, at the time of the first span. */
  readonly tracerProvider?: TracerProvider
}

/** Answers that are told as events of one ask. More are only counted. */
const MAX_EVENTS = 100

/**
 * Traces asks with OpenTelemetry: one span per ask, and one per producer that works on it, wherever that is. For
 * `connect(backend, { tracing })`. Needs the package `@opentelemetry/api`; without a registered SDK it passes on what it gets. Throws
 * `CAUCUS_INVALID_ARGUMENT`.
 */
export const openTelemetry = (options: OpenTelemetryOptions = {}): Tracing => {
  const isKnown = typeof options === 'object' && options !== null && Object.keys(options).every(isOption)
  if (!isKnown) throw new CaucusError('CAUCUS_INVALID_ARGUMENT', 'openTelemetry() takes { tracerProvider }, or nothing')
  const { tracerProvider = trace } = options
  if (typeof tracerProvider?.getTracer !== 'function') {
    const message =
      'openTelemetry({ tracerProvider }) takes a tracer provider of OpenTelemetry; leave it out for the registered one'
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
  }
  return new OpenTelemetryTracing(tracerProvider.getTracer('caucus'))
}

const isOption = (name: string): boolean => name === 'tracerProvider'

class OpenTelemetryTracing implements Tracing {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  beginAsk(asked: TracedAsk): AskTrace {
    const attributes = askAttributes(asked)
    return new AskSpan(this.#tracer.startSpan(`ask ${asked.topic}`, { kind: SpanKind.PRODUCER, attributes }))
  }

  serve(request: TracedRequest, run: (carried: TraceContext | undefined) => unknown): unknown {
    const asker = request.trace && spanOf(request.trace)
    // Never what happens to be active: the turn of the loop in which a handler begins is somebody else's.
    const parent = asker === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, asker)
    const attributes = requestAttributes(request)
    const span = this.#tracer.startSpan(`answer ${request.topic}`, { kind: SpanKind.CONSUMER, attributes }, parent)
    let given: unknown
    try {
      given = context.with(trace.setSpan(parent, span), run, undefined, carriedOf(span.spanContext()))
      if (isThenable(given)) {
        return Promise.resolve(given).then(
          (value) => {
            endRequest(span, request)
            return value
          },
          (error: unknown) => {
            failRequest(span, request, error)
            throw error
          },
        )
      }
    } catch (error) {
      failRequest(span, request, error)
      throw error
    }
    endRequest(span, request)
    return given
  }
}

class AskSpan implements AskTrace {
  readonly carried: TraceContext | undefined
  readonly #span: Span
  #events = 0

  constructor(span: Span) {
    this.#span = span
    this.carried = carriedOf(span.spanContext())
  }

  answered(from: string, outcome: 'reply' | 'error' | 'refused', code?: ErrorCode): void {
    if (this.#events >= MAX_EVENTS || !this.#span.isRecording()) return
    this.#events++
    this.#span.addEvent('ask.answered', {
      'caucus.producer.id': from,
      'caucus.answer.outcome': outcome,
      ...(code !== undefined && { 'error.type': code }),
    })
  }

  finished(summary: Summary): void {
    const span = this.#span
    if (span.isRecording()) {
      span.setAttributes(summaryAttributes(summary))
      // That nobody is there, or that somebody failed, is for the asker to judge.
      if (summary.ending === 'timeout') {
        fail(span, 'CAUCUS_TIMEOUT', `${summary.missing.length} of ${summary.expected} said nothing in time`)
      }
    }
    span.end()
  }

  failed(error: unknown): void {
    failWith(this.#span, error)
    this.#span.end()
  }

  abandoned(): void {
    this.#span.setAttribute('caucus.ask.ending', 'abandoned')
    this.#span.end()
  }
}

const endRequest = (span: Span, { isCalledOff }: TracedRequest): void => {
  span.setAttribute('caucus.answer.outcome', isCalledOff ? 'unwanted' : 'reply')
  span.end()
}

/** That a handler stops since nobody waits for it any more is no error. */
const failRequest = (span: Span, { isCalledOff }: TracedRequest, error: unknown): void => {
  span.setAttribute('caucus.answer.outcome', isCalledOff ? 'unwanted' : 'error')
  if (!isCalledOff) failWith(span, error)
  span.end()
}

const failWith = (span: Span, error: unknown): void => {
  if (!span.isRecording()) return
  const isError = error instanceof Error
  if (isError) span.recordException(error)
  fail(span, typeOf(error), isError ? error.message : undefined)
}

const fail = (span: Span, type: string, message: string | undefined): void => {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}

const typeOf = (error: unknown): string => {
  if (isCaucusError(error)) return error.code
  // `_OTHER` is what the conventions say for what has no name.
  return error instanceof Error ? error.name : '_OTHER'
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'

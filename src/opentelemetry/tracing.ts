import { context, ROOT_CONTEXT, type Span, SpanKind, type Tracer, type TracerProvider, trace } from '@opentelemetry/api'
import type { TraceContext } from '../core/dispatch/link-messages.ts'
import { CaucusError } from '../errors.ts'
import type {
  AskTrace,
  CampaignTrace,
  PeerTrace,
  RunTrace,
  TracedAsk,
  TracedCampaign,
  TracedPeer,
  TracedRequest,
  TracedRun,
  TracedView,
  Tracing,
  ViewTrace,
} from '../ports/tracing.ts'
import { guarded } from '../runtime/tracing.ts'
import { AskSpan } from './ask-span.ts'
import { askAttributes, campaignAttributes, requestAttributes, runAttributes, viewAttributes } from './attributes.ts'
import { CampaignSpan } from './election-spans.ts'
import { PeerSpans } from './peer-spans.ts'
import { RunSpan } from './run-span.ts'
import { failWith } from './status.ts'
import { carriedOf, spanOf } from './trace-context.ts'
import { ViewSpan } from './view-span.ts'

/** Of tracing with OpenTelemetry. */
export interface OpenTelemetryOptions {
  /** Whose spans they are. Default: the one that the program has registered, at the time of the first span. */
  readonly tracerProvider?: TracerProvider
}

/**
 * Traces with OpenTelemetry: one span per ask, and one per producer that works on it, wherever that is; one per change of a group that a
 * member goes through; one per campaign, tenure and run of `once()`. For `connect(backend, { tracing })`, and, with the elections of a cluster's voters, for
 * `peer(options, { tracing })`. Needs the package `@opentelemetry/api`; without a registered SDK it passes on what it gets. Throws
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
    const span = guarded(() =>
      this.#tracer.startSpan(`answer ${request.topic}`, { kind: SpanKind.CONSUMER, attributes }, parent),
    )
    if (span === undefined) return run(request.trace)
    let given: unknown
    try {
      given = context.with(trace.setSpan(parent, span), run, undefined, carriedOf(span.spanContext()))
      if (isThenable(given)) {
        return Promise.resolve(given).then(
          (value) => {
            guarded(() => endRequest(span, request))
            return value
          },
          (error: unknown) => {
            guarded(() => failRequest(span, request, error))
            throw error
          },
        )
      }
    } catch (error) {
      guarded(() => failRequest(span, request, error))
      throw error
    }
    guarded(() => endRequest(span, request))
    return given
  }

  beginView(view: TracedView): ViewTrace {
    // What comes later was caused by somebody else, in another process as a rule.
    const parent = view.isFirst ? context.active() : ROOT_CONTEXT
    const attributes = viewAttributes(view)
    return new ViewSpan(this.#tracer.startSpan(`view ${view.group}`, { attributes }, parent))
  }

  beginCampaign(campaign: TracedCampaign): CampaignTrace {
    return new CampaignSpan(this.#tracer, campaign.election, campaignAttributes(campaign))
  }

  beginRun(run: TracedRun): RunTrace {
    return new RunSpan(this.#tracer.startSpan(`once ${run.name}`, { attributes: runAttributes(run) }))
  }

  beginPeer(peer: TracedPeer): PeerTrace {
    return new PeerSpans(this.#tracer, peer)
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

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function'

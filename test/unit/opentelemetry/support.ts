import { context, propagation, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { connect } from 'caucus'
import { onTestFinished } from 'vitest'
import { openTelemetry } from '../../../src/opentelemetry.ts'
import { world } from '../client/world.ts'

/** Keeps the spans that have ended, as the real SDK makes them. */
export class Recorder {
  readonly #exporter = new InMemorySpanExporter()
  readonly provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] })
  readonly tracer = this.provider.getTracer('test')

  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans()
  }

  one(name: string, attributes: Readonly<Record<string, unknown>> = {}): ReadableSpan {
    const [span, ...more] = this.all(name, attributes)
    if (span === undefined || more.length > 0) throw new Error(`${more.length + 1} of ${name} in ${this.names()}`)
    return span
  }

  all(name: string, attributes: Readonly<Record<string, unknown>> = {}): readonly ReadableSpan[] {
    return this.spans.filter(
      (each) =>
        each.name === name && Object.entries(attributes).every(([key, value]) => each.attributes[key] === value),
    )
  }

  names(): string[] {
    return this.spans.map(({ name }) => name)
  }

  /** `parent > child`, for every span that has a parent, in the order of their names. */
  tree(): string[] {
    const label = ({ name, attributes }: ReadableSpan) =>
      [name, attributes['caucus.producer.id']].filter((part) => part !== undefined).join(' by ')
    const byId = new Map(this.spans.map((span) => [span.spanContext().spanId, span]))
    return this.spans
      .map((span) => {
        const { parentSpanContext: parent } = span
        if (parent === undefined) return label(span)
        const above = byId.get(parent.spanId)
        if (above !== undefined && above.spanContext().traceId !== span.spanContext().traceId) {
          throw new Error(`${span.name} is in another trace than its parent`)
        }
        return `${above === undefined ? parent.spanId : label(above)} > ${label(span)}`
      })
      .sort()
  }
}

/** As if no SDK had been registered. */
export const disable = (): void => {
  trace.disable()
  context.disable()
  propagation.disable()
}

/** A cluster in one process that is traced. */
export const tracedWorld = (options: Parameters<typeof world>[0] = {}) => {
  const recorder = new Recorder()
  // Spans that the test itself begins nest by the context manager that this registers.
  recorder.provider.register()
  onTestFinished(disable)
  const { backend, clock, within, seen, connect: untraced } = world(options)
  const traced = async () => {
    const caucus = await connect(backend, { tracing: openTelemetry({ tracerProvider: recorder.provider }) })
    onTestFinished(async () => within(10_000, caucus.close()))
    return caucus
  }
  return { recorder, clock, within, seen, untraced, traced }
}

/** The attributes of a span, without those that say the same of all. */
export const saidBy = ({ attributes }: ReadableSpan) =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => !key.startsWith('messaging.')))

export const eventsOf = ({ events }: ReadableSpan) => events.map(({ name, attributes }) => ({ name, ...attributes }))

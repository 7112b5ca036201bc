// A search that asks every shard at once, and is one trace: the search, its ask, each shard's part, and what the shard does for it.
//
// Each shard would be a process of its own, with `remote()`; the trace holds together all the same. The program registers its SDK
// before anything else, for instance:
//
//   new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] }).register()
import { trace } from '@opentelemetry/api'
import { type BackendFactory, type Caucus, connect, type Producer } from 'caucus'
import { openTelemetry } from 'caucus/opentelemetry'

const tracer = trace.getTracer('search')

/** A connection whose asks and answers are traced. */
export const connectTraced = (backend: BackendFactory): Promise<Caucus> =>
  connect(backend, { tracing: openTelemetry() })

const shards = (caucus: Caucus) => caucus.topic<string, readonly string[]>('search')

/** Opens a shard. Spans that `lookUp` begins belong to the shard's part of the search that it is for. */
export const openShard = (
  caucus: Caucus,
  id: string,
  lookUp: (words: string) => Promise<readonly string[]>,
): Producer =>
  shards(caucus).produce(
    (words) =>
      tracer.startActiveSpan('look up', async (span) => {
        try {
          return await lookUp(words)
        } finally {
          span.end()
        }
      }),
    { id, concurrency: 8 },
  )

/** What all shards found in time, and which of them said nothing: they stand in the ask's span, too. */
export const search = (caucus: Caucus, words: string, withinMs: number) =>
  tracer.startActiveSpan('search', async (span) => {
    try {
      const { replies, missing } = await shards(caucus).gather(words, { withinMs })
      return { found: replies.flatMap(({ value }) => value).sort(), missing }
    } finally {
      span.end()
    }
  })

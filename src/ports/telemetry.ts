import type { Millis } from '../core/time.ts'
import type { LogDetails } from './log-events.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
/** What a measurement is about, e.g. `{ group: 'indexers' }`. Few values each: every combination is a time series. */
export type Labels = Readonly<Record<string, string>>

/** Something that happened, spelled `subject.pastTense` in the union, the metric, the log line, the SSE stream and the documents. */
export interface Happened {
  readonly type: `${string}.${string}`
}

/**
 * Where a running part tells what it does. No call throws, blocks or answers, so that watching never changes what is watched.
 * Names of measurements end in their unit, e.g. `renewal_ms`; counters end in what they count, e.g. `inbox_dropped`.
 */
export interface Telemetry {
  event(event: Happened): void
  /** Adds `by` (default 1) to a counter. */
  count(name: string, by?: number, labels?: Labels): void
  /** The present value of something that goes up and down. */
  gauge(name: string, value: number, labels?: Labels): void
  /** One sample of how long something took. */
  duration(name: string, ms: Millis, labels?: Labels): void
  /** `details.event` says what it is, to programs; the message says it to people. */
  log(level: LogLevel, message: string, details: LogDetails): void
}

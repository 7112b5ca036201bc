export { type OpenTelemetryOptions, openTelemetry } from './opentelemetry/tracing.ts'
export type { Tracing } from './ports/tracing.ts'

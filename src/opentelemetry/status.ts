import { type Span, SpanStatusCode } from '@opentelemetry/api'
import { isCaucusError } from '../errors.ts'

export const failWith = (span: Span, error: unknown): void => {
  if (!span.isRecording()) return
  const isError = error instanceof Error
  if (isError) span.recordException(error)
  fail(span, typeOf(error), isError ? error.message : undefined)
}

export const fail = (span: Span, type: string, message: string | undefined): void => {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}

/** What stands in `error.type`. */
export const typeOf = (error: unknown): string => {
  if (isCaucusError(error)) return error.code
  // `_OTHER` is what the conventions say for what has no name.
  return error instanceof Error ? error.name : '_OTHER'
}

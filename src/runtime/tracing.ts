import { CaucusError } from '../errors.ts'
import type { Tracing } from '../ports/tracing.ts'

const METHODS: readonly (keyof Tracing)[] = ['beginAsk', 'serve', 'beginView', 'beginCampaign', 'beginRun', 'beginPeer']

/** Throws `CAUCUS_INVALID_ARGUMENT`. `where` is the call that got it. */
export const checkTracing = (tracing: unknown, where: string): void => {
  if (tracing === undefined) return
  const given = (tracing ?? {}) as Partial<Record<keyof Tracing, unknown>>
  if (METHODS.every((method) => typeof given[method] === 'function')) return
  const message = `${where} takes what openTelemetry() of caucus/opentelemetry gives`
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** Calls what tells a tracing. Somebody's span processor may throw: that is heard of as any uncaught error is, and breaks nothing here. */
export const guarded = <Result>(tell: () => Result): Result | undefined => {
  try {
    return tell()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
    return undefined
  }
}

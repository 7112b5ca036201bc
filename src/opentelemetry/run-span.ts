import { context, type Span, trace } from '@opentelemetry/api'
import type { RunTrace } from '../ports/tracing.ts'
import { fail, failWith } from './status.ts'

/** The one run of `once()`, in the process whose turn it is. */
export class RunSpan implements RunTrace {
  readonly #span: Span

  constructor(span: Span) {
    this.#span = span
  }

  within<Result>(run: () => Result): Result {
    return context.with(trace.setSpan(context.active(), this.#span), run)
  }

  ended(outcome: 'done' | 'failed' | 'lost', error: unknown): void {
    this.#span.setAttribute('caucus.once.outcome', outcome)
    if (outcome === 'failed') failWith(this.#span, error)
    else if (outcome === 'lost') fail(this.#span, 'CAUCUS_ONCE_LOST', 'its lease ended before it did')
    this.#span.end()
  }
}

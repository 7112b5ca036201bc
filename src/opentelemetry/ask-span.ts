import type { Span } from '@opentelemetry/api'
import type { TraceContext } from '../core/dispatch/link-messages.ts'
import type { Summary } from '../core/dispatch/messages.ts'
import type { ErrorCode } from '../errors.ts'
import type { AskTrace } from '../ports/tracing.ts'
import { summaryAttributes } from './attributes.ts'
import { fail, failWith } from './status.ts'
import { carriedOf } from './trace-context.ts'

/** Answers that are told as events of one ask. More are only counted. */
const MAX_EVENTS = 100

export class AskSpan implements AskTrace {
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

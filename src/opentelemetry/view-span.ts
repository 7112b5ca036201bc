import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import type { SettledView, TracedItems, ViewTrace } from '../ports/tracing.ts'
import { itemsAttributes, settledAttributes } from './attributes.ts'
import { failWith, typeOf } from './status.ts'

/** Of a member whose group does not come to rest. */
const MAX_EVENTS = 100

/** A change of a group, as one member goes through it. */
export class ViewSpan implements ViewTrace {
  readonly #span: Span
  #events = 0

  constructor(span: Span) {
    this.#span = span
  }

  granted(items: TracedItems): void {
    this.#tell('share.granted', items)
  }

  revoked(items: TracedItems): void {
    this.#tell('share.revoked', items)
  }

  released(items: TracedItems): void {
    this.#tell('share.released', items)
  }

  lost(items: TracedItems, because: string): void {
    this.#tell('share.lost', items, because)
  }

  drainFailed(error: unknown): void {
    this.#span.addEvent('drain.failed', { 'error.type': typeOf(error) })
    failWith(this.#span, error)
  }

  within<Result>(run: () => Result): Result {
    // Nothing of what happens to be active: the turn of the loop in which a drain begins is somebody else's.
    return context.with(trace.setSpan(ROOT_CONTEXT, this.#span), run)
  }

  settled(view: SettledView): void {
    this.#span.setAttributes(settledAttributes(view))
    this.#span.end()
  }

  left(): void {
    this.#span.setAttribute('caucus.view.ending', 'left')
    this.#span.end()
  }

  failed(error: unknown): void {
    this.#span.setAttribute('caucus.view.ending', 'failed')
    failWith(this.#span, error)
    this.#span.end()
  }

  #tell(name: string, items: TracedItems, because?: string): void {
    if (this.#events >= MAX_EVENTS || !this.#span.isRecording()) return
    this.#events++
    this.#span.addEvent(name, {
      ...itemsAttributes(items),
      ...(because !== undefined && { 'caucus.because': because }),
    })
  }
}

import { type Attributes, type Context, context, type Span, type Tracer } from '@opentelemetry/api'
import type { Epoch } from '../core/lease.ts'
import type { CampaignTrace, TenureEnding, TenureTrace } from '../ports/tracing.ts'
import { fail, failWith } from './status.ts'

/** A candidate, from its coming until it is elected or gives up. */
export class CampaignSpan implements CampaignTrace {
  readonly #tracer: Tracer
  readonly #election: string
  readonly #attributes: Attributes
  readonly #span: Span
  /** What was active where somebody campaigned. */
  readonly #parent: Context

  constructor(tracer: Tracer, election: string, attributes: Attributes) {
    this.#tracer = tracer
    this.#election = election
    this.#attributes = attributes
    this.#parent = context.active()
    this.#span = tracer.startSpan(`campaign ${election}`, { attributes }, this.#parent)
  }

  elected(token: Epoch): TenureTrace {
    const attributes = { ...this.#attributes, 'caucus.token': token }
    // Beside the campaign and not below it: a child would be of a span that has ended.
    const links = [{ context: this.#span.spanContext() }]
    const tenure = this.#tracer.startSpan(`tenure ${this.#election}`, { attributes, links }, this.#parent)
    this.#span.setAttributes({ 'caucus.campaign.ending': 'elected', 'caucus.token': token })
    this.#span.end()
    return new TenureSpan(tenure)
  }

  abandoned(): void {
    this.#span.setAttribute('caucus.campaign.ending', 'abandoned')
    this.#span.end()
  }

  failed(error: unknown): void {
    this.#span.setAttribute('caucus.campaign.ending', 'failed')
    failWith(this.#span, error)
    this.#span.end()
  }
}

/** Not the wish of whoever led, nor of an operator. */
const LOST: ReadonlySet<TenureEnding> = new Set<TenureEnding>(['lapsed', 'expired', 'fenced', 'failed'])

class TenureSpan implements TenureTrace {
  readonly #span: Span
  #ending: TenureEnding | undefined

  constructor(span: Span) {
    this.#span = span
  }

  over(ending: TenureEnding): void {
    if (this.#ending !== undefined) return
    this.#ending = ending
    if (ending === 'revoked') this.#span.addEvent('tenure.revoked')
    else if (LOST.has(ending)) this.#span.addEvent('tenure.lost', { 'caucus.because': ending })
  }

  workFailed(error: unknown): void {
    failWith(this.#span, error)
  }

  ended(): void {
    // Nobody has told how: the clock was first.
    const ending = this.#ending ?? 'lapsed'
    this.#span.setAttribute('caucus.tenure.ending', ending)
    if (LOST.has(ending)) fail(this.#span, 'CAUCUS_LEADERSHIP_LOST', `the leadership was lost: ${ending}`)
    this.#span.end()
  }
}

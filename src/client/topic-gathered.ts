import type { Ending, Failure, Reply, Summary } from '../core/dispatch/messages.ts'
import type { ErrorCode } from '../errors.ts'

/** How an ask went: a summary, and how many replies came too late so far, which were dropped. */
export class AskSummary implements Summary {
  readonly expected: number
  readonly replied: number
  readonly errors: number
  readonly refused: number
  readonly missing: readonly string[]
  readonly left: readonly string[]
  readonly released: readonly string[]
  readonly ending: Ending
  declare readonly code?: Extract<ErrorCode, 'CAUCUS_NO_RESPONDERS' | 'CAUCUS_TIMEOUT'>
  readonly #tally: { readonly late: number }

  /** Comes with the end of an ask. */
  constructor(summary: Summary, tally: { readonly late: number }) {
    this.expected = summary.expected
    this.replied = summary.replied
    this.errors = summary.errors
    this.refused = summary.refused
    this.missing = summary.missing
    this.left = summary.left
    this.released = summary.released
    this.ending = summary.ending
    if (summary.code !== undefined) this.code = summary.code
    this.#tally = tally
  }

  /** It goes on counting after the end. */
  get late(): number {
    return this.#tally.late
  }

  /** What `JSON.stringify` writes: with how many were late by then. */
  toJSON() {
    return { ...this, late: this.late }
  }
}

/** What everybody said. `errors` are those who failed or refused; `missing` names those who said nothing. */
export class Gathered<Value = unknown> {
  /** In order of arrival. */
  readonly replies: readonly Reply<Value>[]
  readonly errors: readonly Failure[]
  readonly expected: number
  readonly missing: readonly string[]
  readonly left: readonly string[]
  readonly released: readonly string[]
  readonly ending: Ending
  declare readonly code?: Extract<ErrorCode, 'CAUCUS_NO_RESPONDERS' | 'CAUCUS_TIMEOUT'>
  readonly #tally: { readonly late: number }

  /** Comes from `gather()`. */
  constructor(
    replies: readonly Reply<Value>[],
    errors: readonly Failure[],
    summary: Summary,
    tally: { readonly late: number },
  ) {
    this.replies = replies
    this.errors = errors
    this.expected = summary.expected
    this.missing = summary.missing
    this.left = summary.left
    this.released = summary.released
    this.ending = summary.ending
    if (summary.code !== undefined) this.code = summary.code
    this.#tally = tally
  }

  /** How many replies have come too late so far. */
  get late(): number {
    return this.#tally.late
  }

  /** What `JSON.stringify` writes: with how many were late by then. */
  toJSON() {
    return { ...this, late: this.late }
  }
}

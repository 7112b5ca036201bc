import type { Generation } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import { isCaucusError } from '../errors.ts'
import type { Timer } from '../ports/clock.ts'
import type { CoordinatorHosting } from '../ports/hosting.ts'
import type { TopicsHosting } from '../ports/topics-hosting.ts'
import { Reign, type ReignOptions } from './reign.ts'

/** Why a reign is over: nobody knew any more that this peer leads, a later leader was heard of, it let go, or it could not go on. */
export type ReignEnd = 'leaseOver' | 'superseded' | 'handedOver' | 'failed'

export type ReignEvent =
  | { readonly type: 'reign.started'; readonly term: number; readonly generation: Generation }
  | { readonly type: 'reign.ended'; readonly term: number; readonly because: ReignEnd }

export interface ReignsOptions extends Omit<ReignOptions, 'term' | 'generation' | 'leads' | 'lost'> {
  /** The own leadership, compared with the clock; `undefined` while this peer does not lead. */
  leading(): { readonly term: number; readonly generation: Generation } | undefined
  /** Whether it leads in this term, compared with the clock. Asked at every step, so it must cost next to nothing. */
  leadsIn(term: number): boolean
  /** When nobody has answered for so long, that is reported. */
  readonly slowMs: Millis
  told(event: ReignEvent): void
  /** Somebody else may serve now. */
  changed(): void
}

/** How long one that could not begin waits before it is tried again. */
const RETRY_MS: Millis = 1_000

/** Begins a reign whenever this peer leads, and ends it as soon as that is over. */
export class Reigns {
  readonly #options: ReignsOptions
  #current: Reign | undefined
  #begun = false
  /** The end of all earlier ones. */
  #ended: Promise<unknown> = Promise.resolve()
  /** In this term somebody else leads, whatever the election still believes. */
  #supersededTerm = -1
  /** No reign begins. */
  #halted = false
  #retry: Timer | undefined
  #closed = false

  constructor(options: ReignsOptions) {
    this.#options = options
  }

  /** Whether a reign has begun here and is not over, compared with the clock. */
  get serving(): boolean {
    return this.hosting !== undefined && this.#current !== undefined && this.#options.leadsIn(this.#current.term)
  }

  /** Of groups, while a reign has begun. Whether this peer leads is for whoever asks to find out, or its next step does. */
  get hosting(): CoordinatorHosting | undefined {
    return this.#halted ? undefined : this.#current?.hosting
  }

  get topics(): TopicsHosting | undefined {
    return this.#halted ? undefined : this.#current?.topics
  }

  /** To be called whenever who leads may have changed. */
  review(): void {
    const leading = this.#options.leading()
    if (this.#current !== undefined && this.#current.term !== leading?.term) this.#end('leaseOver')
    if (this.#current !== undefined || this.#halted || this.#closed || this.#retry !== undefined) return
    if (leading !== undefined && leading.term > this.#supersededTerm) this.#begin(leading)
  }

  /** A later leader was heard of than the present one, or another one of its term. */
  superseded(): void {
    this.#supersededTerm = Math.max(this.#supersededTerm, this.#current?.term ?? 0)
    this.#end('superseded')
  }

  /** Ends the present one in good order, for at most `limitMs`; none begins before `resume`. */
  async handOver(limitMs: Millis): Promise<void> {
    this.#halted = true
    this.#retry?.clear()
    this.#retry = undefined
    const reign = this.#current
    if (reign === undefined) return
    this.#options.changed()
    await reign.handOver(limitMs)
    // A lease may have run out meanwhile.
    if (this.#current === reign) this.#end('handedOver')
  }

  resume(): void {
    this.#halted = false
    this.review()
  }

  /** Resolves once nothing of any reign is left. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.clear()
    if (this.#current !== undefined) this.#end('handedOver')
    await this.#ended
  }

  #begin({ term, generation }: { readonly term: number; readonly generation: Generation }): void {
    const { clock, telemetry, slowMs, told, changed } = this.#options
    const reign = new Reign({
      ...this.#options,
      wallMs: () => this.#options.wallMs(),
      term,
      generation,
      leads: () => this.#options.leadsIn(term),
      lost: () => this.#endIf(reign, 'leaseOver'),
      onFault: (error) => {
        this.#endIf(reign, 'failed')
        this.#options.onFault(error)
      },
    })
    this.#current = reign
    this.#begun = false
    const slow = clock.setTimer(
      clock.now() + slowMs,
      () =>
        telemetry?.log('warn', 'this peer leads, but no majority has told it what to go on from', {
          event: 'reign.delayed',
          term,
        }),
      { ref: false },
    )
    // Everybody is told of the end of the last one before this one can have begun.
    this.#ended
      .then(() => reign.begin())
      .then(
        (begunAt) => {
          if (this.#current !== reign) return
          this.#begun = true
          told({ type: 'reign.started', term, generation: begunAt })
          changed()
        },
        (error: unknown) => this.#failed(reign, error),
      )
      .finally(() => slow.clear())
      // A broken listener of ours, and nobody else waits for this.
      .catch((error: unknown) => this.#options.onFault(error))
  }

  #failed(reign: Reign, error: unknown): void {
    if (this.#current !== reign) return
    const { telemetry, clock, leading } = this.#options
    this.#end('failed')
    const outranked = isCaucusError(error) && (error.code === 'CAUCUS_NOT_LEADER' || error.code === 'CAUCUS_CLOSED')
    if (!outranked)
      telemetry?.log('error', 'this peer leads, but its coordinator could not begin', { event: 'reign.failed', error })
    if (this.#closed || this.#halted || leading() === undefined) return
    this.#retry = clock.setTimer(
      clock.now() + RETRY_MS,
      () => {
        this.#retry = undefined
        this.review()
      },
      { ref: false },
    )
  }

  #endIf(reign: Reign, because: ReignEnd): void {
    if (this.#current === reign) this.#end(because)
  }

  #end(because: ReignEnd): void {
    const { told, changed, telemetry } = this.#options
    const reign = this.#current
    if (reign === undefined) return
    this.#current = undefined
    const closed = reign.end().catch((error: unknown) => {
      telemetry?.log('error', 'what a coordinator left behind could not be closed', { event: 'cleanup.failed', error })
    })
    this.#ended = Promise.all([this.#ended, closed])
    if (this.#begun) told({ type: 'reign.ended', term: reign.term, because })
    this.#begun = false
    changed()
  }
}

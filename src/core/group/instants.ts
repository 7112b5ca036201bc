import { type Epoch, type Generation, generationOf } from '../lease.ts'
import type { Instant, Millis } from '../time.ts'
import type { Ledger } from './ledger.ts'
import type { Conclusion, Ran } from './messages.ts'
import type { Once } from './onces.ts'

/** How long it is remembered how a run ended. */
export const ONCE_RETENTION_MS: Millis = 24 * 3_600_000
/** Of how many runs, at most. */
export const MAX_ONCE_RECORDS = 10_000
/** How far ahead of the coordinator's wall clock an instant may be when somebody asks for it. */
export const MAX_ONCE_LEAD_MS: Millis = 60_000

export interface InstantsOptions {
  /** Wall clock at the start. */
  readonly wallMs: number
  readonly startedAt: Instant
  readonly retentionMs?: Millis | undefined
  readonly records?: number | undefined
}

/** How a run ended, and who ran it under which token; an unknown one has neither. */
export interface RunEnd {
  readonly conclusion: Conclusion
  readonly member?: string
  readonly token?: Epoch
}

interface Record extends RunEnd {
  readonly atMs: number
  readonly endedAt: Instant
}

/** What a run may ask about its instant. */
export interface InstantDesk {
  /** It may have begun under an earlier coordinator, or be forgotten here: nobody begins it any more. */
  readonly isPast: boolean
  /** When it has come, by what was read of the wall clock last. */
  comesAt(): Instant
  /** That it may have begun is durable. Asked for where it is not, and everybody looks again when it is. */
  isMarked(): boolean
  /** Given by an earlier coordinator than this one. */
  isEarlier(epoch: Epoch): boolean
}

/**
 * Which instants a coordinator may begin, and how those ended that it knows. None that an earlier coordinator may have begun: the
 * highest that was ever begun is durable before it is, and a new coordinator begins only what lies after that and after its own start.
 */
export class Instants {
  readonly #options: InstantsOptions
  readonly #ledger: Ledger
  readonly #generation: () => Generation
  readonly #onMarked: (now: Instant) => void
  /** In the order in which they ended. */
  readonly #records = new Map<string, Record>()
  /** What is before this is past. */
  #firstMs: number
  /** Durable: up to here something may have begun. */
  #markedMs: number
  #markingMs: number | undefined
  #wall: { readonly ms: number; readonly at: Instant }

  constructor(
    options: InstantsOptions,
    around: { readonly ledger: Ledger; generation(): Generation; onMarked(now: Instant): void },
  ) {
    const { wallMs, startedAt } = options
    this.#options = options
    this.#ledger = around.ledger
    this.#generation = () => around.generation()
    this.#onMarked = (now) => around.onMarked(now)
    this.#markedMs = around.ledger.foundation.onceUntilMs ?? Number.NEGATIVE_INFINITY
    this.#firstMs = Math.max(wallMs, this.#markedMs + 1)
    this.#wall = { ms: wallMs, at: startedAt }
  }

  /** The wall clock as it is now: it may have been stepped, either way. */
  read(wallMs: number, now: Instant): void {
    this.#wall = { ms: wallMs, at: now }
  }

  #wallAt(now: Instant): number {
    return this.#wall.ms + (now - this.#wall.at)
  }

  #comesAt(atMs: number): Instant {
    return this.#wall.at + (atMs - this.#wall.ms)
  }

  #isPast(atMs: number, now: Instant): boolean {
    // Whatever ended so long ago is forgotten.
    return atMs < Math.max(this.#firstMs, this.#wallAt(now) - this.#retentionMs)
  }

  get #retentionMs(): Millis {
    return this.#options.retentionMs ?? ONCE_RETENTION_MS
  }

  /** By how much it is too far ahead to be asked for; 0 when it is not. */
  aheadMs(atMs: number, now: Instant): Millis {
    const aheadMs = atMs - this.#wallAt(now)
    return aheadMs > MAX_ONCE_LEAD_MS ? aheadMs : 0
  }

  deskOf({ atMs }: Once, now: Instant): InstantDesk {
    return {
      isPast: this.#isPast(atMs, now),
      comesAt: () => this.#comesAt(atMs),
      isMarked: () => this.#isMarked(atMs),
      isEarlier: (epoch) => generationOf(epoch) < this.#generation(),
    }
  }

  #isMarked(atMs: number): boolean {
    if (atMs <= this.#markedMs) return true
    if (this.#markingMs === undefined || this.#markingMs < atMs) this.#mark(atMs)
    return false
  }

  #mark(atMs: number): void {
    this.#markingMs = atMs
    this.#ledger.ask({
      change: (foundation) => ({ ...foundation, onceUntilMs: Math.max(foundation.onceUntilMs ?? 0, atMs) }),
      durable: (now) => {
        this.#markedMs = Math.max(this.#markedMs, atMs)
        if (this.#markingMs === atMs) this.#markingMs = undefined
        this.#onMarked(now)
      },
      // Asked for again with the next renewal of whoever waits.
      failed: () => {
        if (this.#markingMs === atMs) this.#markingMs = undefined
      },
    })
  }

  concluded(group: string, now: Instant): RunEnd | undefined {
    this.#forget(now)
    return this.#records.get(group)
  }

  /** Nobody begins it again: as long as it is remembered by its record, and then because what is as old as that is past. */
  conclude(group: string, { atMs }: Once, end: RunEnd, now: Instant): void {
    // Where nobody knows, there is nothing to be remembered: it is past.
    if (end.conclusion === 'unknown') return
    this.#records.delete(group)
    this.#records.set(group, { ...end, atMs, endedAt: now })
    this.#forget(now)
  }

  /** Whoever was lost, or ran it under an earlier coordinator, says how that ended after all. True when nobody here knew better. */
  believes(group: string, once: Once, { token }: Ran, now: Instant): boolean {
    const known = this.#records.get(group)
    if (known !== undefined) return known.conclusion === 'lost' && known.token === token
    return this.#isPast(once.atMs, now) && generationOf(token) < this.#generation()
  }

  #forget(now: Instant): void {
    const { records = MAX_ONCE_RECORDS } = this.#options
    for (const [group, { atMs, endedAt }] of this.#records) {
      if (this.#records.size <= records && now - endedAt < this.#retentionMs) break
      this.#records.delete(group)
      // No further than anything may have begun: a forged claim may have been to any instant.
      this.#firstMs = Math.max(this.#firstMs, Math.min(atMs, this.#markedMs) + 1)
    }
  }
}

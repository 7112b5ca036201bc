import type { Epoch } from '../core/lease.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'

/** What a tenure needs of the candidacy that brought it. */
export interface TenureHome {
  /** Aborted, at every read, no later than the lease ends. */
  readonly signal: AbortSignal
  leaseMsLeft(): Millis
  /** Resolves once it has been heard that everything is let go, or a second after that. */
  resign(): Promise<void>
}

/**
 * The time during which this process leads, or has the lock. Every read is compared with the clock: there is no flag that a timer would have to
 * clear, so code that runs right after a stall reads the truth.
 */
export class Tenure implements AsyncDisposable {
  /** Of the election. */
  readonly name: string
  /** Of this candidate. */
  readonly id: string
  /** Rises with every tenure of this election. Storage that refuses lower ones is safe from whoever led before. */
  readonly token: Epoch
  readonly #home: TenureHome
  #resigning: Promise<void> | undefined

  /** Use `caucus.election(name)`. */
  constructor(name: string, id: string, token: Epoch, home: TenureHome) {
    this.name = name
    this.id = id
    this.token = token
    this.#home = home
  }

  /** True only while this process, and no other, leads. Once false it stays so. */
  get held(): boolean {
    return !this.signal.aborted
  }

  /**
   * Aborted no later than the lease ends, and at every read as true as `held`. Its event comes with our first timer after a stall. With
   * `CAUCUS_LEADERSHIP_LOST`, or with whatever ended this tenure.
   */
  get signal(): AbortSignal {
    return this.#home.signal
  }

  /** How long it lasts if it is not renewed any more, by the clock of this process; 0 when it is over. */
  get leaseMsLeft(): Millis {
    return this.held ? this.#home.leaseMsLeft() : 0
  }

  /**
   * Ends it at once, and lets the next candidate have it: to be called when the work has stopped. Resolves once that was heard, or after a
   * second. To resign twice is to do so once.
   */
  resign(): Promise<void> {
    this.#resigning ??= this.#home.resign()
    return this.#resigning
  }

  /** As `resign()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.resign()
  }
}

/** Why somebody leads no more. */
export const leadershipLost = (name: string, token: Epoch, why: string, cause?: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_LEADERSHIP_LOST',
    `the leadership of "${name}" (token ${token}) is over: ${why}; stop the work that was done under it`,
    { details: { name, token }, ...(cause !== undefined && { cause }) },
  )

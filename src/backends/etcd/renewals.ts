import type { Millis } from '../../core/time.ts'
import { type CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Engine, LeaseId } from './engine.ts'
import type { Keys } from './keys.ts'
import type { ProcessLease } from './process-lease.ts'
import { type Carried, carryOut, type Findings, roundsOf, type Turn } from './round.ts'
import type { Seats, Watched } from './seats.ts'

export interface RenewalsOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** The grantor's. */
  readonly clock: Clock
  /** After so long, what was not answered is said again. */
  readonly repeatMs: Millis
  readonly seats: Seats
  readonly lease: ProcessLease
  /** Whether anything is to be said now. */
  isOpen(): boolean
  /** What every transaction reads, whatever it is about. False: its readings count for nothing. */
  learned(findings: Findings): boolean
  /** These have been read. */
  answer(watched: readonly Watched[]): void
  /** etcd takes no record as large as this one's. */
  tooLarge(watched: Watched, error: CaucusError): void
  /** It is gone, with everything under it. */
  lost(lease: LeaseId | undefined): void
  failed(error: unknown): void
  /** A broken invariant of ours. */
  onFault(error: unknown): void
}

interface Subject extends Turn {
  readonly watched: Watched
}

/** After a write that failed because of another one of ours, it is written again at once, so many times. */
const MANY_ROUNDS = 3

/**
 * Says what is to be said, and reads what was answered, for all seats of a process: what comes in one turn of the loop travels together.
 *
 * One round of transactions is under way at a time. A belief counts from the sending of its renewal, so what waits for a round only gets shorter.
 */
export class Renewals {
  readonly #options: RenewalsOptions
  readonly #due = new Set<Watched>()
  #isFlushing = false
  #isRunning = false

  constructor(options: RenewalsOptions) {
    this.#options = options
  }

  add(watched: Iterable<Watched>): void {
    for (const each of watched) this.#due.add(each)
    this.#soon()
  }

  /** Whether something of it is still to be said. */
  has(watched: Watched): boolean {
    return this.#due.has(watched)
  }

  clear(): void {
    this.#due.clear()
  }

  #soon(): void {
    if (this.#isFlushing || this.#isRunning || this.#due.size === 0) return
    this.#isFlushing = true
    queueMicrotask(() => {
      this.#isFlushing = false
      if (this.#isRunning || !this.#options.isOpen()) return
      this.#isRunning = true
      this.#run().then(
        () => {
          this.#isRunning = false
          this.#soon()
        },
        (error: unknown) => {
          this.#isRunning = false
          this.#options.onFault(error)
        },
      )
    })
  }

  async #run(): Promise<void> {
    const { seats, isOpen } = this.#options
    let again: readonly Watched[] = []
    for (let left = MANY_ROUNDS; left > 0 && this.#due.size + again.length > 0; left--) {
      const due = new Set([...this.#due, ...again])
      this.#due.clear()
      // What is still not written after the last of them waits for the next beat.
      again = await this.#round([...due].filter((each) => seats.has(each)))
      if (!isOpen()) return
    }
  }

  /** Resolves with those that must be written again. */
  async #round(due: readonly Watched[]): Promise<readonly Watched[]> {
    const { clock, repeatMs, lease } = this.#options
    const now = clock.now()
    const subjects = due.map((watched): Subject => {
      const { seat } = watched
      const draft = seat.draft()
      return {
        watched,
        seat,
        draft,
        text: seat.isNews(draft, now, repeatMs) ? JSON.stringify(draft.record) : undefined,
      }
    })
    let id = lease.id
    try {
      if (subjects.some(({ text }) => text !== undefined)) id = await lease.hold()
    } catch (error) {
      this.#options.failed(error)
      return []
    }
    // Nobody would take away what is written after the end.
    if (!this.#options.isOpen()) return []
    const again = await Promise.all(roundsOf(subjects).map((some) => this.#carryOut(some, id)))
    return again.flat()
  }

  async #carryOut(some: readonly Subject[], lease: LeaseId | undefined): Promise<readonly Watched[]> {
    const { engine, keys } = this.#options
    try {
      return this.#found(await carryOut(engine, keys, some, lease))
    } catch (error) {
      const known = isCaucusError(error) ? error : undefined
      const [first] = some
      if (known?.code === 'CAUCUS_TOO_LARGE' && first !== undefined) {
        if (some.length > 1) return (await Promise.all(some.map((each) => this.#carryOut([each], lease)))).flat()
        this.#options.tooLarge(first.watched, known)
        return []
      }
      // What was written may have arrived, and may still.
      if (known?.definite !== true) for (const { seat, text } of some) if (text !== undefined) seat.doubt()
      if (known?.code === 'CAUCUS_CONFLICT') this.#options.lost(lease)
      else this.#options.failed(error)
      return []
    }
  }

  #found(findings: Carried<Subject>): readonly Watched[] {
    const { clock, seats, learned, answer } = this.#options
    const { revision, held, readings } = findings
    if (!learned(findings)) return []
    const now = clock.now()
    const again: Watched[] = []
    const read: Watched[] = []
    for (const [{ watched, seat, draft, text }, reading] of readings) {
      const isWritten = held && text !== undefined
      if (isWritten) seat.wrote(draft, revision, now)
      if (!seats.has(watched)) {
        // It has ended meanwhile, and must not be left there.
        if (isWritten) seats.end(watched)
        continue
      }
      const isLost = seat.read(reading)
      if (isLost || !reading.isSaid || watched.begunAt > revision) again.push(watched)
      if (!isLost) read.push(watched)
      seats.watch(watched, revision)
    }
    answer(read)
    return again
  }
}

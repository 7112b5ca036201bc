import type { Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { Latest } from '../../runtime/latest.ts'
import { clearly } from '../../stores/file-store.ts'
import type { Owner } from '../../stores/owner.ts'
import { openDirectory } from './directory.ts'
import { type Door, type DoorView, isDoor, readDoor } from './door.ts'
import type { SoundLocal } from './options.ts'
import { type LocalServer, Serving } from './serving.ts'
import { type Term, Terms } from './terms.ts'
import { LOOKS, type TermState, Witness } from './witness.ts'

export interface KeeperOptions {
  readonly sound: SoundLocal
  readonly self: Owner
  /** The grantor's. */
  readonly clock: Clock
  wallMs(): number
  server(): Promise<LocalServer>
}

/** Whoever coordinates must have been still for that long, or for half a lease, before somebody else does. */
const LEAST_PATIENCE_MS: Millis = 1_000
/** How soon one looks again while somebody begins a term: that takes a few hundred milliseconds. */
const SOON_MS: Millis = 25
/** How long whoever could not serve leaves it to others. */
const RETRY_MS: Millis = 1_000

/**
 * Sees to it that one process of this machine coordinates: this one, when nobody else does. It tells where whoever does is reached.
 * Every process has one, so the last that is left coordinates for itself.
 */
export class Keeper {
  /** Where whoever coordinates is reached, as far as it is known. */
  readonly doors = new Latest<DoorView>(undefined)
  readonly #options: KeeperOptions
  readonly #terms: Terms
  readonly #witness: Witness
  readonly #lookMs: Millis
  #serving: Serving | undefined
  #isOver = false
  /** Since the last look. */
  #isDoubted = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #wake: (() => void) | undefined
  #timer: Timer | undefined
  #isClosing = false
  readonly #ended: Promise<void>

  constructor(options: KeeperOptions) {
    const { sound, self } = options
    this.#options = options
    this.#terms = new Terms(sound.directory, self)
    this.#witness = new Witness(self)
    this.#lookMs = Math.max(LEAST_PATIENCE_MS, sound.timing.leaseMs / 2) / LOOKS
    this.#ended = this.#run()
  }

  /** A connection to it was lost: it may be gone, and is looked for at once. */
  doubt(door: Door): void {
    if (this.doors.value !== door) return
    this.doors.set(undefined)
    this.#isDoubted = true
    this.#wake?.()
  }

  /** Ends the term of this process in good order, if it has one. Resolves once nothing of it runs. */
  close(): Promise<void> {
    this.#isClosing = true
    this.#wake?.()
    return this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      let pauseMs = this.#lookMs
      try {
        pauseMs = await clearly(this.#terms.directory, () => this.#look())
      } catch (error) {
        this.#publish(asProblem(error, this.#terms.directory))
        await this.#stopServing()
        pauseMs = RETRY_MS
      }
      if (!this.#isClosing) await this.#pause(pauseMs)
    }
    await this.#stopServing()
    this.doors.set(undefined)
    this.doors.close()
  }

  /** Gives how soon to look again. */
  async #look(): Promise<Millis> {
    if (this.#serving !== undefined) {
      this.#publish(this.#serving.door)
      if (!this.#isOver) return this.#lookMs
      await this.#stopServing()
    }
    const { sound, clock } = this.#options
    // Each time, since somebody may have removed it.
    await openDirectory(sound.directory, sound.isTemporary)
    const now = clock.now()
    const isCounted = now - this.#lookedAt >= this.#lookMs
    if (isCounted) this.#lookedAt = now
    const term = this.#terms.latest()
    const state = await this.#witness.judge(term, isCounted)
    if (state !== 'held') return this.#serve(term, state)
    const door = term && readDoor(this.#terms, term.number)
    this.#publish(door)
    return door === undefined ? SOON_MS : this.#lookMs
  }

  async #serve(last: Term | undefined, state: TermState): Promise<Millis> {
    const { clock, wallMs } = this.#options
    // A directory that was made anew does not count from 1 again: what a stopped process still does to its files of the former one must not meet the same names.
    const held = this.#terms.begin(last === undefined ? Math.max(1, Math.floor(wallMs())) : last.number + 1)
    // Somebody was faster, and is going to say where it is reached.
    if (held === undefined) return SOON_MS
    this.doors.set(undefined)
    this.#isOver = false
    const serving = new Serving(
      { ...this.#options, terms: this.#terms, lookMs: this.#lookMs, ended: (error) => this.#over(serving, error) },
      held,
    )
    this.#serving = serving
    // Somebody that ended before it served may not have waited for the one before it, which may run.
    const mayOverlap = state !== 'gone' || last === undefined || !this.#terms.wasServed(last.number)
    try {
      await serving.begin(mayOverlap)
    } catch (error) {
      if (held.has(clock.now())) throw error
      // Somebody was faster, while this process stood still: that is no fault.
      await this.#stopServing()
      return SOON_MS
    }
    this.#publish(serving.door)
    return this.#lookMs
  }

  #over(serving: Serving, error: unknown): void {
    if (serving !== this.#serving || this.#isOver) return
    this.#isOver = true
    this.#wake?.()
    if (error === undefined) return
    const { onFault } = this.#options.sound
    if (onFault !== undefined) return onFault(error)
    queueMicrotask(() => {
      throw error
    })
  }

  async #stopServing(): Promise<void> {
    const serving = this.#serving
    this.#serving = undefined
    this.#isOver = false
    try {
      await serving?.close()
    } catch (error) {
      // Whoever comes next finds that this process has ended, or takes the term from one that is still.
      this.#publish(asProblem(error, this.#terms.directory))
    }
  }

  #publish(door: DoorView): void {
    const known = this.doors.value
    if (isDoor(door) && isDoor(known) && door.term === known.term) return
    this.doors.set(door)
  }

  #pause(ms: Millis): Promise<void> {
    const isNeeded = this.#isDoubted || this.#isOver
    this.#isDoubted = false
    if (isNeeded) return Promise.resolve()
    const { clock } = this.#options
    return new Promise((resolve) => {
      const wake = () => {
        this.#timer?.clear()
        this.#wake = undefined
        this.#isDoubted = false
        resolve()
      }
      this.#wake = wake
      this.#timer = clock.setTimer(clock.now() + ms, wake)
    })
  }
}

const asProblem = (error: unknown, directory: string): CaucusError =>
  isCaucusError(error)
    ? error
    : new CaucusError('CAUCUS_BACKEND', `local() cannot work in ${directory}: ${String(error)}`, { cause: error })

import { linkSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instant, Millis } from '../../core/time.ts'
import { decodeOwner, type Owner } from '../../stores/owner.ts'

/** One process's turn at coordinating, as all others see it. */
export interface Term {
  readonly number: number
  /** `undefined`: whoever it was has left nothing but what it stored. */
  readonly owner: Owner | undefined
  /** When its owner last showed that it makes progress. */
  readonly touchedMs: number
  /** It ended in good order, and said so. */
  readonly isOver: boolean
}

/** For how long a look at the files is good. Whoever takes the next term from a process that may still run waits for that long. */
export const LOOK_GOOD_FOR_MS: Millis = 100

const FILE = /^term-(\d{1,15})(?:$|\.)/

/**
 * The terms of a directory: numbered files of which each is made by one process, and by no two, since a file can be linked once.
 *
 * A term is over once the next one is there. Whoever has it looks before it acts, at most `LOOK_GOOD_FOR_MS` before; whoever makes the next
 * one begins that much later. So no two have authority at one instant, however long either of them stands still in between, and by no clock
 * but each one's own (ADR 30). Calls are synchronous: nothing else of this process runs between a look and what follows from it.
 */
export class Terms {
  readonly directory: string
  readonly #self: Owner

  constructor(directory: string, self: Owner) {
    this.directory = directory
    this.#self = self
  }

  /** The last one that was begun, if any. */
  latest(): Term | undefined {
    const number = this.highest()
    if (number === 0) return undefined
    const file = this.path(number)
    const stats = statSync(file, { throwIfNoEntry: false })
    return {
      number,
      owner: stats === undefined ? undefined : ownerIn(file),
      touchedMs: stats?.mtimeMs ?? 0,
      isOver: statSync(this.path(number, 'over'), { throwIfNoEntry: false }) !== undefined,
    }
  }

  /** Begins the term of this number, or gives `undefined` because somebody else has. */
  begin(number: number): HeldTerm | undefined {
    const file = this.path(number)
    const own = this.path(number, `new-${this.#self.token}`)
    try {
      // With its content or not at all: nobody ever reads half of it.
      writeFileSync(own, JSON.stringify(this.#self), { mode: 0o600, flag: 'wx' })
      linkSync(own, file)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    } finally {
      rmSync(own, { force: true })
    }
    // Whoever looked long ago may make one anew that was over and removed, or one that is served and whose file somebody took.
    if (this.highest() !== number || this.wasServed(number)) {
      rmSync(file, { force: true })
      return undefined
    }
    return new HeldTerm(this, number, identityOf(statSync(file)))
  }

  /** Whoever had this term got as far as to store something, so it had waited until nobody before it had authority any more. */
  wasServed(number: number): boolean {
    return statSync(this.path(number, 'record'), { throwIfNoEntry: false }) !== undefined
  }

  path(number: number, what?: string): string {
    return join(this.directory, what === undefined ? `term-${number}` : `term-${number}.${what}`)
  }

  /** Numbers of which there is a file of this kind, rising. */
  numbersOf(what: string): number[] {
    return readdirSync(this.directory)
      .filter((name) => FILE.test(name) && name.endsWith(`.${what}`))
      .map(numberIn)
      .sort((a, b) => a - b)
  }

  /**
   * Of what was before, from the lowest number on: whoever is asked for its term finds that gone before it finds the next one gone.
   * `butRecords`: what was stored is needed until it is stored anew.
   */
  removeBefore(number: number, { butRecords = false } = {}): void {
    const old = readdirSync(this.directory).filter(
      (name) => FILE.test(name) && numberIn(name) < number && !(butRecords && name.endsWith('.record')),
    )
    old.sort((a, b) => numberIn(a) - numberIn(b))
    for (const name of old) rmSync(join(this.directory, name), { force: true })
  }

  /** Of anything that is there of a term; 0 where there is nothing. */
  highest(): number {
    return readdirSync(this.directory)
      .filter((name) => FILE.test(name) && !name.includes('.new-'))
      .reduce((highest, name) => Math.max(highest, numberIn(name)), 0)
  }
}

/** A term of this process. */
export class HeldTerm {
  readonly number: number
  readonly #terms: Terms
  readonly #identity: string
  /** Until when the last look counts. */
  #until: Instant = Number.NEGATIVE_INFINITY
  #isLost = false
  #touches = 0

  constructor(terms: Terms, number: number, identity: string) {
    this.#terms = terms
    this.number = number
    this.#identity = identity
  }

  /** Whether this term had not ended at `now`, which must have been read before this call. Once it has, it never is again. */
  has(now: Instant): boolean {
    return now < this.#until && !this.#isLost ? true : this.look(now)
  }

  /** The same, by a look of its own. */
  look(now: Instant): boolean {
    if (!this.#isStillThere()) this.#isLost = true
    this.#until = now + LOOK_GOOD_FOR_MS
    return !this.#isLost
  }

  /** Shows others that this process makes progress, and keeps whoever tidies up from taking its files for forgotten ones. */
  touch(wallMs: number): void {
    // Seconds apart: on a disk that counts in seconds, or by a wall clock that stands, it must show all the same.
    this.#touches++
    const now = new Date(wallMs + (this.#touches % 3) * 1_000)
    for (const what of [undefined, 'record', 'door']) {
      try {
        utimesSync(this.#terms.path(this.number, what), now, now)
      } catch {
        // Gone, or not yet there: the next look at the term says which.
      }
    }
  }

  /** Says that it has ended: the next one need not wait. Nothing where its file is gone: what is there instead is somebody else's. */
  end(): void {
    this.#isLost = true
    if (!this.#isOwn()) return
    try {
      writeFileSync(this.#terms.path(this.number, 'over'), '', { mode: 0o600 })
    } catch (error) {
      // The directory is gone, and with it the term.
      if (codeOf(error) !== 'ENOENT') throw error
    }
    rmSync(this.#terms.path(this.number, 'door'), { force: true })
  }

  /**
   * In this order: what is removed is removed from the lowest number on, so a later one that came and went took this one along. Anything of a
   * later one counts: the file that began it may be gone.
   */
  #isStillThere(): boolean {
    if (this.#isLost) return false
    try {
      return this.#terms.highest() <= this.number && this.#isOwn()
    } catch {
      // Whatever the disk has: whoever cannot look does not know.
      return false
    }
  }

  #isOwn(): boolean {
    const own = statSync(this.#terms.path(this.number), { throwIfNoEntry: false })
    return own !== undefined && identityOf(own) === this.#identity
  }
}

const numberIn = (name: string): number => Number(FILE.exec(name)?.[1] ?? 0)

const identityOf = ({ dev, ino, birthtimeMs }: { dev: number; ino: number; birthtimeMs: number }): string =>
  `${dev} ${ino} ${birthtimeMs}`

/** `undefined`: it went while it was looked at. */
const ownerIn = (file: string): Owner | undefined => {
  try {
    return decodeOwner(readFileSync(file, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code

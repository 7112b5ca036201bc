import { randomBytes } from 'node:crypto'
import { grantMs } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import { hostCoordinator } from '../../runtime/coordinator-host.ts'
import { sleep } from '../../runtime/wait.ts'
import { type Door, readDoor, writeDoor } from './door.ts'
import type { SoundLocal } from './options.ts'
import { TermStore } from './term-store.ts'
import { type HeldTerm, LOOK_GOOD_FOR_MS, type Terms } from './terms.ts'

export interface LocalListening {
  readonly url: string
  /** With `drain`, what is under way is answered first. */
  close(options: { readonly drain: boolean }): Promise<void>
}

/** A server's way to open a port of loopback. */
export interface LocalServer {
  readonly telemetry: Telemetry
  listen(hosting: CoordinatorHosting, token: string): Promise<LocalListening>
}

export interface ServingOptions {
  readonly sound: SoundLocal
  readonly terms: Terms
  /** The grantor's. */
  readonly clock: Clock
  wallMs(): number
  /** How often others look for a sign of life. */
  readonly lookMs: Millis
  /** A new one for each term. */
  server(): Promise<LocalServer>
  /** This term is another's by now, or the coordinator broke. */
  ended(error?: unknown): void
}

/** Far above what one machine holds; a bound all the same. */
const LIMITS = { groups: 10_000, membersPerGroup: 100_000, eventsPerGroup: 4_096 }

/** How long a holder that may still run, in this directory or in one that was removed under it, can have had authority after its term was over. */
export const LAST_AUTHORITY_MS: Millis = Math.ceil(grantMs(LOOK_GOOD_FOR_MS))

/** A term of this process, from its begin to its end. */
export class Serving {
  readonly #options: ServingOptions
  readonly #term: HeldTerm
  #hosting: CoordinatorHosting | undefined
  #listening: LocalListening | undefined
  #door: Door | undefined
  #touching: Timer | undefined
  #isWriting = false
  #isClosing = false
  #closed: Promise<void> | undefined

  constructor(options: ServingOptions, term: HeldTerm) {
    this.#options = options
    this.#term = term
  }

  get number(): number {
    return this.#term.number
  }

  /** Where it is reached, once it is. */
  get door(): Door | undefined {
    return this.#door
  }

  /**
   * Resolves once others are let in. `mayOverlap`: whoever had the term before may still run, and has to be waited for. Rejects when this
   * process cannot serve; then nothing of it is left but to `close`.
   */
  async begin(mayOverlap: boolean): Promise<void> {
    const { sound, terms, clock, wallMs, server, ended } = this.#options
    const term = this.#term
    this.#touch()
    if (mayOverlap) await sleep(clock, LAST_AUTHORITY_MS)
    // Here already: terms that come to nothing, one a second while the disk is full, say, must not pile up.
    terms.removeBefore(term.number, { butRecords: true })
    const store = await TermStore.open({ terms, term, now: () => clock.now() })
    const { telemetry, listen } = await server()
    this.#hosting = await hostCoordinator({
      clock,
      wallMs,
      store,
      clusterId: store.clusterId,
      ...sound.served,
      fresh: false,
      limits: LIMITS,
      telemetry,
      guarantees: {
        exclusion: sound.isTemporary ? 'leased' : 'fenced',
        survivesRestart: true,
        survivesPartition: false,
      },
      authority: () => term.has(clock.now()),
      onAuthorityLost: () => ended(),
      onFault: (error) => ended(error),
    })
    const token = randomBytes(24).toString('base64url')
    this.#listening = await listen(this.#hosting, token)
    const door = { term: term.number, url: this.#listening.url, token }
    await writeDoor(terms, door)
    this.#door = door
  }

  /** Ends the term in good order, or what is left of it. Resolves once nothing of it runs. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosing = true
    this.#door = undefined
    try {
      await this.#listening?.close({ drain: this.#term.has(this.#options.clock.now()) })
      // Its store is closed with it, and that ends the term.
      await this.#hosting?.close()
    } finally {
      this.#touching?.clear()
      if (this.#hosting === undefined) this.#term.end()
    }
  }

  #touch(): void {
    const { clock, wallMs, lookMs, ended } = this.#options
    const term = this.#term
    if (term.has(clock.now())) {
      term.touch(wallMs())
      this.#keepDoor()
    } else if (!this.#isClosing) return ended()
    // Twice for each look of the others: one that falls just between two looks must not be taken for none.
    this.#touching = clock.setTimer(clock.now() + lookMs / 2, () => this.#touch(), { ref: false })
  }

  /** Somebody may remove the one file without which nobody new gets in, and leave the others. */
  #keepDoor(): void {
    const { terms } = this.#options
    const door = this.#door
    if (door === undefined || this.#isWriting || isAsWritten(terms, door)) return
    this.#isWriting = true
    const written = () => {
      this.#isWriting = false
    }
    // Well or not: the next touch looks again.
    writeDoor(terms, door).then(written, written)
  }
}

const isAsWritten = (terms: Terms, { term, token }: Door): boolean => {
  try {
    return readDoor(terms, term)?.token === token
  } catch {
    // Damaged.
    return false
  }
}

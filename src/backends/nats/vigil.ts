import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Neighbour } from './neighbour.ts'
import type { Outbox } from './outbox.ts'
import { hexOf, type Subjects } from './subjects.ts'

/** How often those are looked at of whom something is awaited. */
const LOOK_MS: Millis = 500
/** So many pings without an answer, one for each look, and a connection is given up that the server still has. */
const PATIENCE = 20
/** How often what nobody needs any more is looked for. */
const TIDY_MS: Millis = 60_000

export interface VigilHome {
  readonly clock: Clock
  readonly outbox: Outbox
  readonly subjects: Subjects
  /** Those of whom something has been awaited since before that instant. */
  awaited(before: Instant): Iterable<Neighbour>
  isIdle(): boolean
  gone(neighbour: Neighbour): void
  tidy(): void
}

/**
 * Watches over the connections of whom something is awaited, and only while it is. NATS does not tell that a process has crashed, but it
 * knows: whoever sends to a connection that has ended is told that nobody is there.
 */
export class Vigil {
  readonly #home: VigilHome
  #look: Timer | undefined
  #tidy: Timer | undefined

  constructor(home: VigilHome) {
    this.#home = home
    this.#tidyLater()
  }

  /** Something is awaited. */
  busy(): void {
    const { clock } = this.#home
    this.#look ??= clock.setTimer(clock.now() + LOOK_MS, () => this.#looked(), { ref: false })
  }

  /** Asks whether it is there. */
  ping(neighbour: Neighbour): void {
    const { outbox, subjects } = this.#home
    neighbour.unanswered++
    outbox.tell(neighbour.lane.subject, [{ type: 'ping' }], subjects.gone(outbox.node, hexOf(neighbour.node)))
  }

  close(): void {
    this.#look?.clear()
    this.#tidy?.clear()
  }

  #looked(): void {
    this.#look = undefined
    const { clock } = this.#home
    const before = clock.now() - LOOK_MS
    for (const neighbour of new Set(this.#home.awaited(before))) {
      if (neighbour.heardAt > before) continue
      if (neighbour.unanswered >= PATIENCE) this.#home.gone(neighbour)
      else this.ping(neighbour)
    }
    if (!this.#home.isIdle()) this.busy()
  }

  #tidyLater(): void {
    const { clock } = this.#home
    this.#tidy = clock.setTimer(
      clock.now() + TIDY_MS,
      () => {
        this.#home.tidy()
        this.#tidyLater()
      },
      { ref: false },
    )
  }
}

import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Cable } from './cable.ts'
import type { Announced } from './messages.ts'
import type { Neighbour } from './neighbour.ts'

/** How long everybody on a topic has for saying so, from when the server has passed on the question. */
const WINDOW_MS: Millis = 50
/** As long as somebody says something so often, the question stays open. */
const QUIET_MS: Millis = 25
/** And no longer than this. */
const LONGEST_MS: Millis = 500
/** How long the server has for passing on the question, and for what it has for us. */
const PATIENCE_MS: Millis = 5_000

export interface CensusHome {
  readonly clock: Clock
  readonly cable: Pick<Cable, 'confirmed'>
  /** Those of whom an answer is expected, where they are known: with the last of these it is over. */
  expected(): Iterable<Neighbour> | undefined
  /** One of these is called, once. */
  done(): void
  failed(error: unknown): void
}

/**
 * One question to all that are on a topic. Nobody knows how many there are: it is over when everybody who was expected has answered, when
 * the server says that nobody is there, or when nobody says anything any more. What had come by then has been read.
 */
export class Census {
  readonly id: number
  readonly topic: string
  readonly producers: Announced[] = []
  listeners = 0
  readonly told = new Set<Neighbour>()
  readonly #home: CensusHome
  #confirmedAt: Instant | undefined
  #heardAt: Instant = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  readonly #patience: Timer
  #state: 'open' | 'ending' | 'over' = 'open'

  constructor(id: number, topic: string, home: CensusHome) {
    this.id = id
    this.topic = topic
    this.#home = home
    const { clock } = home
    const why = `the NATS server has not passed on who is there within ${PATIENCE_MS} ms; try again`
    const giveUp = () => this.fail(new CaucusError('CAUCUS_TIMEOUT', why))
    this.#patience = clock.setTimer(clock.now() + PATIENCE_MS, giveUp, { ref: false })
  }

  /** To be called once the question is out. */
  async begin(): Promise<void> {
    if (!(await this.#home.cable.confirmed()) || this.#state === 'over') return
    this.#confirmedAt = this.#home.clock.now()
    if (this.#isComplete()) this.#end()
    else this.#wait(this.#confirmedAt + WINDOW_MS)
  }

  /** This connection has said all that it has to say. */
  answered(neighbour: Neighbour): void {
    this.told.add(neighbour)
    this.#heardAt = this.#home.clock.now()
    if (this.#isComplete()) this.#end()
  }

  nobody(): void {
    this.#end()
  }

  /** Nobody will know. */
  fail(error: unknown): void {
    if (this.#state === 'over') return
    this.#close()
    this.#home.failed(error)
  }

  #isComplete(): boolean {
    const expected = this.#home.expected()
    if (expected === undefined) return false
    let count = 0
    for (const neighbour of expected) {
      if (!this.told.has(neighbour)) return false
      count++
    }
    return count > 0
  }

  #wait(until: Instant): void {
    this.#timer = this.#home.clock.setTimer(until, () => this.#look(), { ref: false })
  }

  #look(): void {
    const now = this.#home.clock.now()
    const quietAt = this.#heardAt + QUIET_MS
    if (quietAt > now && now < (this.#confirmedAt ?? now) + LONGEST_MS) this.#wait(quietAt)
    else void this.#conclude()
  }

  /** What the server has had for us until now is read before that. */
  async #conclude(): Promise<void> {
    if (await this.#home.cable.confirmed()) this.#end()
  }

  #end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#timer?.clear()
    this.#home.clock.turn(() => {
      if (this.#state !== 'ending') return
      this.#close()
      this.#home.done()
    })
  }

  #close(): void {
    this.#state = 'over'
    this.#timer?.clear()
    this.#patience.clear()
  }
}

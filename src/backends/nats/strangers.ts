import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'

/** The same is said no more often than this. */
const AGAIN_MS: Millis = 60_000

/** Says aloud what came on our subjects and is none of ours, or what the server refuses; and goes on. */
export class Strangers {
  readonly #clock: Clock
  readonly #warn: (error: CaucusError) => void
  #saidAt: Instant = Number.NEGATIVE_INFINITY
  #ignored = 0

  /** `warn`: default a warning of the process. */
  constructor(clock: Clock, warn: (error: CaucusError) => void = (error) => process.emitWarning(error)) {
    this.#clock = clock
    this.#warn = warn
  }

  ignored(subject: string, why: string): void {
    this.#ignored++
    const count = this.#ignored === 1 ? '' : `, the ${this.#ignored}th since the start`
    this.refused(
      new CaucusError(
        'CAUCUS_PROTOCOL',
        `a message on ${subject.slice(0, 200)} was ignored${count}: ${why}; give other programs subjects of their own, or this one another prefix`,
      ),
    )
  }

  refused(error: CaucusError): void {
    const now = this.#clock.now()
    if (now - this.#saidAt < AGAIN_MS) return
    this.#saidAt = now
    this.#warn(error)
  }
}

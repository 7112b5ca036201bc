import type { CallerMessage } from '../core/group/coordinator.ts'
import type { Millis } from '../core/time.ts'
import { CaucusError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

/** How long whoever gives an order waits for it to be durable. */
const ORDER_LIMIT_MS: Millis = 10_000

/** Those who wait for an order to be durable, by their address. */
export class OrdersUnderWay {
  readonly #clock: Clock
  readonly #waiting = new Map<number, (answer: CallerMessage) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves once the order is answered. `give` gives it, and says what is wrong where it cannot. */
  wait(from: number, give: () => CaucusError | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      // A store may hang, and a majority be away, for as long as they like.
      const late = () => {
        this.#waiting.delete(from)
        reject(new CaucusError('CAUCUS_TIMEOUT', 'the order is not durable yet; it may still come into force'))
      }
      const limit = this.#clock.setTimer(this.#clock.now() + ORDER_LIMIT_MS, late, { ref: false })
      this.#waiting.set(from, (answer) => {
        limit.clear()
        this.#waiting.delete(from)
        if (answer.type === 'failed') reject(new CaucusError(answer.code, answer.message))
        else resolve()
      })
      const fault = give()
      if (fault === undefined) return
      limit.clear()
      this.#waiting.delete(from)
      reject(fault)
    })
  }

  answer(to: number, answer: CallerMessage): void {
    this.#waiting.get(to)?.(answer)
  }

  fail(message: string): void {
    for (const answer of [...this.#waiting.values()]) answer({ type: 'failed', code: 'CAUCUS_BACKEND', message })
  }
}

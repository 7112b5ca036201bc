import { CaucusError, errorFromWire } from '../errors.ts'
import type { DemoControls } from '../server/demo-routes.ts'
import { deedOf } from './deeds.ts'
import { GROUP } from './group.ts'
import type { FromServer, Question, ToServer } from './questions.ts'

/** As long as a worker may take to start on a machine that is busy with the others. */
const ANSWER_LIMIT_MS = 20_000
const MOST_WAITING = 100

/** The channel between this process and the one that started it. */
export type Channel = Pick<NodeJS.Process, 'on' | 'connected' | 'send'>

interface Waiting {
  resolve(answer: unknown): void
  reject(error: unknown): void
  readonly limit: NodeJS.Timeout
}

/** In a server of the demo: asks the process of the demo whatever its page asks. */
export class Asking implements DemoControls {
  readonly group = GROUP
  readonly #channel: Channel
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  constructor(channel: Channel) {
    this.#channel = channel
    channel.on('message', (message: unknown) => this.#take(message as ToServer))
  }

  state(): Promise<unknown> {
    return this.#ask({ about: 'state' })
  }

  order(order: unknown): Promise<unknown> {
    // Here already: whatever it is, the demo itself gets no more than an order.
    return this.#ask({ about: 'order', order: deedOf(order) })
  }

  #ask(question: Question): Promise<unknown> {
    if (this.#waiting.size >= MOST_WAITING)
      throw new CaucusError('CAUCUS_OVERLOADED', 'the demo is asked too much at once; ask again later')
    const number = ++this.#asked
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#waiting.delete(number)
        reject(new CaucusError('CAUCUS_TIMEOUT', 'the demo did not answer; look at its terminal'))
      }
      const limit = setTimeout(late, ANSWER_LIMIT_MS)
      this.#waiting.set(number, { resolve, reject, limit })
      const message: FromServer = { type: 'asked', number, ...question }
      // A demo that is gone takes this process with it.
      if (this.#channel.connected) this.#channel.send?.(message, () => {})
    })
  }

  #take(message: ToServer): void {
    const waiting = this.#waiting.get(message.number)
    if (waiting === undefined) return
    this.#waiting.delete(message.number)
    clearTimeout(waiting.limit)
    if (message.type === 'answered') waiting.resolve(message.answer)
    else waiting.reject(errorFromWire(message.error))
  }
}

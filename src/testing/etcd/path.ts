import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'

/** What goes wrong with calls; each is drawn anew for each of them. Chances from 0 to 1. */
export interface CallFaults {
  /** What is asked never arrives. */
  requestLost: number
  /** It is carried out, and nobody hears of it. */
  answerLost: number
  /** What is asked arrives late: by up to `lateMs`. */
  late: number
  lateMs: Millis
  /** How long a packet takes one way, at least; and by how much more, at most. */
  delayMs: Millis
  jitterMs: Millis
}

export type Way = 'requests' | 'answers'

/** The way between one machine and etcd, shared by all processes on it. Nothing goes wrong until somebody asks for it. */
export class Path {
  readonly faults: CallFaults
  /** How much longer each packet takes that way. */
  readonly slowMs: Record<Way, Millis> = { requests: 0, answers: 0 }
  readonly #random: Random
  /** Who keeps packets from arriving. */
  readonly #blocks: Record<Way, number> = { requests: 0, answers: 0 }
  /** Runs once requests get through again. */
  #heldBack: (() => void)[] = []

  constructor(random: Random, delayMs: Millis) {
    this.#random = random
    this.faults = { requestLost: 0, answerLost: 0, late: 0, lateMs: 0, delayMs, jitterMs: 0 }
  }

  /** Nothing passes that way until what this returns is called. What is asked meanwhile is late, with the chance of `late`, or lost. */
  block(way: Way): () => void {
    this.#blocks[way]++
    let lifted = false
    return () => {
      if (lifted) return
      lifted = true
      this.#blocks[way]--
      if (this.#blocks.requests === 0) for (const run of this.#heldBack.splice(0)) run()
    }
  }

  /** How long a packet takes at this moment; `undefined`: nothing passes. */
  travelMs(way: Way): Millis | undefined {
    return this.#blocks[way] > 0 ? undefined : this.#delayMs(way)
  }

  #delayMs(way: Way): Millis {
    const { delayMs, jitterMs } = this.faults
    return this.slowMs[way] + delayMs + (jitterMs === 0 ? 0 : jitterMs * this.#random.next() ** 3)
  }

  /** What is asked: `send` takes it there in so many milliseconds, now or later, or never. */
  request(send: (afterMs: Millis) => void): void {
    const { requestLost, late, lateMs } = this.faults
    if (this.#happens(requestLost)) return
    const moreMs = this.#happens(late) ? lateMs * this.#random.next() : undefined
    const travelMs = this.travelMs('requests')
    if (travelMs !== undefined) send(travelMs + (moreMs ?? 0))
    else if (moreMs !== undefined) this.#heldBack.push(() => send(this.#delayMs('requests') + moreMs))
  }

  answer(send: (afterMs: Millis) => void): void {
    if (this.#happens(this.faults.answerLost)) return
    const travelMs = this.travelMs('answers')
    if (travelMs !== undefined) send(travelMs)
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random.next() < chance
  }
}

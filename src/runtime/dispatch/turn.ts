import { setImmediate } from 'node:timers'
import type { Given } from '../../core/dispatch/messages.ts'
import type { Delivery } from './delivery.ts'

/** A list that is filled and emptied all the time, and keeps its place in memory. */
class Batch<Item> {
  readonly #items: (Item | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(item: Item): void {
    this.#items[this.#size++] = item
  }

  /** Hands over each item, also what is added meanwhile, and is empty. */
  each(handle: (item: Item) => void): void {
    for (let i = 0; i < this.#size; i++) {
      const item = this.#items[i] as Item
      this.#items[i] = undefined
      handle(item)
    }
    this.#size = 0
    if (this.#items.length > KEPT) this.#items.length = 0
  }

  /** All of it, as a list of its own. */
  take(): readonly Item[] {
    const items = this.#size === 1 ? [this.#items[0] as Item] : (this.#items.slice(0, this.#size) as Item[])
    for (let i = 0; i < items.length; i++) this.#items[i] = undefined
    this.#size = 0
    if (this.#items.length > KEPT) this.#items.length = 0
    return items
  }
}

/** A batch that was larger than this once gives its memory back. */
const KEPT = 1_024
/**
 * Whoever asks again with each answer would else keep the loop from everything else, timers included. So often, and the loop goes
 * round once.
 */
const RUNS = 256
const NOW = Promise.resolve()
const start = (delivery: Delivery) => delivery.producer.start(delivery)
const abort = (delivery: Delivery) => delivery.abort()

/**
 * Where other people's code is called, and its answers are collected: never inside a step of the machine, always before the loop goes
 * on. What comes together is handled together, as one frame would be.
 */
export class Turn {
  readonly #deliver: (answers: readonly Given[]) => void
  readonly #starting = new Batch<Delivery>()
  readonly #aborting = new Batch<Delivery>()
  readonly #answers = new Batch<Given>()
  #scheduled = false
  /** How often it ran since the loop was let go on. */
  #runs = 0

  constructor(deliver: (answers: readonly Given[]) => void) {
    this.#deliver = deliver
  }

  start(delivery: Delivery): void {
    this.#starting.add(delivery)
    this.#schedule()
  }

  abort(delivery: Delivery): void {
    this.#aborting.add(delivery)
    this.#schedule()
  }

  /** `isLast`: nobody else will answer that ask, so there is nothing to wait for. */
  answer(given: Given, isLast: boolean): void {
    this.#answers.add(given)
    if (isLast) this.flush()
    else this.#schedule()
  }

  /** Delivers what has been answered so far: before anything that would make it too late. */
  flush(): void {
    if (this.#answers.size > 0) this.#deliver(this.#answers.take())
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (++this.#runs > RUNS) {
      this.#runs = 0
      setImmediate(this.#run)
      return
    }
    // Half the price of `queueMicrotask`, which makes an asynchronous resource of each call. What throws in there is a fault of ours, and must be loud.
    void NOW.then(this.#run)
  }

  readonly #run = () => {
    try {
      // What is added meanwhile is handled in the same go.
      while (this.#starting.size + this.#answers.size + this.#aborting.size > 0) {
        this.#aborting.each(abort)
        this.#starting.each(start)
        this.flush()
      }
    } finally {
      this.#scheduled = false
    }
  }
}

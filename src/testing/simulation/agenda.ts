interface Entry {
  readonly at: number
  readonly sequence: number
  readonly run: () => void
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/** All that will happen, by (time, sequence) and nothing else. Time is real time in milliseconds, and it jumps. */
export class Agenda {
  readonly #heap: Entry[] = []
  #sequence = 0
  #now = 0

  /** Real time, which no process of the simulation can read. */
  get now(): number {
    return this.#now
  }

  /** The time of the next entry; infinite when nothing is left. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** How many entries there have been. */
  get count(): number {
    return this.#sequence
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + Math.max(0, delayMs), run)
  }

  /** At just this instant, which is not in the past: a length of time may lose its last digit, and with it the order of two entries. */
  at(at: number, run: () => void): void {
    const heap = this.#heap
    const entry: Entry = { at, sequence: this.#sequence++, run }
    let place = heap.length
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent] as Entry
      if (!before(entry, above)) break
      heap[place] = above
      place = parent
    }
    heap[place] = entry
  }

  /** Takes the next entry off and runs it. False when nothing is left. */
  runNext(): boolean {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined) return false
    const last = heap.pop() as Entry
    if (heap.length > 0) this.#sink(last)
    this.#now = first.at
    first.run()
    return true
  }

  /** Runs everything up to and at this instant, and then it is this instant, whether anything is left or not. */
  runUntil(at: number): void {
    this.after(at - this.#now, () => {})
    while (this.nextAt <= at) this.runNext()
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
      const below = heap[child] as Entry
      if (!before(below, entry)) break
      heap[place] = below
      place = child
    }
    heap[place] = entry
  }
}

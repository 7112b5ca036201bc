import type { Instant } from './time.ts'

/** Something that is due at some time. The two fields belong to `Deadlines`. */
export interface Due {
  /** Looked at by then; it may turn out not to be due yet. */
  lookAt: Instant
  /** Its place in the heap; -1: in none. */
  place: number
}

/** A binary heap in which everybody knows its own place, so that whoever ends early leaves at once and nothing piles up. */
export class Deadlines<Item extends Due> {
  readonly #heap: Item[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): Item | undefined {
    return this.#heap[0]
  }

  add(item: Item): void {
    item.place = this.#heap.length
    this.#heap.push(item)
    this.#rise(item)
  }

  /** To be called when `lookAt` has changed. */
  moved(item: Item): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: Item): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#put(last, place)
    this.moved(last)
  }

  #rise(item: Item): void {
    let { place } = item
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above] as Item
      if (parent.lookAt <= item.lookAt) break
      this.#put(parent, place)
      place = above
    }
    this.#put(item, place)
  }

  #sink(item: Item): void {
    let { place } = item
    for (;;) {
      let below = 2 * place + 1
      let child = this.#heap[below]
      if (child === undefined) break
      const other = this.#heap[below + 1]
      if (other !== undefined && other.lookAt < child.lookAt) {
        child = other
        below++
      }
      if (item.lookAt <= child.lookAt) break
      this.#put(child, place)
      place = below
    }
    this.#put(item, place)
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item
    item.place = place
  }
}

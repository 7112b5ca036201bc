import { Reader } from './reader.ts'

export interface WatchOptions {
  /** Ends the loop by rejecting it with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A value of which only the newest matters, such as a view.
 *
 * Each loop over `watch()` remembers which version it has seen and nothing else, so a slow one costs no memory: it skips what is outdated.
 */
export class Latest<T> {
  #value: T
  #version = 1
  #closed = false
  readonly #readers = new Set<Reader<T>>()

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  /** How many loops are watching. */
  get watchers(): number {
    return this.#readers.size
  }

  /** Publishes `value`, unless it is the one already there or nobody may publish any more. Runs nobody's code. */
  set(value: T): void {
    if (this.#closed || Object.is(value, this.#value)) return
    this.#value = value
    this.#version++
    for (const reader of this.#readers) reader.wake()
  }

  /** Yields the current value first, then the newest each time the loop comes back. `break` releases. */
  watch({ signal }: WatchOptions = {}): Reader<T> {
    let seen = 0
    return new Reader<T>({
      signal,
      take: () => {
        if (seen === this.#version) return undefined
        seen = this.#version
        return { value: this.#value }
      },
      begin: (reader) => {
        this.#readers.add(reader)
        if (this.#closed) reader.finish()
      },
      end: (reader) => this.#readers.delete(reader),
    })
  }

  /** The value stays as it is: each loop sees it, if it has not yet, and ends. */
  close(): void {
    this.#closed = true
    for (const reader of [...this.#readers]) reader.finish()
  }
}

/** The loops that somebody's readers are in, so that closing ends them, each as if nothing more came. */
export class Loops {
  readonly #open = new Set<AsyncIterator<unknown, undefined>>()

  /** The same loop, which also ends when `close` is called. One that never began is not kept. */
  keep<T>(loop: AsyncIterable<T>): AsyncIterableIterator<T, undefined> {
    const inner = loop[Symbol.asyncIterator]()
    const kept: AsyncIterableIterator<T, undefined> = {
      next: async () => {
        this.#open.add(kept)
        try {
          const result = await inner.next()
          if (result.done !== true) return result
        } catch (error) {
          this.#open.delete(kept)
          throw error
        }
        this.#open.delete(kept)
        return END
      },
      return: async () => {
        this.#open.delete(kept)
        await inner.return?.()
        return END
      },
      [Symbol.asyncIterator]: () => kept,
    }
    return kept
  }

  /** Resolves once every loop has ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((loop) => loop.return?.()))
  }
}

const END: IteratorReturnResult<undefined> = { value: undefined, done: true }

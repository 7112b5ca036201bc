import { useEffect, useState } from 'preact/hooks'

/** State that several views show. */
export class Store<T extends object> {
  #state: T
  readonly #listeners = new Set<() => void>()

  constructor(initial: T) {
    this.#state = initial
  }

  get state(): T {
    return this.#state
  }

  set(change: Partial<T>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export const useStore = <T extends object>(store: Store<T>): T => {
  const [state, set] = useState(store.state)
  useEffect(() => {
    const changed = () => set(store.state)
    changed()
    return store.subscribe(changed)
  }, [store])
  return state
}

import type { Engine, Entry, Revision, Watching } from './engine.ts'

/**
 * What happens to one key, as long as nothing breaks. It is opened again by whoever has read the key anew, so that nothing is missed; nothing
 * rests on it but that news comes sooner.
 */
export class KeyWatch {
  readonly #engine: Engine
  readonly #key: string
  readonly #changed: (entry: Entry | undefined) => void
  #watching: Watching | undefined
  #isClosed = false

  /** `changed` is told what was put, or nothing where it was deleted. */
  constructor(engine: Engine, key: string, changed: (entry: Entry | undefined) => void) {
    this.#engine = engine
    this.#key = key
    this.#changed = changed
  }

  get isOpen(): boolean {
    return this.#watching !== undefined
  }

  /** Watches from that revision on, unless it does already. Where that has passed, etcd tells the first of it up to 100 ms later. */
  from(revision: Revision): void {
    this.#open(revision, () => undefined)
  }

  /** Watches from now on, unless it does already. `begun` hears after which revision: who read before that reads again. */
  now(begun: (revision: Revision) => void): void {
    this.#open(0, begun)
  }

  #open(revision: Revision, begun: (revision: Revision) => void): void {
    if (this.#isClosed || this.#watching !== undefined) return
    let hasBegun = false
    const watching = this.#engine.watch(this.#key, revision, {
      changed: (changes) => {
        for (const change of changes) {
          if (this.#watching !== watching) return
          if (change.type === 'delete') {
            if (change.key === this.#key) this.#changed(undefined)
          } else if (change.entry.key === this.#key) this.#changed(change.entry)
        }
      },
      progressed: (reached) => {
        if (hasBegun || this.#watching !== watching) return
        hasBegun = true
        begun(reached)
      },
      ended: () => {
        if (this.#watching === watching) this.#watching = undefined
      },
    })
    this.#watching = watching
  }

  /** What it would tell is not wanted any more; it can be opened again. */
  stop(): void {
    this.#watching?.close()
    this.#watching = undefined
  }

  close(): void {
    this.#isClosed = true
    this.stop()
  }
}

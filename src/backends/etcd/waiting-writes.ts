import type { Instant } from '../../core/time.ts'
import { MAX_OPERATIONS, type Operation } from './engine.ts'

/** What waits to be written to one key. */
export interface Waiting {
  readonly key: string
  /** Asked for when it goes out. `false`: the key is deleted. */
  readonly text: (() => string) | false
  /** When the first of what it tells was decided, where that must be known in time. */
  readonly since: Instant | undefined
}

/** What goes into one transaction. */
export interface Load {
  readonly operations: Operation[]
  readonly waiting: Waiting[]
}

/** Below etcd's own limit of 1.5 MiB for a request, with room for keys and framing. */
const MAX_LOAD_BYTES = 1024 * 1024
/** So many operations are left to what may wait, where much is there that may not. */
const ROOM_FOR_THE_REST = 16
/** The writer's own, and what goes with them in one transaction. */
const MAX_OTHERS = 8

/** What a coordinator has to write, the last word for each key: what must be known in time, the oldest first, and the rest. */
export class WaitingWrites {
  readonly #due = new Map<string, Waiting>()
  readonly #rest = new Map<string, Waiting>()
  #maxBytes = MAX_LOAD_BYTES

  get size(): number {
    return this.#due.size + this.#rest.size
  }

  /** How much of it must be known in time. */
  get due(): number {
    return this.#due.size
  }

  /** When the oldest was decided that must be known in time. */
  get since(): Instant | undefined {
    return this.#due.values().next().value?.since
  }

  /** Must be known in time; `since` rises from one to the next. */
  tell(key: string, text: () => string, since: Instant): void {
    this.#rest.delete(key)
    // What it takes the place of was decided earlier, and is part of it.
    this.#due.set(key, { key, text, since: this.#due.get(key)?.since ?? since })
  }

  /** May wait. */
  put(key: string, text: Waiting['text']): void {
    this.#due.delete(key)
    this.#rest.set(key, { key, text, since: undefined })
  }

  /** Takes as much as goes into one transaction with what is there already. */
  fill(load: Load): void {
    const state = { bytes: bytesOf(load.operations), room: MAX_OPERATIONS - MAX_OTHERS, maxBytes: this.#maxBytes }
    take(this.#due, load, state, Math.min(ROOM_FOR_THE_REST, this.#rest.size))
    take(this.#rest, load, state, 0)
  }

  /** This etcd takes less at once than etcd does as it comes. */
  tooLarge({ operations }: Load): void {
    this.#maxBytes = Math.min(this.#maxBytes, Math.ceil(bytesOf(operations) / 2))
  }

  /** It was not written, or perhaps: it is again, unless there is something newer. */
  putBack(waiting: readonly Waiting[]): void {
    const isNewer = ({ key }: Waiting, map: ReadonlyMap<string, Waiting>) => map.has(key)
    const due = waiting.filter((each) => each.since !== undefined && !isNewer(each, this.#rest))
    const rest = waiting.filter((each) => each.since === undefined && !isNewer(each, this.#due))
    putFirst(this.#due, due)
    putFirst(this.#rest, rest)
  }

  clear(): void {
    this.#due.clear()
    this.#rest.clear()
  }
}

const take = (
  from: Map<string, Waiting>,
  { operations, waiting }: Load,
  state: { bytes: number; room: number; readonly maxBytes: number },
  left: number,
): void => {
  for (const each of from.values()) {
    if (state.room <= left) return
    if (each.text === false) operations.push({ type: 'delete', key: each.key })
    else {
      const value = each.text()
      const bytes = Buffer.byteLength(value) + each.key.length
      if (operations.length > 0 && state.bytes + bytes > state.maxBytes) return
      state.bytes += bytes
      operations.push({ type: 'put', key: each.key, value })
    }
    from.delete(each.key)
    waiting.push(each)
    state.room--
  }
}

/** The newer ones in the place of the older, and as old as those. */
const putFirst = (to: Map<string, Waiting>, older: readonly Waiting[]): void => {
  const newer = [...to.values()]
  const before = new Map(older.map((each) => [each.key, each]))
  to.clear()
  for (const each of before.values()) to.set(each.key, each)
  for (const each of newer) to.set(each.key, { ...each, since: before.get(each.key)?.since ?? each.since })
}

const bytesOf = (operations: readonly Operation[]): number =>
  operations.reduce((sum, each) => sum + each.key.length + (each.type === 'put' ? Buffer.byteLength(each.value) : 0), 0)

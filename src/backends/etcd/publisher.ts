import type { GroupHead } from '../../core/group/view.ts'
import type { Generation } from '../../core/lease.ts'
import { serviceOf } from '../../core/registry/services.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { RecordedEvent } from '../../ports/hosting.ts'
import type { Entry } from './engine.ts'
import type { GuardedWriter } from './guarded-writer.ts'
import type { Keys } from './keys.ts'
import { eventsOf } from './parsed.ts'
import type { HeadRecord } from './records.ts'

export interface PublisherOptions {
  readonly keys: Keys
  readonly clock: Clock
  readonly writer: Pick<GuardedWriter, 'put' | 'delete'>
  headOf(group: string): GroupHead | undefined
  generation(): Generation
  /** Whether any session of this group is there. */
  isInhabited(group: string): boolean
}

/** The last events of one group, as text. */
interface Shelf {
  readonly texts: string[]
  bytes: number
}

const MAX_EVENTS = 64
const EVENTS_MS: Millis = 100
const MAX_EVENTS_BYTES = 32 * 1024
/** How often groups that nobody is in are looked at. */
const SWEEP_MS: Millis = 5_000

/** What everybody may read of each group: its head, and what happened in it last. Of a group that is forgotten, nothing is left. */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #shelves = new Map<string, Shelf>()
  /** As they were handed over to be written. */
  readonly #heads = new Map<string, string>()
  readonly #touched = new Set<string>()
  /** Groups of which something happened that is not on its way to etcd. */
  readonly #unsaid = new Set<string>()
  #beat: Timer | undefined
  /** Groups that nobody is in, which are still known. */
  readonly #vacant = new Set<string>()
  #sweep: Timer | undefined
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** What earlier coordinators left: the events go on, and what belongs to nobody any more is taken away later. */
  inherit(entries: readonly Entry[]): void {
    const { keys } = this.#options
    for (const { key, value } of entries) {
      const group = groupOf(keys, key)
      if (group === undefined) continue
      this.#vacant.add(group)
      if (key !== keys.events(group)) continue
      const shelf = this.#shelf(group)
      for (const event of eventsOf(value)?.events ?? []) place(shelf, JSON.stringify(event))
    }
    this.#sweepLater()
  }

  recorded(recorded: RecordedEvent): void {
    const { group } = recorded
    if (this.#isClosed) return
    place(this.#shelf(group), JSON.stringify(recorded))
    // A watch of a service goes on from what was said last: what its list showed already must not be told once more.
    if (serviceOf(group) !== undefined) this.#write(group)
    else this.#unsaid.add(group)
    if (this.#beat === undefined && this.#unsaid.size > 0) this.#say()
    this.touched(group)
    if (!this.#options.isInhabited(group)) this.vacated(group)
  }

  /** At once, and then no more often than so: each writing says all of them again, and etcd keeps every one until it is compacted. */
  #say(): void {
    this.flush()
    const { clock } = this.#options
    const again = () => {
      this.#beat = undefined
      if (this.#unsaid.size > 0) this.#say()
    }
    this.#beat = clock.setTimer(clock.now() + EVENTS_MS, again, { ref: false })
  }

  /** What happened is on its way to etcd. */
  flush(): void {
    for (const group of this.#unsaid) this.#write(group)
    this.#unsaid.clear()
  }

  #write(group: string): void {
    const { keys, writer } = this.#options
    const { texts } = this.#shelf(group)
    writer.put(keys.events(group), () => `{"events":[${texts.join(',')}]}`)
  }

  /** Its head may be another one. It is read once everything has come to its end. */
  touched(group: string): void {
    if (this.#isClosed) return
    if (this.#touched.size === 0) queueMicrotask(() => this.#settle())
    this.#touched.add(group)
  }

  #settle(): void {
    const { keys, writer, headOf, generation } = this.#options
    const touched = [...this.#touched]
    this.#touched.clear()
    if (this.#isClosed) return
    for (const group of touched) {
      const head = headOf(group)
      if (head === undefined) continue
      const record: HeadRecord = { generation: generation(), ...head }
      const text = JSON.stringify(record)
      if (this.#heads.get(group) === text) continue
      this.#heads.set(group, text)
      writer.put(keys.head(group), () => text)
    }
  }

  /** Its last session is gone. */
  vacated(group: string): void {
    this.#vacant.add(group)
    this.#sweepLater()
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#sweep !== undefined || this.#vacant.size === 0) return
    const { clock } = this.#options
    const sweep = () => {
      this.#sweep = undefined
      for (const group of [...this.#vacant]) this.#look(group)
      this.#sweepLater()
    }
    this.#sweep = clock.setTimer(clock.now() + SWEEP_MS, sweep, { ref: false })
  }

  #look(group: string): void {
    const { keys, writer, headOf, isInhabited } = this.#options
    if (!isInhabited(group) && headOf(group) !== undefined) return
    this.#vacant.delete(group)
    if (isInhabited(group)) return
    this.#shelves.delete(group)
    this.#unsaid.delete(group)
    this.#heads.delete(group)
    writer.delete(keys.head(group))
    writer.delete(keys.events(group))
  }

  #shelf(group: string): Shelf {
    let shelf = this.#shelves.get(group)
    if (shelf === undefined) {
      shelf = { texts: [], bytes: 0 }
      this.#shelves.set(group, shelf)
    }
    return shelf
  }

  close(): void {
    this.#isClosed = true
    this.#sweep?.clear()
    this.#beat?.clear()
  }
}

const groupOf = (keys: Keys, key: string): string | undefined => {
  const [name = '', kind, ...rest] = key.slice(keys.groups.length).split('/')
  if (kind === undefined || rest.length > 0) return undefined
  try {
    const group = decodeURIComponent(name)
    return key === keys.head(group) || key === keys.events(group) ? group : undefined
  } catch {
    // Somebody else's key: none of ours is wrongly encoded.
    return undefined
  }
}

const place = (shelf: Shelf, text: string): void => {
  shelf.texts.push(text)
  shelf.bytes += Buffer.byteLength(text)
  while (shelf.texts.length > MAX_EVENTS || (shelf.bytes > MAX_EVENTS_BYTES && shelf.texts.length > 1)) {
    shelf.bytes -= Buffer.byteLength(shelf.texts.shift() ?? '')
  }
}

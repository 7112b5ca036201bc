import type { GroupPast, PastQuery } from '../core/group/past.ts'
import type { GroupEvent } from '../core/group/reasons.ts'
import { CaucusError } from '../errors.ts'
import type { RecordedEvent } from '../ports/hosting.ts'
import { History } from './history.ts'
import { Reader } from './reader.ts'

/** Stands where events are missing: the reader was too slow, or asks for what is forgotten. Not always is it known how many. */
export interface EventGap {
  readonly type: 'gap'
  readonly dropped: number | undefined
}

export interface EventLogOptions {
  /** The generation in which this log begins: revisions of an earlier one are of another process. */
  readonly generation: number
  /** Wall clock, for people. */
  wallMs(): number
  /** How many events are kept per group. */
  readonly perGroup?: number
  /** How many events are kept in all; the groups that have been silent longest are forgotten first. */
  readonly total?: number
}

export interface EventLogQuery {
  readonly group?: string | undefined
  readonly after?: string | undefined
  readonly signal?: AbortSignal | undefined
}

interface Shelf {
  /** `events[0]` has the number `first`; the next one to come has `first + events.length`. */
  first: number
  readonly events: RecordedEvent[]
  /** How much room these take. */
  cost: number
  readonly readers: Set<Reader<RecordedEvent | EventGap>>
}

/**
 * What happened in many groups, as far back as there is room, readable from a revision on.
 *
 * A reader is a number and no buffer: one that is too slow costs nothing and is told how many it missed.
 */
export class EventLog {
  readonly #options: EventLogOptions
  readonly #perGroup: number
  readonly #total: number
  /** The group that spoke last comes last. */
  readonly #shelves = new Map<string, Shelf>()
  readonly #live = new History<RecordedEvent>()
  readonly #sinceMs: number
  #generation: number
  #kept = 0
  #recorded = 0
  /** No forgotten group got as far as this, so that no number of it comes twice. */
  #floor = 0
  #closed = false

  constructor(options: EventLogOptions) {
    this.#options = options
    this.#generation = options.generation
    this.#sinceMs = options.wallMs()
    this.#perGroup = options.perGroup ?? 4_096
    this.#total = options.total ?? 65_536
  }

  get recorded(): number {
    return this.#recorded
  }

  /** Events are recorded under this generation from now on; numbers go on. */
  set generation(generation: number) {
    this.#generation = generation
  }

  /** Gives back what is kept of it; nothing once it is closed. */
  record(group: string, event: GroupEvent): RecordedEvent | undefined {
    if (this.#closed) return undefined
    const shelf = this.#shelf(group)
    this.#shelves.delete(group)
    this.#shelves.set(group, shelf)
    const revision = `${this.#generation}-${shelf.first + shelf.events.length}`
    const recorded: RecordedEvent = { revision, atMs: this.#options.wallMs(), group, event }
    shelf.events.push(recorded)
    this.#recorded++
    const cost = costOf(event)
    shelf.cost += cost
    this.#kept += cost
    // A quarter at a time: to move the whole array for every event would cost more than the events.
    if (shelf.cost > this.#perGroup * 1.25) this.#forget(shelf, surplus(shelf, this.#perGroup))
    if (this.#kept > this.#total) this.#makeRoom(shelf)
    this.#live.record(recorded)
    for (const reader of shelf.readers) reader.wake()
    return recorded
  }

  /** Yields what comes after `after`, or from now on; a `gap` where something is missing. `break` and the signal release it. */
  events({ group, after, signal }: EventLogQuery): AsyncIterableIterator<RecordedEvent | EventGap, undefined> {
    const from = after === undefined ? undefined : this.#parse(after)
    if (group === undefined) return this.#everything(from !== undefined, signal)
    const existing = this.#shelves.get(group)
    const end = existing === undefined ? this.#floor + 1 : existing.first + existing.events.length
    // Said by another process, or about to come: whoever asks has not seen what is here.
    let lost = from === 'foreign' || (typeof from === 'number' && from >= end)
    let next = from === undefined ? end : typeof from === 'number' && !lost ? from + 1 : 0
    return new Reader<RecordedEvent | EventGap>({
      signal,
      take: () => {
        const shelf = this.#shelves.get(group)
        if (shelf === undefined) return undefined
        if (lost) {
          lost = false
          next = shelf.first
          return { value: { type: 'gap', dropped: undefined } }
        }
        if (next < shelf.first) {
          const dropped = shelf.first - next
          next = shelf.first
          return { value: { type: 'gap', dropped } }
        }
        const value = shelf.events[next - shelf.first]
        if (value === undefined) return undefined
        next++
        return { value }
      },
      begin: (reader) => {
        this.#shelf(group).readers.add(reader)
        if (this.#closed) reader.finish()
      },
      end: (reader) => {
        const shelf = this.#shelves.get(group)
        shelf?.readers.delete(reader)
        if (shelf?.events.length === 0 && shelf.readers.size === 0) this.#drop(group, shelf)
      },
    })
  }

  /** What is kept of one group, oldest first: all of it, what names a partition or a member, or the newest so many of that. */
  history({ group, partition, member, limit = Number.POSITIVE_INFINITY }: PastQuery): GroupPast<RecordedEvent> {
    const shelf = this.#shelves.get(group)
    const found: RecordedEvent[] = []
    let more = false
    for (let at = (shelf?.events.length ?? 0) - 1; at >= 0 && !more; at--) {
      const recorded = shelf?.events[at] as RecordedEvent
      if (!names(recorded.event, partition, member)) continue
      if (found.length < limit) found.push(recorded)
      else more = true
    }
    // Of a group that is not kept at all, nobody knows whether it was.
    const forgotten = shelf === undefined ? this.#floor > 0 : shelf.first > 1
    return { events: found.reverse(), forgotten, more, sinceMs: this.#sinceMs, nowMs: this.#options.wallMs() }
  }

  /** Of the last event of a group, also when that is forgotten: what comes after it is everything that happens from now on. */
  revisionOf(group: string): string {
    const shelf = this.#shelves.get(group)
    return `${this.#generation}-${shelf === undefined ? this.#floor : shelf.first + shelf.events.length - 1}`
  }

  /** Every reader gets what is there and ends. */
  close(): void {
    this.#closed = true
    this.#live.close()
    for (const { readers } of [...this.#shelves.values()]) for (const reader of [...readers]) reader.finish()
  }

  async *#everything(
    resumed: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RecordedEvent | EventGap, undefined> {
    const live = this.#live.events({ buffer: this.#perGroup, signal })
    // Revisions count within a group: of all groups together nobody can say what came after one of them.
    if (resumed) yield { type: 'gap', dropped: undefined }
    yield* live
    return undefined
  }

  #parse(revision: string): number | 'foreign' {
    const [, generation, number] = /^(\d{1,10})-(\d{1,15})$/.exec(revision) ?? []
    if (generation === undefined || number === undefined) {
      throw new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        'a revision is "generation-number", as events carry it; give one of those, or none to begin now',
      )
    }
    const ours = Number(generation) >= this.#options.generation && Number(generation) <= this.#generation
    return ours ? Number(number) : 'foreign'
  }

  #shelf(group: string): Shelf {
    let shelf = this.#shelves.get(group)
    if (shelf === undefined) {
      shelf = { first: this.#floor + 1, events: [], cost: 0, readers: new Set() }
      this.#shelves.set(group, shelf)
    }
    return shelf
  }

  #forget(shelf: Shelf, count: number): void {
    const forgotten = shelf.events.splice(0, count)
    const room = forgotten.reduce((sum, { event }) => sum + costOf(event), 0)
    shelf.first += count
    shelf.cost -= room
    this.#kept -= room
  }

  #makeRoom(speaking: Shelf): void {
    for (const [group, shelf] of this.#shelves) {
      if (shelf === speaking || this.#kept <= this.#total) break
      this.#forget(shelf, shelf.events.length)
      if (shelf.readers.size === 0) this.#drop(group, shelf)
    }
    if (this.#kept > this.#total) this.#forget(speaking, surplus(speaking, speaking.cost - Math.ceil(this.#total / 4)))
  }

  #drop(group: string, { first, events }: Shelf): void {
    this.#floor = Math.max(this.#floor, first + events.length - 1)
    this.#shelves.delete(group)
  }
}

/** An event of a service carries what an instance says of itself, which may be long: it takes the room of as many short ones. */
const costOf = (event: GroupEvent): number =>
  'instance' in event ? 1 + Math.floor(JSON.stringify(event.instance).length / COST_CHARACTERS) : 1

const COST_CHARACTERS = 256

/** How many of the oldest events have to go, so that the others take no more room than `limit`; at least one. */
const surplus = ({ events, cost }: Shelf, limit: number): number => {
  let left = cost
  let count = 0
  while (count < events.length && (count === 0 || left > limit))
    left -= costOf((events[count++] as RecordedEvent).event)
  return count
}

const names = (event: GroupEvent, partition: number | undefined, member: string | undefined): boolean =>
  (partition === undefined || ('partition' in event && event.partition === partition)) &&
  (member === undefined || ('member' in event && event.member === member))

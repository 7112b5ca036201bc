import type { ProducerKey, Seat } from '../../core/dispatch/messages.ts'
import { Table } from '../../core/dispatch/table.ts'
import type { Instant } from '../../core/time.ts'
import type { LocalProducer } from '../../runtime/dispatch/producer.ts'
import { type ReceivedAsk, ReceivedRequest } from '../../runtime/dispatch/received.ts'
import type { Lane } from './outbox.ts'

/** A producer of some connection, as our roster has it. */
export interface Entry {
  /** Our hub's name for it. */
  readonly key: ProducerKey
  readonly neighbour: Neighbour
  /** Its own connection's number for it. */
  readonly producer: number
  readonly topic: string
  /** Where it was among the expected the last time. */
  seat: Seat
  /** Replies of it that a schema is still looking at. */
  judging: number
  /** It has gone, and stays until these have been judged. */
  isGone: boolean
}

/** A connection that has told us something, our own one too. It is another one after each time that it has reached a server. */
export class Neighbour {
  readonly node: number
  /** To it alone. */
  readonly lane: Lane
  heardAt: Instant
  /** How many pings in a row it has not answered. */
  unanswered = 0
  /** It said nothing for so long that it was given up, and was on these topics. */
  lostFrom: Set<string> | undefined
  /** By topic: when our producers were last named to it because it asked and was not known. */
  readonly namedAt = new Map<string, Instant>()
  /** When it was last told that we expect nothing of one of its producers that has answered. */
  disownedAt: Instant = Number.NEGATIVE_INFINITY
  /** What its requests say of who asks. */
  name = ''
  /** Its producers, by its own numbers. */
  readonly entries = new Map<number, Entry>()
  /** How many listeners it has, by topic. */
  readonly listeners = new Map<string, number>()
  /** What our producers have in hand of it, by its own numbers. */
  readonly requests = new Table<ServedRequest[]>()

  constructor(node: number, lane: Lane, now: Instant) {
    this.node = node
    this.lane = lane
    this.heardAt = now
  }
}

/** One request in the hands of one producer of this connection. */
export class ServedRequest extends ReceivedRequest {
  readonly asker: Neighbour
  readonly local: LocalProducer

  constructor(asker: Neighbour, asked: ReceivedAsk, producer: LocalProducer) {
    super(asked, producer)
    this.asker = asker
    this.local = producer
  }
}

/** How many connections are known at most; what others say is ignored. */
const LIMIT = 100_000

/** The connections that this one knows of. */
export class Neighbours {
  readonly #laneOf: (node: number) => Lane
  readonly #all = new Map<number, Neighbour>()

  constructor(laneOf: (node: number) => Lane) {
    this.#laneOf = laneOf
  }

  get(node: number): Neighbour | undefined {
    return this.#all.get(node)
  }

  /** It has said something. `undefined`: there are too many already. */
  heard(node: number, now: Instant): Neighbour | undefined {
    const known = this.#all.get(node)
    if (known !== undefined) {
      known.heardAt = now
      known.unanswered = 0
      return known
    }
    if (this.#all.size >= LIMIT) return undefined
    const neighbour = new Neighbour(node, this.#laneOf(node), now)
    this.#all.set(node, neighbour)
    return neighbour
  }

  forget(neighbour: Neighbour): void {
    this.#all.delete(neighbour.node)
  }

  all(): readonly Neighbour[] {
    return [...this.#all.values()]
  }

  clear(): void {
    this.#all.clear()
  }
}

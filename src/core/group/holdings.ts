import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import type { Holding, ShareKind, ShareMessage } from './messages.ts'

interface Draining extends Holding {
  readonly until: Instant
}

/** The name under which an index share's epochs are compared: a key moves between indexes, so all of them share one. */
const ANY_INDEX = 0

/**
 * What one member holds, drains and has let go. Nothing is ever taken at or below an epoch that was seen before, and nothing
 * counts longer than its lease, whether or not anybody looked.
 */
export class Holdings {
  /** Replaced, never changed: a picture that was given out stays as it is. */
  #held: ReadonlyMap<number, Holding> = new Map()
  #validUntil: Instant = Number.NEGATIVE_INFINITY
  readonly #draining = new Map<number, Draining>()
  /** The highest epoch seen of each item, held or let go. */
  readonly #seen = new Map<number, Epoch>()
  /** Let go, and not known to have been heard: the sequence of the message that said so last. */
  readonly #acknowledged = new Map<number, { holding: Holding; sequence: number | undefined }>()

  get held(): ReadonlyMap<number, Holding> {
    return this.#held
  }

  get validUntil(): Instant {
    return this.#validUntil
  }

  get draining(): readonly Holding[] {
    return [...this.#draining.values()].map(plain)
  }

  get empty(): boolean {
    return this.#held.size + this.#draining.size === 0
  }

  holds(item: number, now: Instant): Holding | undefined {
    return now < this.#validUntil ? this.#held.get(item) : undefined
  }

  drainUntil({ item, epoch }: Holding): Instant | undefined {
    const draining = this.#draining.get(item)
    return draining?.epoch === epoch ? draining.until : undefined
  }

  /** Drops, and gives back, what has run out. */
  lapse(now: Instant): readonly Holding[] {
    const lapsed: Holding[] = []
    if (this.#held.size > 0 && now >= this.#validUntil) {
      lapsed.push(...this.#held.values())
      this.#held = new Map()
    }
    for (const draining of this.#draining.values()) {
      if (now < draining.until) continue
      this.#draining.delete(draining.item)
      lapsed.push(plain(draining))
    }
    return lapsed
  }

  /** Drops, and gives back, everything. */
  clear(): readonly Holding[] {
    const items = [...this.#held.values(), ...this.draining]
    this.#held = new Map()
    this.#draining.clear()
    return items
  }

  /** Forgets also which epochs were seen: those of another server say nothing about this one's. */
  reset(): void {
    this.clear()
    this.#seen.clear()
    this.#acknowledged.clear()
  }

  /**
   * The message states the whole share: what it lists is kept or begun, everything else ends. What is neither kept nor
   * revoked is not renewed any more, and ends with the lease that it has.
   */
  take(message: ShareMessage, until: Instant, accepts: boolean): { granted: Holding[]; drain: Holding[] } {
    const before = this.#held
    const held = new Map<number, Holding>()
    const granted: Holding[] = []
    for (const holding of message.holding) {
      const mine = before.get(holding.item)
      if (mine?.epoch === holding.epoch) held.set(holding.item, holding)
      else if (this.#isNew(holding, message.share) && accepts) {
        held.set(holding.item, holding)
        if (!isRenumbered(mine, holding)) granted.push(holding)
      } else if (accepts) this.#decline(holding, message.share)
    }
    const revoked = new Map(message.revoked.map((holding) => [holding.item, holding]))
    const drain: Holding[] = []
    for (const holding of before.values()) {
      const now = held.get(holding.item)
      if (now?.epoch === holding.epoch || isRenumbered(holding, now)) continue
      this.#draining.set(holding.item, { ...holding, until: this.#validUntil })
      drain.push(holding)
    }
    for (const draining of this.#draining.values()) {
      const asked = revoked.get(draining.item)
      // Perhaps under the number of a view that we have not heard of: what is still drained was held all the time.
      const goesOn = asked?.epoch === draining.epoch || isRenumbered(draining, asked)
      if (goesOn) this.#draining.set(draining.item, { ...draining, until })
    }
    this.#held = held
    this.#validUntil = until
    return { granted, drain }
  }

  #isNew({ item, epoch }: Holding, share: ShareKind): boolean {
    const name = share === 'index' ? ANY_INDEX : item
    if (epoch <= (this.#seen.get(name) ?? 0)) return false
    this.#seen.set(name, epoch)
    return true
  }

  /**
   * What is given below an epoch that was seen before can never be taken. Whoever gives it does not know of that epoch (no store, and
   * started twice within a second), and hears of it as of something let go.
   */
  #decline({ item, epoch }: Holding, share: ShareKind): void {
    const seen = this.#seen.get(share === 'index' ? ANY_INDEX : item) ?? 0
    if (seen <= epoch || this.#draining.has(item)) return
    this.#acknowledged.set(item, { holding: { item, epoch: seen }, sequence: undefined })
  }

  /** Everything is on its way out: the leases that run are for finishing. */
  drainAll(): readonly Holding[] {
    const items = [...this.#held.values()]
    for (const holding of items) this.#draining.set(holding.item, { ...holding, until: this.#validUntil })
    this.#held = new Map()
    return items
  }

  /** True when something was let go that must now be acknowledged. */
  letGo(items: readonly Holding[]): boolean {
    let any = false
    for (const holding of items) {
      if (this.drainUntil(holding) === undefined) continue
      this.#draining.delete(holding.item)
      this.#acknowledged.set(holding.item, { holding: plain(holding), sequence: undefined })
      any = true
    }
    return any
  }

  /** What was let go and perhaps not heard, to be said in message `sequence`. */
  acknowledge(sequence: number): readonly Holding[] {
    for (const entry of this.#acknowledged.values()) entry.sequence = sequence
    return [...this.#acknowledged.values()].map(({ holding }) => holding)
  }

  /** Message `sequence` was processed, so whatever it acknowledged is known. */
  heard(sequence: number): void {
    for (const [item, { sequence: saidIn }] of this.#acknowledged) {
      if (saidIn !== undefined && saidIn <= sequence) this.#acknowledged.delete(item)
    }
  }

  /** When the next thing runs out. */
  wakeAt(): Instant {
    let at = this.#held.size > 0 ? this.#validUntil : Number.POSITIVE_INFINITY
    for (const { until } of this.#draining.values()) at = Math.min(at, until)
    return at
  }
}

/** The same place of a later view: nobody else had it in between, because we have believed in it all the time. */
export const isRenumbered = (before: Holding | undefined, after: Holding | undefined): boolean =>
  before?.of !== undefined && before.of === after?.of && before.epoch < after.epoch

const plain = ({ item, epoch, of }: Holding): Holding => (of === undefined ? { item, epoch } : { item, epoch, of })

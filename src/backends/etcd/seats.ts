import type { MemberMessage } from '../../core/group/messages.ts'
import type { Generation } from '../../core/lease.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { isCaucusError } from '../../errors.ts'
import type { Engine, Entry, Revision } from './engine.ts'
import { KeyWatch } from './key-watch.ts'
import type { Keys } from './keys.ts'
import { Seat } from './seat.ts'

/** A seat whose share is watched. */
export interface Watched {
  readonly seat: Seat
  readonly watch: KeyWatch
}

export interface SeatsOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** Of whoever was not told another. */
  readonly leaseMs: Millis
  pushed(watched: Watched, entry: Entry): void
  /** A broken invariant of ours. */
  onFault(error: unknown): void
}

/** For so long a request that was given up may still be on its way. */
const LATE_MS: Millis = 60_000

/** The memberships of one process in etcd, and what is left of those that have ended. */
export class Seats {
  readonly #options: SeatsOptions
  readonly #seats = new Map<string, Watched>()
  /** Ended, and perhaps still there. */
  readonly #ended = new Set<Seat>()
  /** Gone, but a first record of theirs may still arrive. */
  readonly #late = new Map<string, Instant | undefined>()
  #isRemoving: Promise<void> | undefined
  #nobodyLeaves: (() => void) | undefined

  constructor(options: SeatsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#seats.size
  }

  take(message: MemberMessage, generation: Generation, now: Instant): Watched {
    const { engine, keys, pushed } = this.#options
    const { group, member, bootId } = message
    const key = keys.session({ group, member, bootId })
    const known = this.#seats.get(key)
    if (known !== undefined) {
      known.seat.take(message, generation, now)
      return known
    }
    const name = { group, member, bootId }
    const watched: Watched = {
      seat: new Seat(name, message, generation, now),
      watch: new KeyWatch(engine, keys.share(name), (entry) => {
        if (entry !== undefined) pushed(watched, entry)
      }),
    }
    this.#seats.set(key, watched)
    return watched
  }

  /** Its share is watched from what was just read on. */
  watch(watched: Watched, read: Revision): void {
    if (this.has(watched)) watched.watch.from(read + 1)
  }

  /** Those whose last word is not known to have been heard: nobody else says it again. */
  unsaid(): readonly Watched[] {
    return [...this.#seats.values()].filter(({ seat }) => seat.isLeaving)
  }

  /** Whether it is still a seat of ours. */
  has({ seat }: Watched): boolean {
    return this.#seats.get(this.#options.keys.session(seat.name))?.seat === seat
  }

  /** Nothing of it has to lie there any more. Also of one that has ended, and of which something was written meanwhile. */
  end(watched: Watched): void {
    if (this.has(watched)) this.#seats.delete(this.#options.keys.session(watched.seat.name))
    watched.watch.close()
    this.#ended.add(watched.seat)
    void this.#removeEnded().catch((error: unknown) => {
      // It is tried again with the next beat, which says so if that fails as well.
      if (!isCaucusError(error)) this.#options.onFault(error)
    })
  }

  /** All sessions are gone with their lease. */
  forget(): void {
    for (const { seat } of this.#seats.values()) seat.forget()
    for (const seat of this.#ended) seat.forget()
  }

  /** It is another etcd, with revisions of its own. */
  forgetAll(): void {
    for (const { seat, watch } of this.#seats.values()) {
      seat.forgetAll()
      watch.stop()
    }
    this.#ended.clear()
    this.#late.clear()
    this.#settle()
  }

  /** Calls once no member is leaving, and nothing is left of those that have. */
  whenNobodyLeaves(told: () => void): void {
    this.#nobodyLeaves = told
    this.#settle()
  }

  #settle(): void {
    if (this.#ended.size > 0 || [...this.#seats.values()].some(({ seat }) => seat.isLeaving)) return
    this.#nobodyLeaves?.()
    this.#nobodyLeaves = undefined
  }

  /** Withdraws whoever was not heard for a lease, since its process has dropped it without a word. Rejects with what etcd says. */
  async tidy(now: Instant): Promise<void> {
    for (const watched of this.#seats.values()) {
      const { seat } = watched
      if (now - seat.sentAt > seat.leaseMs(this.#options.leaseMs)) this.end(watched)
    }
    await this.#removeEnded()
    await this.#removeLate(now)
  }

  #removeEnded(): Promise<void> {
    this.#isRemoving ??= this.#removeAll().finally(() => {
      this.#isRemoving = undefined
      this.#settle()
    })
    return this.#isRemoving
  }

  async #removeAll(): Promise<void> {
    for (const seat of this.#ended) await this.#remove(seat)
  }

  async #remove(seat: Seat): Promise<void> {
    const { engine, keys } = this.#options
    const key = keys.session(seat.name)
    for (let held = false; !held; ) {
      const { found, ...outcome } = await engine.transact({
        // What lies there may be of a write that was given up.
        when: [{ key, of: 'modRevision', is: seat.modRevision }],
        then: [
          { type: 'delete', key },
          { type: 'delete', key: keys.share(seat.name) },
        ],
        otherwise: [{ type: 'get', key }],
      })
      held = outcome.held
      seat.modRevision = found[0]?.modRevision ?? 0
    }
    this.#ended.delete(seat)
    if (seat.mayComeBack) this.#late.set(key, undefined)
  }

  /** A session of nobody would be given a share for as long as this process lives. */
  async #removeLate(now: Instant): Promise<void> {
    for (const [key, since] of this.#late) {
      await this.#options.engine.transact({ then: [{ type: 'delete', key }] })
      if (since === undefined) this.#late.set(key, now)
      else if (now - since > LATE_MS) this.#late.delete(key)
    }
  }

  close(): void {
    for (const { watch } of this.#seats.values()) watch.close()
    this.#seats.clear()
    this.#ended.clear()
    this.#late.clear()
    this.#settle()
  }
}

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
  /** Of its session. */
  readonly key: string
  readonly seat: Seat
  readonly watch: KeyWatch
  /** The revision after which its watch tells: what was read before that is read again. */
  begunAt: Revision
}

export interface SeatsOptions {
  readonly engine: Engine
  readonly keys: Keys
  /** Of whoever was not told another. */
  readonly leaseMs: Millis
  pushed(watched: Watched, entry: Entry): void
  /** Its watch tells from now on. */
  begun(watched: Watched): void
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
  readonly #ended = new Map<string, Seat>()
  /** Gone, but a first record of theirs may still arrive. */
  readonly #late = new Map<string, Instant | undefined>()
  #isRemoving: Promise<void> | undefined
  #nobodyLeaves: (() => void) | undefined

  constructor(options: SeatsOptions) {
    this.#options = options
  }

  take(message: MemberMessage, generation: Generation, now: Instant): Watched {
    const { engine, keys, pushed, begun } = this.#options
    const { group, member, bootId } = message
    const name = { group, member, bootId }
    const key = keys.session(name)
    const known = this.#seats.get(key)
    if (known !== undefined) {
      known.seat.take(message, generation, now)
      return known
    }
    const seat = new Seat(name, message, generation, now)
    // What is left there is its own again, and nothing that was to be taken away: it writes over it.
    seat.mayComeBack = this.#ended.get(key)?.mayComeBack === true || this.#late.has(key)
    this.#ended.delete(key)
    this.#late.delete(key)
    const watched: Watched = {
      key,
      seat,
      watch: new KeyWatch(engine, keys.share(name), (entry) => {
        if (entry !== undefined) pushed(watched, entry)
      }),
      begunAt: 0,
    }
    this.#seats.set(key, watched)
    // Before anything is said: a watch of what has passed already is told up to 100 ms later.
    watched.watch.now((revision) => {
      watched.begunAt = revision
      begun(watched)
    })
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
  has(watched: Watched): boolean {
    return this.#seats.get(watched.key) === watched
  }

  /** Nothing of it has to lie there any more. Also of one that has ended, and of which something was written meanwhile. */
  end(watched: Watched): void {
    const { key } = watched
    if (this.has(watched)) this.#seats.delete(key)
    watched.watch.close()
    // Somebody of the same name has followed, whose it is now.
    if (this.#seats.has(key)) return
    this.#ended.set(key, watched.seat)
    void this.#removeEnded().catch((error: unknown) => {
      // It is tried again with the next beat, which says so if that fails as well.
      if (!isCaucusError(error)) this.#options.onFault(error)
    })
  }

  /** All sessions are gone with their lease. */
  forget(): void {
    for (const { seat } of this.#seats.values()) seat.forget()
    for (const seat of this.#ended.values()) seat.forget()
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
    for (const [key, seat] of this.#ended) await this.#remove(key, seat)
  }

  async #remove(key: string, seat: Seat): Promise<void> {
    const { engine, keys } = this.#options
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
      // It was taken again meanwhile.
      if (this.#ended.get(key) !== seat) return
      held = outcome.held
      seat.modRevision = found[0]?.modRevision ?? 0
    }
    this.#ended.delete(key)
    if (seat.mayComeBack) this.#late.set(key, undefined)
  }

  /** A session of nobody would be given a share for as long as this process lives. */
  async #removeLate(now: Instant): Promise<void> {
    for (const [key, since] of this.#late) {
      await this.#options.engine.transact({ then: [{ type: 'delete', key }] })
      if (!this.#late.has(key)) continue
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

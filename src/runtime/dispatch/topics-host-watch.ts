import type { Hub } from '../../core/dispatch/hub.ts'
import type { AsksSeen, TopicUse } from '../../core/dispatch/sight.ts'
import { isSame } from '../../core/same.ts'
import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { Reader } from '../reader.ts'

/** Often enough for the eye. */
const TELL_EVERY_MS: Millis = 250
/** Rates move slowly. */
const TELL_USE_EVERY_MS: Millis = 1_000

export interface WatchedHub {
  readonly hub: Pick<Hub, 'use' | 'watched'>
  /** Whether the asks of a topic are noted. */
  watchAsks(topic: string, isWatched: boolean): void
}

/** One who watches, and what it was told last. It keeps nothing that it was not told: who is slow gets the newest, once. */
interface Watcher {
  readonly reader: Reader<AsksSeen>
  /** It is time to tell it something. */
  isDue: boolean
  /** `undefined`: nothing so far. */
  told: Told | undefined
}

interface Told {
  readonly version: number
  readonly untold: number
  readonly use: TopicUse | undefined
}

/** One topic that somebody watches. */
interface Watched {
  readonly watchers: Set<Watcher>
  use: TopicUse | undefined
  usedAt: Instant
  /** What was last made for somebody, for all others who know as much: it is read by many, and made once. */
  latest: { readonly after: Told | undefined; readonly told: Told; readonly seen: AsksSeen } | undefined
}

/** Tells those who watch topics what is new, with one timer for all of them, and none when nobody does. */
export class TopicsWatch {
  readonly #clock: Clock
  readonly #home: WatchedHub
  readonly #topics = new Map<string, Watched>()
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock, home: WatchedHub) {
    this.#clock = clock
    this.#home = home
  }

  begin(topic: string, signal: AbortSignal | undefined): Reader<AsksSeen> {
    const reader = new Reader<AsksSeen>({
      signal,
      take: () => this.#take(topic, watcher),
      begin: () => this.#add(topic, watcher),
      end: () => this.#remove(topic, watcher),
    })
    const watcher: Watcher = { reader, isDue: true, told: undefined }
    return reader
  }

  close(): void {
    this.#closed = true
    this.#timer?.clear()
    for (const { watchers } of [...this.#topics.values()]) for (const { reader } of [...watchers]) reader.finish()
  }

  #add(topic: string, watcher: Watcher): void {
    if (this.#closed) return watcher.reader.finish()
    const known = this.#topics.get(topic)
    if (known === undefined) this.#home.watchAsks(topic, true)
    const watched = known ?? {
      watchers: new Set(),
      use: undefined,
      usedAt: Number.NEGATIVE_INFINITY,
      latest: undefined,
    }
    watched.watchers.add(watcher)
    this.#topics.set(topic, watched)
    this.#timer ??= this.#arm()
  }

  #remove(topic: string, watcher: Watcher): void {
    const watched = this.#topics.get(topic)
    if (watched?.watchers.delete(watcher) !== true || watched.watchers.size > 0) return
    this.#topics.delete(topic)
    this.#home.watchAsks(topic, false)
    if (this.#topics.size > 0) return
    this.#timer?.clear()
    this.#timer = undefined
  }

  #arm(): Timer {
    return this.#clock.setTimer(this.#clock.now() + TELL_EVERY_MS, () => this.#tell(), { ref: false })
  }

  #tell(): void {
    this.#timer = this.#arm()
    for (const watched of this.#topics.values()) {
      watched.latest = undefined
      for (const watcher of watched.watchers) {
        watcher.isDue = true
        watcher.reader.wake()
      }
    }
  }

  #take(topic: string, watcher: Watcher): { readonly value: AsksSeen } | undefined {
    const watched = this.#topics.get(topic)
    if (watched === undefined || !watcher.isDue) return undefined
    watcher.isDue = false
    const { told: after } = watcher
    if (watched.latest === undefined || !isAsFar(watched.latest.after, after)) {
      const made = this.#news(topic, watched, after)
      if (made === undefined) return undefined
      watched.latest = { after, ...made }
    }
    watcher.told = watched.latest.told
    return { value: watched.latest.seen }
  }

  /** What is new after what somebody was told; `undefined`: nothing. */
  #news(topic: string, watched: Watched, after: Told | undefined) {
    const now = this.#clock.now()
    const use = this.#useOf(topic, watched, now)
    const watch = this.#home.hub.watched(topic)
    const version = watch?.version ?? 0
    if (after !== undefined && after.version === version && after.use === use) return undefined
    const { anew, asks, untold } = watch?.since(after?.version, now) ?? { anew: true, asks: [], untold: 0 }
    const told: Told = { version, untold, use }
    const seen = { type: 'asks', anew, asks, untold: untold - (after?.untold ?? 0), ...use } as const
    return { told, seen }
  }

  /** The same object as long as nothing has changed. */
  #useOf(topic: string, watched: Watched, now: Instant): TopicUse | undefined {
    if (now - watched.usedAt < TELL_USE_EVERY_MS) return watched.use
    const use = this.#home.hub.use(topic, now)
    watched.usedAt = now
    if (!isSame(use, watched.use)) watched.use = use
    return watched.use
  }
}

const isAsFar = (one: Told | undefined, other: Told | undefined): boolean =>
  one === other ||
  (one !== undefined &&
    other !== undefined &&
    one.version === other.version &&
    one.untold === other.untold &&
    one.use === other.use)

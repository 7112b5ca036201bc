import type { Foundation } from '../../core/group/foundation.ts'
import type { Millis } from '../../core/time.ts'
import type { FoundationStore } from '../../ports/store.ts'
import type { EventLoop } from './event-loop.ts'
import type { Timeline } from './timeline.ts'

/** How long an undisturbed disk takes. */
const QUICK_MS: Millis = 0.5

/** The coordinator's disk: it outlives its processes, unless it is lost. */
export class Disk {
  readonly #timeline: Timeline
  readonly #durable: boolean
  #losses = 0
  #kept: Foundation | undefined
  /** How long a write takes at present. */
  writeMs: Millis = QUICK_MS
  /** Whether writes fail at present. */
  failing = false
  /** Called when a process closes what it has closed. */
  onClosedTwice: () => void = () => undefined

  constructor(timeline: Timeline, durable: boolean) {
    this.#timeline = timeline
    this.#durable = durable
  }

  /** What is safe from a crash at this instant. */
  get kept(): Foundation | undefined {
    return this.#kept
  }

  /** It is as fast as ever. */
  quicken(): void {
    this.writeMs = QUICK_MS
  }

  /** Writes end well again. */
  repair(): void {
    this.failing = false
  }

  lose(): void {
    this.#kept = undefined
    this.#losses++
  }

  /** As a process sees it. One that is killed never hears how its write ended, and it may have ended well. */
  open(loop: EventLoop): FoundationStore {
    // What is kept in memory ends with its process.
    if (!this.#durable) this.#kept = undefined
    let closed = false
    const ended = (ms: Millis, end: () => void) => this.#timeline.after(ms, () => loop.deliver(end))
    return {
      durable: this.#durable,
      instanceId: this.#losses === 0 ? 'coordinator' : `coordinator-${this.#losses}`,
      load: () => new Promise((resolve) => ended(QUICK_MS, () => resolve(this.#kept))),
      save: (foundation) =>
        new Promise((resolve, reject) => {
          const fails = this.failing
          this.#timeline.after(this.writeMs / 2, () => {
            // Whoever was killed before this renames nothing any more.
            if (!fails && loop.state !== 'over') this.#kept = foundation
          })
          ended(this.writeMs, () => (fails ? reject(new Error('the disk is full')) : resolve()))
        }),
      close: async () => {
        if (closed) this.onClosedTwice()
        closed = true
      },
    }
  }
}

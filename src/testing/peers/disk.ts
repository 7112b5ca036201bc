import type { Millis } from '../../core/time.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import type { Timeline } from '../cluster/timeline.ts'

/** How long an undisturbed disk takes. */
const QUICK_MS: Millis = 0.5

/** The disk of one peer's machine: it outlives the processes on it, unless it is lost. */
export class PeerDisk {
  readonly timeline: Timeline
  readonly #files = new Set<DiskFile<unknown>>()
  /** How long a write takes at present. */
  writeMs: Millis = QUICK_MS
  /** Takes nothing more at present. */
  full = false
  #losses = 0

  constructor(timeline: Timeline) {
    this.timeline = timeline
  }

  /** How often it was lost. */
  get losses(): number {
    return this.#losses
  }

  file<Kept>(): DiskFile<Kept> {
    const file = new DiskFile<Kept>(this)
    this.#files.add(file as DiskFile<unknown>)
    return file
  }

  /** What was written to it, or to one file of it, is gone. */
  lose(only?: { lose(): void }): void {
    this.#losses++
    for (const file of only === undefined ? this.#files : [only]) file.lose()
  }

  /** As fast as ever, and with room for everything. */
  heal(): void {
    this.writeMs = QUICK_MS
    this.full = false
  }
}

/** One file that is replaced as a whole. */
export class DiskFile<Kept> {
  readonly #disk: PeerDisk
  #kept: Kept | undefined
  #busyUntilMs: Millis = 0

  constructor(disk: PeerDisk) {
    this.#disk = disk
  }

  /** What is safe from a crash at this instant. */
  get kept(): Kept | undefined {
    return this.#kept
  }

  lose(): void {
    this.#kept = undefined
  }

  /**
   * As a process writes it, one thing after the other. One that is killed never hears how its write ended: it may have become durable, and
   * what waited behind it never does.
   */
  save(loop: EventLoop, kept: Kept): Promise<void> {
    const { timeline, writeMs, full, losses } = this.#disk
    const beginsMs = Math.max(timeline.nowMs, this.#busyUntilMs)
    this.#busyUntilMs = beginsMs + writeMs
    return new Promise((resolve, reject) => {
      timeline.at(beginsMs + writeMs / 2, () => {
        if (!full && loop.state !== 'over' && this.#disk.losses === losses) this.#kept = kept
      })
      timeline.at(beginsMs + writeMs, () =>
        loop.deliver(() => (full ? reject(new Error('the disk is full')) : resolve())),
      )
    })
  }
}

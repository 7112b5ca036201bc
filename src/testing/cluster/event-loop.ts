import type { Instant, Millis } from '../../core/time.ts'
import { HolderClock } from '../../core/time.ts'
import type { Clock, Clocks } from '../../ports/clock.ts'
import { type Loop, LoopClock } from '../../runtime/system-clock.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import type { Timeline } from './timeline.ts'

interface Waiting {
  /** By this machine's monotonic clock. */
  readonly dueAt: Instant
  readonly sequence: number
  readonly run: () => void
}

export interface EventLoopOptions {
  readonly timeline: Timeline
  readonly machine: MachineClock
  /** By how much a timer comes late; 0 on a quiet machine. */
  lateMs(): Millis
  /** Something has run here. */
  onRan(loop: EventLoop): void
  /** What nobody caught: it would have ended the process. */
  onUncaught(error: unknown): void
}

/** As `runtime/system-clock.ts` does it: Node's timers do not see that the machine slept. */
const HOLDER_LOOKS_EVERY_MS: Millis = 250
/** Real time is computed back from a clock with a rate; what is due within this is due. */
const ROUNDING_MS = 1e-6

/**
 * The event loop of one simulated process, in Node's order: timers that are due, then what has arrived, then immediates, and after each of
 * them whatever it made ready. On it run the product's own clocks, which read the clocks of a made-up machine.
 */
export class EventLoop implements Clocks, Loop {
  readonly grantor: Clock
  readonly holder: Clock
  readonly machine: MachineClock
  readonly #timeline: Timeline
  readonly #options: EventLoopOptions
  /** The earliest first. */
  readonly #timers: Waiting[] = []
  #arrived: (() => void)[] = []
  #immediates = new Set<{ readonly run: () => void }>()
  /** What is left of the present phase of the present round. */
  #queue: (() => void)[] = []
  #phase: 'timers' | 'poll' | 'check' = 'check'
  #sequence = 0
  /** When this loop comes to its turn, in real time; later entries of the timeline are void. */
  #wakeAt = Number.POSITIVE_INFINITY
  #wake = 0
  #state: 'runs' | 'stopped' | 'over' = 'runs'
  /** How often it has stood still. */
  stops = 0

  constructor(options: EventLoopOptions) {
    this.#options = options
    this.#timeline = options.timeline
    this.machine = options.machine
    const holder = new HolderClock()
    this.grantor = new LoopClock(() => this.machine.monotonicMs(this.#timeline.nowMs), undefined, this)
    this.holder = new LoopClock(
      () => holder.read(this.machine.reading(this.#timeline.nowMs)),
      HOLDER_LOOKS_EVERY_MS,
      this,
    )
  }

  get state(): 'runs' | 'stopped' | 'over' {
    return this.#state
  }

  /** How many timers and immediates wait: 0 is what a process leaves behind that has closed everything. */
  get pending(): number {
    return this.#timers.length + this.#immediates.size
  }

  after(ms: Millis, run: () => void): () => void {
    const waiting = { dueAt: this.#monotonic() + ms + this.#options.lateMs(), sequence: this.#sequence++, run }
    this.#timers.splice(this.#placeOf(waiting), 0, waiting)
    this.#plan()
    return () => {
      const place = this.#placeOf(waiting)
      if (this.#timers[place] === waiting) this.#timers.splice(place, 1)
    }
  }

  soon(run: () => void): () => void {
    const immediate = { run }
    this.#immediates.add(immediate)
    this.#plan()
    return () => this.#immediates.delete(immediate)
  }

  /** Something arrived from outside: `read` runs when the loop polls next. */
  deliver(read: () => void): void {
    if (this.#state === 'over') return
    this.#arrived.push(read)
    this.#plan()
  }

  /** Code that somebody else starts in this process, such as a test: what it awaits goes on before time does. */
  run<T>(code: () => T): T {
    this.#timeline.stir()
    this.#options.onRan(this)
    return code()
  }

  /** SIGSTOP, or a loop that is blocked; nothing is lost, it is only late. */
  stop(): void {
    if (this.#state !== 'runs') return
    this.#state = 'stopped'
    this.stops++
  }

  goOn(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'runs'
    this.#plan()
  }

  /** kill -9: nothing runs here any more. */
  kill(): void {
    this.#state = 'over'
    this.#timers.length = 0
    this.#immediates.clear()
    this.#arrived = []
    this.#queue = []
  }

  #monotonic(): Instant {
    return this.machine.monotonicMs(this.#timeline.nowMs)
  }

  /** Makes sure that the loop gets its turn no later than it has something to do. */
  #plan(): void {
    if (this.#state !== 'runs') return
    const now = this.#timeline.nowMs
    const [first] = this.#timers
    const busy = this.#queue.length + this.#arrived.length + this.#immediates.size > 0
    if (!busy && first === undefined) return
    const at = busy ? now : now + Math.max(0, ((first as Waiting).dueAt - this.#monotonic()) / this.machine.rate)
    if (at >= this.#wakeAt) return
    this.#wakeAt = at
    const wake = ++this.#wake
    this.#timeline.at(at, () => {
      if (wake === this.#wake) this.#turn()
    })
  }

  #turn(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY
    if (this.#state !== 'runs') return
    const next = this.#next()
    if (next !== undefined) {
      this.#timeline.stir()
      this.#options.onRan(this)
      try {
        next()
      } catch (error) {
        this.#options.onUncaught(error)
      }
    }
    this.#plan()
  }

  /** One callback, and then whatever it made ready, as Node does it: hence one at a time. */
  #next(): (() => void) | undefined {
    for (let phases = 0; phases < 4; phases++) {
      const next = this.#queue.shift()
      if (next !== undefined) return next
      this.#enterNextPhase()
    }
    return undefined
  }

  #enterNextPhase(): void {
    switch (this.#phase) {
      case 'check':
        this.#phase = 'timers'
        this.#queue = this.#dueTimers()
        return
      case 'timers':
        this.#phase = 'poll'
        this.#queue = this.#arrived
        this.#arrived = []
        return
      case 'poll':
        this.#phase = 'check'
        this.#queue = [...this.#immediates].map((immediate) => () => {
          if (this.#immediates.delete(immediate)) immediate.run()
        })
    }
  }

  #dueTimers(): (() => void)[] {
    const now = this.#monotonic() + ROUNDING_MS
    let due = 0
    while (due < this.#timers.length && (this.#timers[due] as Waiting).dueAt <= now) due++
    return this.#timers.slice(0, due).map((waiting) => () => {
      const place = this.#placeOf(waiting)
      if (this.#timers[place] !== waiting) return
      this.#timers.splice(place, 1)
      waiting.run()
    })
  }

  #placeOf({ dueAt, sequence }: Waiting): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#timers[middle] as Waiting
      if (other.dueAt < dueAt || (other.dueAt === dueAt && other.sequence < sequence)) low = middle + 1
      else high = middle
    }
    return low
  }
}

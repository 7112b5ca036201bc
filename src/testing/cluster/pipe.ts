import type { Millis } from '../../core/time.ts'
import type { Timeline } from './timeline.ts'

/** How long it takes until lost packets are sent again, once the network carries again: TCP's own timer, about. */
const RESEND_MS: Millis = 40

/** One direction between a member's machine and the coordinator's, shared by all connections that use it. */
export class Direction {
  readonly #timeline: Timeline
  readonly #drawDelayMs: () => Millis
  readonly #held = new Set<() => void>()
  #blocks = 0
  /** On top of what every packet takes. */
  extraDelayMs: Millis = 0

  constructor(timeline: Timeline, drawDelayMs: () => Millis) {
    this.#timeline = timeline
    this.#drawDelayMs = drawDelayMs
  }

  get blocked(): boolean {
    return this.#blocks > 0
  }

  delayMs(): Millis {
    return this.#drawDelayMs() + this.extraDelayMs
  }

  /** A black hole from here to there, until the returned function is called. Blocks add up. */
  block(): () => void {
    this.#blocks++
    let over = false
    return () => {
      if (over) return
      over = true
      if (--this.#blocks > 0) return
      const held = [...this.#held]
      this.#held.clear()
      for (const resume of held) this.#timeline.after(RESEND_MS + this.delayMs(), resume)
    }
  }

  /** Calls `resume` a while after the network carries again. */
  hold(resume: () => void): void {
    this.#held.add(resume)
  }
}

interface Parcel {
  readonly bytes: number
  readonly arrive: () => void
}

interface InFlight extends Parcel {
  readonly atMs: Millis
}

export interface PipeOptions {
  readonly timeline: Timeline
  readonly direction: Direction
  /** How much may be under way and unread before the sender has to keep the rest: the buffers of both kernels. */
  readonly windowBytes: number
}

/**
 * One direction of one TCP connection: everything arrives once and in order, or nothing does any more. While nobody reads at the
 * other end, or the network is a black hole, it fills up, and what does not fit waits with its sender.
 */
export class Pipe {
  readonly #options: PipeOptions
  #underWay: InFlight[] = []
  #waiting: Parcel[] = []
  #waitingBytes = 0
  #unreadBytes = 0
  #latestMs: Millis = 0
  #scheduled = false
  #cut = false

  constructor(options: PipeOptions) {
    this.#options = options
  }

  /** What the sender had to keep. */
  get bufferedBytes(): number {
    return this.#waitingBytes
  }

  /** `arrive` is called at the other machine; whoever gets it there calls `read(bytes)` once the process has read it. */
  write(bytes: number, arrive: () => void): void {
    if (this.#waiting.length > 0 || !this.#hasRoom(bytes)) {
      this.#waiting.push({ bytes, arrive })
      this.#waitingBytes += bytes
      return
    }
    this.#send({ bytes, arrive })
  }

  read(bytes: number): void {
    this.#unreadBytes = Math.max(0, this.#unreadBytes - bytes)
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoom(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#waitingBytes -= next.bytes
      this.#send(next)
    }
  }

  /** What is larger than the window goes by itself. */
  #hasRoom(bytes: number): boolean {
    return this.#unreadBytes === 0 || this.#unreadBytes + bytes <= this.#options.windowBytes
  }

  /** Nothing arrives any more. Its sender is not told, and goes on until nothing more fits. */
  cut(): void {
    this.#cut = true
    this.#underWay = []
  }

  /** Whatever is under way or waiting never arrives. */
  discard(): void {
    this.#underWay = []
    this.#waiting = []
    this.#waitingBytes = 0
    this.#unreadBytes = 0
  }

  #send({ bytes, arrive }: Parcel): void {
    const { timeline, direction } = this.#options
    this.#unreadBytes += bytes
    if (this.#cut) return
    this.#latestMs = Math.max(this.#latestMs, timeline.nowMs + direction.delayMs())
    this.#underWay.push({ bytes, arrive, atMs: this.#latestMs })
    this.#pump()
  }

  #pump(): void {
    const [first] = this.#underWay
    if (this.#scheduled || first === undefined) return
    this.#scheduled = true
    this.#options.timeline.at(first.atMs, () => this.#arrived())
  }

  #arrived(): void {
    const { direction } = this.#options
    if (this.#cut) return
    if (direction.blocked) return direction.hold(() => this.#arrived())
    this.#scheduled = false
    const parcel = this.#underWay.shift()
    parcel?.arrive()
    this.#pump()
  }
}

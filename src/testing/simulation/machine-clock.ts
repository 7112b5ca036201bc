import type { ClockReading } from '../../core/time.ts'

/** One unit of what `os.uptime()` resolves. */
const UPTIME_UNIT_MS = 10
/** Closer than this a holder may take the clocks for undisturbed. */
const ALIKE_MS = 12

/**
 * The clocks of one computer, as functions of real time. They run at a rate of their own; while it is suspended the monotonic
 * clock stands still, and the wall clock and the time since boot go on.
 */
export class MachineClock {
  readonly rate: number
  readonly #monotonicAtZero: number
  readonly #wallAtZero: number
  #wallStepsMs = 0
  #suspendedMs = 0
  #suspendedAt: number | undefined
  /** By how much the wall clock had come apart from the monotonic one, each time that changed. */
  readonly #apartMs = [0]

  constructor(rate: number, monotonicAtZero: number, wallAtZero: number) {
    this.rate = rate
    this.#monotonicAtZero = monotonicAtZero
    this.#wallAtZero = wallAtZero
  }

  monotonicMs(real: number): number {
    const running = Math.min(real, this.#suspendedAt ?? real) - this.#suspendedMs
    return this.#monotonicAtZero + running * this.rate
  }

  wallMs(real: number): number {
    return this.#wallAtZero + real * this.rate + this.#wallStepsMs
  }

  reading(real: number): ClockReading {
    return {
      monotonicMs: this.monotonicMs(real),
      wallMs: this.wallMs(real),
      uptimeMs: () => Math.floor((this.#monotonicAtZero + real * this.rate) / UPTIME_UNIT_MS) * UPTIME_UNIT_MS,
    }
  }

  stepWall(byMs: number, real: number): void {
    this.#wallStepsMs += byMs
    this.#keepApart(real)
  }

  /**
   * A wall clock that is set back by just as long as the machine slept hides the sleep from whoever compares the two: outside of
   * what is promised (docs/limits.md), and here nudged a little further. A sleep that goes on counts as far as it has come: the
   * machine may wake at this instant.
   */
  #keepApart(real: number): void {
    const sleptMs = this.#suspendedMs + real - (this.#suspendedAt ?? real)
    const apart = () => sleptMs * this.rate + this.#wallStepsMs
    while (this.#apartMs.some((earlier) => Math.abs(earlier - apart()) <= ALIKE_MS))
      this.#wallStepsMs += 2 * ALIKE_MS + 1
    this.#apartMs.push(apart())
  }

  suspend(real: number): void {
    this.#suspendedAt ??= real
  }

  resume(real: number): void {
    if (this.#suspendedAt === undefined) return
    this.#suspendedMs += real - this.#suspendedAt
    this.#suspendedAt = undefined
    this.#keepApart(real)
  }
}

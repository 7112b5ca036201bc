/** What is known of one run. */
export interface ShrinkableRun {
  readonly violation?: { readonly invariant: string }
  readonly faultsForMs: number
}

/** Something of which a run may have less. */
export type Axis<Limits, Run> =
  | {
      readonly least: number
      /** What there is of it in a run. */
      list(run: Run, limits: Limits): readonly string[]
      limit(kept: readonly string[]): Limits
    }
  | { readonly least: number; count(run: Run): number; limitTo(count: number): Limits }

export interface Shrinking<Limits, Run extends ShrinkableRun> {
  run(limits: Limits): Run
  /** Just what was done in a run: what would have come after its end goes first. */
  done(run: Run): Limits
  /** Tried once, in this order, before the others. */
  readonly first: readonly Axis<Limits, Run>[]
  /** Tried again and again, as long as it helps. */
  readonly axes: readonly Axis<Limits, Run>[]
  shorter(faultsForMs: number): Limits
  /** At most so many runs. */
  readonly runs: number
}

export interface Shrunk<Limits, Run> {
  readonly limits: Limits
  readonly run: Run
  readonly runs: number
}

/** Finds limits within which a failing run still breaks the same invariant: fewer of everything, and less time. */
export const shrink = <Limits extends object, Run extends ShrinkableRun>(
  first: Run,
  begin: Limits,
  shrinking: Shrinking<Limits, Run>,
): Shrunk<Limits, Run> => new Shrinker(first, begin, shrinking).shrink()

class Shrinker<Limits extends object, Run extends ShrinkableRun> {
  readonly #shrinking: Shrinking<Limits, Run>
  readonly #invariant: string | undefined
  #ran = 1
  #limits: Limits
  #last: Run

  constructor(first: Run, limits: Limits, shrinking: Shrinking<Limits, Run>) {
    this.#shrinking = shrinking
    this.#invariant = first.violation?.invariant
    this.#last = first
    this.#limits = limits
  }

  shrink(): Shrunk<Limits, Run> {
    const { first, axes, runs, done } = this.#shrinking
    this.#try(done(this.#last))
    for (const axis of first) this.#along(axis)
    for (let before = -1; before !== this.#size() && this.#ran < runs; ) {
      before = this.#size()
      for (const axis of axes) this.#along(axis)
    }
    this.#shorten()
    return { limits: this.#limits, run: this.#last, runs: this.#ran }
  }

  #along(axis: Axis<Limits, Run>): void {
    if (!('list' in axis)) return this.#lower(axis.least, axis.count(this.#last), axis.limitTo)
    const all = axis.list(this.#last, this.#limits)
    this.#fewer(all, axis.least, axis.limit)
  }

  #size(): number {
    let size = 0
    for (const axis of this.#shrinking.axes) {
      size += 'list' in axis ? axis.list(this.#last, this.#limits).length : axis.count(this.#last)
    }
    return size
  }

  /** True when it still breaks the same; then this is what is shrunk further. */
  #try(fewer: Limits): boolean {
    if (this.#ran >= this.#shrinking.runs) return false
    this.#ran++
    const limits = { ...this.#limits, ...fewer }
    const run = this.#shrinking.run(limits)
    if (run.violation?.invariant !== this.#invariant) return false
    this.#last = run
    this.#limits = limits
    return true
  }

  /** Delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input): leaves out ever smaller parts. */
  #fewer(all: readonly string[], least: number, limit: (kept: readonly string[]) => Limits): void {
    let kept = all
    if (kept.length > least && least === 0 && this.#try(limit([]))) return
    for (let parts = 2; kept.length > Math.max(1, least); ) {
      const size = Math.ceil(kept.length / parts)
      const without = (from: number) => [...kept.slice(0, from), ...kept.slice(from + size)]
      const starts = Array.from({ length: Math.ceil(kept.length / size) }, (_, part) => part * size)
      // From the end: what came late is more often beside the point than what came first.
      const found = starts.reverse().find((from) => this.#try(limit(without(from))))
      if (found !== undefined) {
        kept = without(found)
        parts = Math.max(parts - 1, 2)
      } else if (size === 1 || this.#ran >= this.#shrinking.runs) return
      else parts = Math.min(parts * 2, kept.length)
    }
  }

  #lower(least: number, present: number, limit: (count: number) => Limits): void {
    for (let count = least; count < present; count++) if (this.#try(limit(count))) return
  }

  /** What is found only once everything has healed may be healed earlier. */
  #shorten(): void {
    const { shorter } = this.#shrinking
    for (let ms = this.#last.faultsForMs / 2; ms > 1 && this.#try(shorter(Math.ceil(ms))); ) ms /= 2
  }
}

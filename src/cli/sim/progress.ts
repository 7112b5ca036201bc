import type { SweepProgress } from '../../testing/sweep/running-sweep.ts'

/** Where progress is told. */
export interface ProgressIo {
  readonly write: (text: string) => void
  /** Of a terminal, whose last line is written over; undefined for a file or a pipe, which gets a line now and then. */
  readonly columns: (() => number) | undefined
  /** Calls back every so often; gives the function that ends it. */
  readonly every: (intervalMs: number, call: () => void) => () => void
}

const TERMINAL_EVERY_MS = 250
const LOG_EVERY_MS = 30_000
const BAR_COLUMNS = 10

/** Tells how far a sweep is, until it is ended. */
export class ProgressLine {
  readonly #io: ProgressIo
  readonly #end: () => void
  #last: SweepProgress | undefined
  #shown = false

  constructor(io: ProgressIo) {
    this.#io = io
    this.#end = io.every(io.columns === undefined ? LOG_EVERY_MS : TERMINAL_EVERY_MS, () => this.#show())
  }

  update(progress: SweepProgress): void {
    this.#last = progress
  }

  /** Leaves the terminal's line empty for whatever is said next. */
  end(): void {
    this.#end()
    if (this.#shown && this.#io.columns !== undefined) this.#io.write(CLEAR_LINE)
  }

  #show(): void {
    if (this.#last === undefined) return
    const { columns, write } = this.#io
    this.#shown = true
    if (columns === undefined) return write(`${describeProgress(this.#last)}\n`)
    // One column less: a line that is full makes some terminals begin another.
    write(`${CLEAR_LINE}${`${barOf(this.#last)} ${describeProgress(this.#last)}`.slice(0, Math.max(columns() - 1, 0))}`)
  }
}

const CLEAR_LINE = '\r\x1b[K'

const barOf = ({ seeds, seedsDone }: SweepProgress): string => {
  const full = Math.floor((seedsDone / seeds) * BAR_COLUMNS)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_COLUMNS - full)}]`
}

export const describeProgress = ({ seeds, seedsDone, events, violations, now }: SweepProgress): string => {
  const perSecond = Math.round(now.events / (Math.max(now.elapsedMs, 1) / 1000))
  const leftMs = now.seeds === 0 ? undefined : (now.elapsedMs / now.seeds) * (seeds - seedsDone)
  return [
    `${seedsDone} of ${seeds} seeds`,
    ...(leftMs === undefined ? [] : [`${roughTime(leftMs)} left`]),
    `${violations} ${violations === 1 ? 'violation' : 'violations'}`,
    `${short(events)} events`,
    `${short(perSecond)} a second`,
  ].join(', ')
}

/** `1234567` → `1.2M`. */
export const short = (count: number): string => {
  if (count < 10_000) return String(Math.round(count))
  if (count < 999_500) return `${Math.round(count / 1000)}k`
  if (count < 999_500_000) return `${(count / 1e6).toFixed(1)}M`
  return `${(count / 1e9).toFixed(2)}G`
}

/** `252000` → `4m12s`: with the two units that matter. */
export const roughTime = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}

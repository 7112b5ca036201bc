import type { Millis } from '../../core/time.ts'
import type { Validity } from './validity.ts'

/** What a wrapper tells its watchdog. `run` numbers the starts of the program, so that a late order cannot meet the next one. */
export type Order =
  | {
      readonly type: 'run'
      readonly run: number
      readonly command: readonly [string, ...string[]]
      /** Set for the program over the watchdog's own environment; `null` takes a variable out. */
      readonly env: Readonly<Record<string, string | null>>
      readonly validity: Validity
      /** How long before the end of its validity the program is asked to end (SIGTERM). */
      readonly leadMs: Millis
      /** How long after it was asked to end it is killed (SIGKILL), if the validity does not end before. */
      readonly graceMs: Millis
    }
  /** Opens the gate: the wrapper knows `started`, so it can kill the program whatever becomes of the watchdog. */
  | { readonly type: 'open'; readonly run: number }
  | { readonly type: 'extend'; readonly run: number; readonly validity: Validity }
  | { readonly type: 'stop'; readonly run: number }
  | { readonly type: 'kill'; readonly run: number }

/** What the watchdog tells its wrapper. */
export type Report =
  /** The process is there, and becomes the program at `open`. */
  | { readonly type: 'started'; readonly run: number; readonly pid: number }
  | { readonly type: 'failed'; readonly run: number; readonly code: string; readonly message: string }
  /** Something of it may not be signalled, or survives SIGKILL. Said once by each of the two who kill. */
  | { readonly type: 'unkillable'; readonly run: number; readonly pgid: number }
  /** Nothing of its process group is left. */
  | {
      readonly type: 'gone'
      readonly run: number
      readonly code: number | null
      readonly signal: string | null
      /** Who ended it: the program itself, an order or the end of the pipe, its own clock, or the wrapper for want of a watchdog. */
      readonly by: 'itself' | 'order' | 'lease' | 'loss'
    }

import type { Instant, Millis } from './time.ts'

/** What every machine takes besides its own inputs: `woke` at `wakeAt()`, `stalled` after this process stood still. */
export type Tick = { readonly type: 'woke' } | { readonly type: 'stalled'; readonly forMs: Millis }

/**
 * The one shape of everything that decides: time comes in, decisions go out as data, and nothing is awaited.
 * Whoever drives it performs the effects in order and calls back no later than `wakeAt()`.
 */
export interface Machine<Input, Effect, View> {
  step(input: Input | Tick, now: Instant): readonly Effect[]
  /** When to come back; `undefined` means that only an input can change anything. */
  wakeAt(): Instant | undefined
  /** A picture of the state that later steps do not change. */
  view(): View
}

/** States what must hold at this line. A failure is a fault of ours, never of the input. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${what}`)
}

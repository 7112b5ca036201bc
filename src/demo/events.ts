import type { Summary } from './summary.ts'

/** What the demo tells while it runs: a line each, for people or (`--json`) for programs. */
export type DemoEvent =
  | {
      readonly type: 'started'
      readonly dir: string
      readonly files: number
      readonly workers: number
      /** Of the demo's own; 0 where something else coordinates. */
      readonly servers: number
    }
  | { readonly type: 'listening'; readonly server: string; readonly url: string; readonly pid: number }
  /** A voter leads now; so long after the start, or after the one before was killed. */
  | { readonly type: 'led'; readonly server: string; readonly term: number; readonly afterMs: number }
  | { readonly type: 'leaderKilled'; readonly server: string; readonly pid: number }
  | { readonly type: 'joined'; readonly worker: string; readonly pid: number }
  | {
      readonly type: 'killed'
      readonly worker: string
      readonly pid: number
      readonly partitions: number
      /** It was the one that coordinated all of them. */
      readonly coordinated?: true
    }
  | { readonly type: 'frozen'; readonly worker: string; readonly pid: number; readonly partitions: number }
  | { readonly type: 'continued'; readonly worker: string; readonly pid: number; readonly frozenMs: number }
  | {
      readonly type: 'woke'
      readonly worker: string
      readonly stoodStillMs: number
      readonly before: number
      readonly now: number
    }
  /** From here on only where somebody watches and presses keys. */
  | { readonly type: 'cut'; readonly worker: string; readonly partitions: number }
  | { readonly type: 'healed'; readonly worker: string; readonly cutMs: number }
  | { readonly type: 'draining'; readonly worker: string; readonly partitions: number }
  | { readonly type: 'left'; readonly worker: string; readonly pid: number }
  | { readonly type: 'deploying'; readonly workers: number }
  | { readonly type: 'deployed'; readonly workers: number; readonly afterMs: number }
  | {
      readonly type: 'serverKilled' | 'serverFrozen' | 'serverContinued'
      readonly server: string
      readonly pid: number
    }
  /** Somebody asked for what cannot be done. */
  | { readonly type: 'refused'; readonly because: string }
  /** The work begins again, with the files that are there now. */
  | { readonly type: 'begun'; readonly round: number; readonly files: number }
  | RoundChecked
  /** Nothing more is begun: the last check comes. */
  | { readonly type: 'ending' }
  | { readonly type: 'lost'; readonly worker: string; readonly pid: number; readonly because: string }
  | {
      readonly type: 'whole'
      readonly afterMs: number
      /** How many partitions each member has. */
      readonly shares: Readonly<Record<string, number>>
      readonly moved: number
      readonly minimumMoves: number
    }
  | { readonly type: 'progress'; readonly done: number; readonly files: number }
  | { readonly type: 'unread'; readonly path: string; readonly reason: string }
  | { readonly type: 'output'; readonly file: string; readonly dir: string }
  | {
      readonly type: 'checked'
      readonly ok: boolean
      /** Files done once more by a later owner: harmless, since the result is keyed by path and the later epoch stands. */
      readonly again: number
      readonly claims: number
      readonly appeared: number
      /** What is wrong, if anything is. */
      readonly faults: readonly string[]
    }
  | Summary

/** The check of a round after the first. */
export interface RoundChecked {
  readonly type: 'round'
  readonly round: number
  readonly ok: boolean
  /** Of the list, so many were handed out: all of them, but in the round that is cut short. */
  readonly files: number
  readonly hashed: number
  readonly overlaps: number
  readonly claims: number
  readonly again: number
  /** What was done to the processes meanwhile. */
  readonly killed: number
  readonly frozen: number
  readonly cut: number
  readonly joined: number
  readonly deployed: number
  readonly faults: readonly string[]
}

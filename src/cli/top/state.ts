import type { Instant, Millis } from '../../core/time.ts'
import type { PeersView } from '../../ports/peers.ts'
import type { Leader } from '../leader.ts'
import type { Looking } from './looking.ts'
import type { Picture } from './picture.ts'

/** What is shown of a group that somebody has opened. */
export interface Opened {
  /** As `caucus watch` prints them, oldest first. */
  readonly events: readonly string[]
  /** Why there are none. */
  readonly problem?: string
}

/** Who leads, and when that was heard. */
export interface HeardLeader {
  readonly leader: Leader
  readonly atMs: Instant
  /** The longest that its lease was seen to be. */
  readonly fullMs: Millis
}

/** Everything that the screen depends on, besides its size. */
export interface TopState {
  readonly nowMs: Instant
  /** For people. */
  readonly clock: string
  readonly server: string
  /** The newest that a server said. */
  readonly picture?: Picture
  /** Of a cluster of peers. */
  readonly peers?: PeersView
  readonly led?: HeardLeader
  /** Why what is shown is old, and since when. */
  readonly lost?: { readonly why: string; readonly sinceMs: Instant }
  /** How many of a group's items have changed hands since this began. */
  readonly moved: ReadonlyMap<string, number>
  readonly looking: Looking
  readonly opened?: Opened
  /** Whether somebody can press keys. */
  readonly keys: boolean
}

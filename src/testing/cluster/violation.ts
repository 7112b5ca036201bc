import type { Millis } from '../../core/time.ts'
import type { DispatchInvariant } from '../simulation/violation.ts'

/**
 * What a cluster is judged by, by the names in docs/invariants.md. `Belief`, `Effect`, `G3`, `G5`, `G6`, `G7`, `E8`, `U1` to `U4`, and those of
 * topics (`P1` to `P6` and what belongs to them) are promises of this package, and with several peers `E4`, `E5`, `E9` and `Lead`: a
 * coordinator decides only while its peer leads. On etcd `Lead` is that nobody writes what a coordinator writes without being it, and `Order` that nothing comes back that something newer was said after. `Work` and `Program` are about the user's own program: two processes worked on one thing at one instant, or it
 * failed.
 */
export type ClusterInvariant =
  | 'Belief'
  | 'Effect'
  | 'Work'
  | 'Program'
  | 'Drain'
  | 'G3'
  | 'G5'
  | 'G6'
  | 'G7'
  | 'E4'
  | 'E5'
  | 'E8'
  | 'E9'
  | 'Lead'
  | 'Order'
  | 'U1'
  | 'U2'
  | 'U3'
  | 'U4'
  | DispatchInvariant
  | 'core'

/** Something that must never happen, and did. */
export interface ClusterViolation {
  readonly invariant: ClusterInvariant
  /** Simulated real time. */
  readonly atMs: Millis
  /** The process that it is about, where there is one. */
  readonly member: string | undefined
  /** With the names and the times of all that took part. */
  readonly message: string
}

/** The same break again and again says nothing new. */
const MOST = 50

/** What was found broken, in order. */
export class Findings {
  readonly #found: ClusterViolation[] = []
  readonly #nowMs: () => Millis
  readonly #tell: (violation: ClusterViolation) => void

  constructor(nowMs: () => Millis, tell: (violation: ClusterViolation) => void) {
    this.#nowMs = nowMs
    this.#tell = tell
  }

  get list(): readonly ClusterViolation[] {
    return this.#found
  }

  add(invariant: ClusterInvariant, member: string | undefined, message: string, atMs: Millis = this.#nowMs()): void {
    if (this.#found.length >= MOST || this.#found.some((known) => known.message === message)) return
    const violation: ClusterViolation = { invariant, atMs, member, message }
    this.#found.push(violation)
    this.#tell(violation)
  }
}

/** Rounded, with its thousands apart: `13 400 ms`. */
export const msText = (ms: Millis): string => `${String(Math.round(ms)).replaceAll(/\B(?=(\d{3})+$)/g, ' ')} ms`

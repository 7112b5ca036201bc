import type { Moved } from '../../client/share.ts'
import type { Epoch } from '../../core/lease.ts'
import type { Millis } from '../../core/time.ts'
import type { EventLoop } from './event-loop.ts'
import type { Timeline } from './timeline.ts'
import { type Findings, msText } from './violation.ts'

/** What somebody works on: the number of a partition, or a name of the program's own, such as a key. */
export type WorkItem = string | number

/** A claim to work on something, until it is ended. */
export interface Work extends Disposable {
  /** Says that the work is over. Disposing does the same. */
  end(): void
}

/** A drain as its handlers see it. */
export interface DrainRecord {
  readonly moved: Moved
  abortedAtMs: Millis | undefined
  /** Its handler has ended. */
  over: boolean
}

interface Claim {
  readonly who: string
  readonly loop: EventLoop
  readonly item: WorkItem
  readonly epoch: Epoch | undefined
  readonly sinceMs: Millis
  readonly drains: readonly DrainRecord[]
  open: boolean
  /** Who else worked on it meanwhile, first of all, and for how long altogether. */
  met: { readonly other: Claim; readonly fromMs: Millis; forMs: Millis } | undefined
}

interface Overlap {
  readonly earlier: Claim
  readonly later: Claim
  readonly fromMs: Millis
}

/** Shorter than this is the same instant. */
const INSTANT_MS = 1e-3

/**
 * The intervals in which the user's program says that it works on something. A process that stands still or is gone does not work. Two
 * processes that work on one thing at one instant are reported when the earlier claim has ended, with the handler that went on for too long.
 */
export class WorkBook {
  readonly #timeline: Timeline
  readonly #findings: Findings
  /** Off while clocks run outside what is promised. */
  readonly #promised: boolean
  readonly #claims = new Map<WorkItem, Set<Claim>>()
  readonly #overlaps = new Set<Overlap>()
  /** Those whose machine has just woken up. */
  readonly #graced = new Set<EventLoop>()

  constructor(timeline: Timeline, findings: Findings, promised: boolean) {
    this.#timeline = timeline
    this.#findings = findings
    this.#promised = promised
  }

  begin(who: string, loop: EventLoop, drains: readonly DrainRecord[], item: WorkItem, epoch: Epoch | undefined): Work {
    const sinceMs = this.#timeline.nowMs
    const claim: Claim = { who, loop, item, epoch, sinceMs, drains, open: true, met: undefined }
    const claims = this.#claims.get(item) ?? new Set()
    this.#claims.set(item, claims.add(claim))
    this.#meet(claim)
    const end = () => this.#end(claim)
    return { end, [Symbol.dispose]: end }
  }

  /**
   * This process runs again, in the middle of what it was doing. Counted from `graceMs` on: after a sleep of the machine its timers do not
   * know yet what the clock would say, so that it is told a moment late.
   */
  resumed(loop: EventLoop, graceMs: Millis): void {
    const meet = () => {
      for (const claims of this.#claims.values()) for (const claim of claims) if (claim.loop === loop) this.#meet(claim)
    }
    if (graceMs === 0) return meet()
    this.#graced.add(loop)
    this.#timeline.after(graceMs, () => {
      this.#graced.delete(loop)
      meet()
    })
  }

  /** This process stands still. */
  stopped(loop: EventLoop): void {
    for (const overlap of this.#overlaps) {
      if (overlap.earlier.loop === loop || overlap.later.loop === loop) this.#part(overlap)
    }
  }

  /** This process is gone. */
  forget(loop: EventLoop): void {
    for (const claims of this.#claims.values()) for (const claim of claims) if (claim.loop === loop) this.#end(claim)
  }

  /** What still goes on is reported as far as it went. */
  close(): void {
    for (const claims of this.#claims.values()) for (const claim of claims) this.#end(claim)
  }

  #meet(claim: Claim): void {
    for (const other of this.#claims.get(claim.item) ?? []) {
      if (other.loop === claim.loop || !this.#works(other) || !this.#works(claim)) continue
      const [earlier, later] = other.sinceMs <= claim.sinceMs ? [other, claim] : [claim, other]
      this.#overlaps.add({ earlier, later, fromMs: this.#timeline.nowMs })
    }
  }

  #works({ loop }: Claim): boolean {
    return loop.state === 'runs' && !this.#graced.has(loop)
  }

  #part(overlap: Overlap): void {
    this.#overlaps.delete(overlap)
    const { earlier, later, fromMs } = overlap
    const forMs = this.#timeline.nowMs - fromMs
    if (forMs < INSTANT_MS) return
    earlier.met ??= { other: later, fromMs, forMs: 0 }
    earlier.met.forMs += forMs
  }

  #end(claim: Claim): void {
    if (!claim.open) return
    claim.open = false
    for (const overlap of this.#overlaps) {
      if (overlap.earlier === claim || overlap.later === claim) this.#part(overlap)
    }
    const claims = this.#claims.get(claim.item)
    claims?.delete(claim)
    if (claims?.size === 0) this.#claims.delete(claim.item)
    if (claim.met !== undefined && this.#promised) this.#report(claim, claim.met)
  }

  #report(claim: Claim, { other, fromMs, forMs }: NonNullable<Claim['met']>): void {
    const { who, item } = claim
    const what = nameOf(item)
    const both = `${who} and ${other.who} both worked on ${what}, for ${msText(forMs)} from ${msText(fromMs)} on`
    const since = `${who} had begun at ${msText(claim.sinceMs)}, ${other.who} at ${msText(other.sinceMs)}`
    this.#findings.add('Work', who, `${both} (${since})${this.#overran(claim)}`, fromMs)
  }

  /** What was left of it after the drain that it belonged to had to end. */
  #overran({ who, drains, item, epoch }: Claim): string {
    const drain = drains.findLast(({ moved }) => covers(moved, item, epoch))
    if (drain?.abortedAtMs === undefined) return ''
    const forMs = msText(this.#timeline.nowMs - drain.abortedAtMs)
    const aborted = `the signal of its drain was aborted at ${msText(drain.abortedAtMs)}`
    return `: ${who} went on working on ${nameOf(item)} for ${forMs} after ${aborted}`
  }
}

const covers = (moved: Moved, item: WorkItem, epoch: Epoch | undefined): boolean => {
  if (typeof item === 'string') return moved.owns(item)
  return moved.partitions.includes(item) && (epoch === undefined || moved.epoch(item) === epoch)
}

const nameOf = (item: WorkItem): string => (typeof item === 'number' ? `partition ${item}` : `"${item}"`)

import { type Holding, type ShareKind, sameShare } from '../../core/group/messages.ts'
import { must } from './violation.ts'

/** What one process acts on, and until which real instant each of it lasts if nothing more happens. */
export interface Belief {
  readonly share: ShareKind
  readonly items: readonly { readonly holding: Holding; readonly end: number }[]
}

/** Two ends that differ by less are the same: real time is computed back from clocks with a rate. */
const ROUNDING_MS = 1e-6

/**
 * Who believes what in one group, exactly and in real time: not sampled, but as intervals. A belief is a function of the clock, so
 * two of them overlap if and only if, when the later one begins or is extended, the earlier one has not ended.
 */
export class Beliefs {
  readonly #group: string
  readonly #beliefs = new Map<string, Belief>()

  constructor(group: string) {
    this.#group = group
  }

  /** `undefined`: it is gone. A draining item counts, for as long as its holder may work on it. */
  update(process: string, belief: Belief | undefined, now: number): void {
    if (belief === undefined || belief.items.length === 0) {
      this.#beliefs.delete(process)
      return
    }
    this.#beliefs.set(process, belief)
    for (const [other, theirs] of this.#beliefs) {
      if (other !== process) this.#compare(process, belief, other, theirs, now)
    }
  }

  #compare(one: string, mine: Belief, other: string, theirs: Belief, now: number): void {
    const alike = mine.share !== 'index' && sameShare(mine.share, theirs.share)
    for (const { holding, end } of mine.items) {
      if (end <= now + ROUNDING_MS) continue
      for (const their of theirs.items) {
        if (their.end <= now + ROUNDING_MS) continue
        // Two partitions of one numbering are different things, and so are two places of as many. Everything else has keys in common.
        if (alike && their.holding.item !== holding.item) continue
        const slots = mine.share === 'index' && theirs.share === 'index'
        if (slots && their.holding.epoch === holding.epoch) {
          this.#compareSlots(one, holding, other, their.holding)
          continue
        }
        // A place may go on in a later view, of which not everybody has heard yet.
        if (slots && their.holding.of === holding.of && their.holding.item !== holding.item) continue
        const both = `${one} holds ${show(holding)} until ${end.toFixed(3)}, ${other} ${show(their.holding)} until ${their.end.toFixed(3)}`
        must(false, 'G4', () => `two believe at once in group ${this.#group}: ${both}`)
      }
    }
  }

  #compareSlots(one: string, mine: Holding, other: string, theirs: Holding): void {
    const both = () => `${one} holds ${show(mine)}, ${other} ${show(theirs)} in group ${this.#group}`
    must(mine.of === theirs.of, 'G2', () => `slots of one epoch differ in their total: ${both()}`)
    must(mine.item !== theirs.item, 'G2', () => `slots of one epoch have the same index: ${both()}`)
  }

  of(process: string): Belief | undefined {
    return this.#beliefs.get(process)
  }
}

export const show = ({ item, epoch, of }: Holding): string => `${item}${of === undefined ? '' : ` of ${of}`}@${epoch}`

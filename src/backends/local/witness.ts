import { isInSight, isRunning, type Owner } from '../../stores/owner.ts'
import type { Term } from './terms.ts'

/**
 * `held`: somebody is at work. `gone`: its process has ended, or its term. `unseen`: nothing is seen of it, or of anybody: it may run all the
 * same, and not know yet that its files are gone.
 */
export type TermState = 'held' | 'gone' | 'unseen'

/** So many looks in a row that see no sign of life are enough. Looks, and not time: whoever stood still itself has not looked. */
export const LOOKS = 5

/** Watches whoever has the term. One for each process that may have the next one. */
export class Witness {
  readonly #self: Owner
  #number = 0
  #touchedMs = 0
  #looks = 0

  constructor(self: Owner) {
    this.#self = self
  }

  /** What is known after one more look. `isCounted`: it comes long enough after the one before to be a look of its own. */
  async judge(term: Term | undefined, isCounted: boolean): Promise<TermState> {
    if (term?.owner === undefined) return term?.isOver === true ? 'gone' : 'unseen'
    const { number, owner, touchedMs, isOver } = term
    if (isOver) return 'gone'
    if (isInSight(owner, this.#self) && !(await isRunning(owner))) return 'gone'
    if (number !== this.#number || touchedMs !== this.#touchedMs) {
      this.#number = number
      this.#touchedMs = touchedMs
      this.#looks = 0
    } else if (isCounted) this.#looks++
    return this.#looks >= LOOKS ? 'unseen' : 'held'
  }
}

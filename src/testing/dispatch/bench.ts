import type { Random } from '../../core/random.ts'
import { RunBench } from '../simulation/run-bench.ts'
import type { DispatchConditions, DispatchFault } from './conditions.ts'
import { type Down, tellingOf, type Up } from './messages.ts'

/** What everything in one run of dispatch shares. */
export class DispatchBench extends RunBench<DispatchFault> {
  readonly conditions: DispatchConditions
  /** Of every reply that a handler really gave: nobody may be told another one. */
  readonly given = new Set<string>()
  #messages = 0

  constructor(conditions: DispatchConditions, random: Random, keepTrace: boolean, keepStory: boolean) {
    super(conditions.faults, random, keepTrace, keepStory)
    this.conditions = conditions
  }

  /** True when it is switched on and comes to pass this time. */
  happens(fault: DispatchFault, random: Random, chance: number): boolean {
    if (!this.has(fault) || random.next() >= chance) return false
    this.count(fault)
    return true
  }

  /** The number under which trace and story follow a message from its sender to its receiver. */
  sending(who: string, message: Up | Down): number {
    const number = ++this.#messages
    this.note(who, message.type, message, number)
    if (this.story !== undefined) this.tell({ who, kind: 'send', message: number, ...tellingOf(message) })
    return number
  }

  arriving(who: string, number: number, message: Up | Down): void {
    this.note(who, 'reads', message, number)
    if (this.story !== undefined) this.tell({ who, kind: 'receive', message: number, ...tellingOf(message) })
  }
}

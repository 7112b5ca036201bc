import type { CoordinatorMessage, MemberMessage } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'
import type { Conditions, FaultName } from './conditions.ts'
import { RunBench } from './run-bench.ts'
import { Teller } from './telling.ts'

/** What everything in one run of groups shares. */
export class Bench extends RunBench<FaultName> {
  readonly conditions: Conditions
  readonly teller = new Teller()
  #messages = 0

  constructor(conditions: Conditions, random: Random, keepTrace: boolean, keepStory = false) {
    super(conditions.faults, random, keepTrace, keepStory)
    this.conditions = conditions
  }

  /** The number under which the story follows a message from its sender to its receiver. */
  sending(who: string, message: MemberMessage | CoordinatorMessage): number {
    const number = ++this.#messages
    if (this.story !== undefined) this.tell({ who, kind: 'send', message: number, ...this.teller.message(message) })
    return number
  }

  arriving(who: string, number: number, message: MemberMessage | CoordinatorMessage): void {
    if (this.story !== undefined) this.tell({ who, kind: 'receive', message: number, ...this.teller.message(message) })
  }
}

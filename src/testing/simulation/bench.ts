import type { Random } from '../../core/random.ts'
import { Agenda } from './agenda.ts'
import type { Conditions, FaultName } from './conditions.ts'
import { Trace } from './trace.ts'

/** What everything in one run shares: time, chance, the conditions, the trace, and the count of faults. */
export class Bench {
  readonly conditions: Conditions
  readonly agenda = new Agenda()
  readonly trace: Trace
  readonly random: Random
  readonly faults = new Map<FaultName, number>()
  /** Steps of machines so far, which is what `step=` of a failure counts. */
  steps = 0
  /** While true, drawn faults may happen. */
  faulty = true

  constructor(conditions: Conditions, random: Random, keepTrace: boolean) {
    this.conditions = conditions
    this.random = random
    this.trace = new Trace(keepTrace)
  }

  get now(): number {
    return this.agenda.now
  }

  has(fault: FaultName): boolean {
    return this.faulty && this.conditions.faults.has(fault)
  }

  count(fault: FaultName): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  note(who: string, what: string, detail?: unknown, key = 0): void {
    this.trace.note(this.agenda.now, who, what, detail, key)
  }
}

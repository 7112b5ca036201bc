import type { CoordinatorMessage, MemberMessage } from '../../core/group/messages.ts'
import type { Random } from '../../core/random.ts'
import type { DiagramEvent } from '../diagram.ts'
import { Agenda } from './agenda.ts'
import type { Conditions, FaultName } from './conditions.ts'
import { Teller } from './telling.ts'
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
  /** What was done to the world, by name and number, in this order. */
  readonly deeds: string[] = []
  /** For a diagram; kept only where somebody asked for it. */
  readonly story: DiagramEvent[] | undefined
  readonly teller = new Teller()
  #messages = 0
  /** While true, drawn faults may happen. */
  faulty = true

  constructor(conditions: Conditions, random: Random, keepTrace: boolean, keepStory = false) {
    this.conditions = conditions
    this.random = random
    this.trace = new Trace(keepTrace)
    this.story = keepStory ? [] : undefined
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

  tell(event: Omit<DiagramEvent, 'at'>): void {
    this.story?.push({ at: this.agenda.now, ...event })
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

  note(who: string, what: string, detail?: unknown, key = 0): void {
    this.trace.note(this.agenda.now, who, what, detail, key)
  }
}

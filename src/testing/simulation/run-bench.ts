import type { Random } from '../../core/random.ts'
import type { DiagramEvent } from '../diagram.ts'
import { Agenda } from './agenda.ts'
import { Trace } from './trace.ts'

/** What everything in one run of any made-up world shares: time, chance, the trace, and the count of faults. */
export class RunBench<Fault extends string> {
  readonly agenda = new Agenda()
  readonly trace: Trace
  readonly random: Random
  readonly faults = new Map<Fault, number>()
  /** Steps of machines so far, which is what `step=` of a failure counts. */
  steps = 0
  /** What was done to the world, by name and number, in this order. */
  readonly deeds: string[] = []
  /** For a diagram; kept only where somebody asked for it. */
  readonly story: DiagramEvent[] | undefined
  readonly #switchedOn: ReadonlySet<Fault>
  /** While true, drawn faults may happen. */
  faulty = true

  constructor(switchedOn: ReadonlySet<Fault>, random: Random, keepTrace: boolean, keepStory: boolean) {
    this.#switchedOn = switchedOn
    this.random = random
    this.trace = new Trace(keepTrace)
    this.story = keepStory ? [] : undefined
  }

  get now(): number {
    return this.agenda.now
  }

  has(fault: Fault): boolean {
    return this.faulty && this.#switchedOn.has(fault)
  }

  count(fault: Fault): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  tell(event: Omit<DiagramEvent, 'at'>): void {
    this.story?.push({ at: this.agenda.now, ...event })
  }

  note(who: string, what: string, detail?: unknown, key = 0): void {
    this.trace.note(this.agenda.now, who, what, detail, key)
  }
}

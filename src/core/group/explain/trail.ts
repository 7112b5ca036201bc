import type { GroupPast, PastEvent } from '../past.ts'
import type { GroupEvent } from '../reasons.ts'
import { agoOf } from './words.ts'

/** An event of a certain type, and where in the past it stands. */
export interface Step<Event extends GroupEvent = GroupEvent> {
  readonly at: number
  readonly atMs: number
  readonly event: Event
}

type Of<Type extends GroupEvent['type']> = Extract<GroupEvent, { readonly type: Type }>

/** The past of a group, read backwards, and what of it was made use of. */
export class Trail {
  readonly #past: GroupPast
  readonly #used = new Set<number>()
  #fellShort = false

  constructor(past: GroupPast) {
    this.#past = past
  }

  /** What was cited, oldest first. */
  get cited(): readonly PastEvent[] {
    return this.#past.events.filter((_event, at) => this.#used.has(at))
  }

  /** When this was asked, by the wall clock of the coordinator. */
  get nowMs(): number {
    return this.#past.nowMs
  }

  /** Something was looked for that lies before what is known. */
  get fellShort(): boolean {
    return this.#fellShort
  }

  /** The latest event of one of these types, before another one if that is named, that is as wanted. */
  latest<Type extends GroupEvent['type']>(
    types: readonly Type[],
    { before, is = () => true }: { before?: Step | undefined; is?: (event: Of<Type>) => boolean } = {},
  ): Step<Of<Type>> | undefined {
    for (let at = (before?.at ?? this.#past.events.length) - 1; at >= 0; at--) {
      const { event, atMs } = this.#past.events[at] as PastEvent
      if (types.some((type) => type === event.type) && is(event as Of<Type>))
        return { at, atMs, event: event as Of<Type> }
    }
    return undefined
  }

  /** How many events there are, from `from` on, that are as wanted. */
  count(is: (event: GroupEvent) => boolean, from: number): number {
    let count = 0
    for (let at = from; at < this.#past.events.length; at++) if (is((this.#past.events[at] as PastEvent).event)) count++
    return count
  }

  /** What happened after `from` and before `to`, or until now. */
  between(from: Step, to?: Step): readonly Step[] {
    const after = from.at + 1
    return this.#past.events.slice(after, to?.at).map(({ atMs, event }, i) => ({ at: after + i, atMs, event }))
  }

  /** Names it as a part of the answer, and says when it was: `12 s ago (06:08:57 UTC)`. */
  when(step: Step): string {
    this.#used.add(step.at)
    return agoOf(step.atMs, this.#past.nowMs)
  }

  /** Names it as a part of the answer. */
  cite(step: Step | undefined): void {
    if (step !== undefined) this.#used.add(step.at)
  }

  /** Why something is not among what is known, as a part of a sentence. */
  lost(): string {
    this.#fellShort = true
    const { forgotten, more, sinceMs, nowMs } = this.#past
    if (forgotten || more) return 'the events before that are forgotten'
    return `this coordinator has recorded since ${agoOf(sinceMs, nowMs)} and knows nothing from before`
  }
}

import type { Answer, AskId, Ending, HubEffect, Reply } from '../../core/dispatch/messages.ts'
import { type DispatchInvariant, must, Violation } from '../simulation/violation.ts'
import type { KnownAsk } from './known-ask.ts'

type OfAsk = Extract<HubEffect, { asker: unknown } | { type: 'heard' }>
type AboutAsk = Exclude<OfAsk, { type: 'refused' }>

/** Something that the present step must bring about for one ask. */
export type Expectation =
  | { readonly type: 'request'; readonly known: KnownAsk }
  | { readonly type: 'answered'; readonly answer: Answer }
  | { readonly type: 'heard'; readonly reply: Reply; readonly listeners: readonly number[] }
  | { readonly type: 'cancel'; readonly known: KnownAsk }
  | { readonly type: 'finished'; readonly known: KnownAsk; readonly ending: Ending; readonly byTime: boolean }

/**
 * What one step must bring about: for each ask in this order, and no more than that. Which ask comes first is the hub's affair, but answers
 * stay in the order in which they came.
 */
export class Expectations {
  readonly #ofAsks = new Map<AskId, Expectation[]>()
  readonly #answers: Answer[] = []
  readonly #fenced = new Set<number>()
  readonly #refused = new Set<number>()

  add(ask: AskId, expectation: Expectation): void {
    if (expectation.type === 'answered') this.#answers.push(expectation.answer)
    const queue = this.#ofAsks.get(ask)
    if (queue === undefined) this.#ofAsks.set(ask, [expectation])
    else queue.push(expectation)
  }

  /** This registration loses its id to another one. */
  fencing(producer: number): void {
    this.#fenced.add(producer)
  }

  refusal(key: number): void {
    this.#refused.add(key)
  }

  fenced(producer: number): void {
    must(this.#fenced.delete(producer), 'Roster', () => `producer ${producer} is fenced, and nobody took its id`)
  }

  refused(key: number): void {
    must(this.#refused.delete(key), 'Count', () => `${key} is refused, and there is room for it`)
  }

  /** What this effect is to be like. `isOpen`: its ask goes on after this step. */
  next(effect: AboutAsk, isOpen: boolean): Expectation {
    const queue = this.#ofAsks.get(effect.ask)
    const next = queue?.shift()
    if (queue?.length === 0) this.#ofAsks.delete(effect.ask)
    must(!this.#refused.has(effect.ask), 'Count', () => `ask ${effect.ask} is taken, and there is no room for it`)
    if (next?.type !== effect.type) throw mismatch(effect, next, isOpen)
    if (next.type === 'answered') {
      must(this.#answers.shift() === next.answer, 'Truth', () => `an answer to ask ${effect.ask} overtook another one`)
    }
    return next
  }

  /** The step is over: whatever it should have brought about is there. */
  end(): void {
    for (const [ask, queue] of this.#ofAsks) {
      // That those at work are not called off matters less than that it has not ended at all.
      const missing = queue.find(({ type }) => type === 'finished') ?? queue[0]
      if (missing !== undefined) throw new Violation(brokenBy(missing), `ask ${ask}: ${missing.type} did not come`)
    }
    must(this.#fenced.size === 0, 'Roster', () => `${[...this.#fenced]} lost their ids, and were not told`)
    must(this.#refused.size === 0, 'Count', () => `${[...this.#refused]} are beyond a limit, and were not refused`)
  }
}

const mismatch = (effect: AboutAsk, next: Expectation | undefined, isOpen: boolean): Violation => {
  const what = `ask ${effect.ask}: ${effect.type}`
  if (next !== undefined) {
    const early = effect.type === 'heard' || (effect.type === 'finished' && next.type !== 'cancel')
    const invariant = early ? (effect.type === 'heard' ? 'Heard' : 'P1') : brokenBy(next)
    return new Violation(invariant, `${what} came, where ${next.type} should have come`)
  }
  if (!isOpen) return new Violation('P2', `${what} came when it was over`)
  if (effect.type === 'finished' || effect.type === 'cancel') return new Violation('P1', `${what} came, and it goes on`)
  const invariant = effect.type === 'heard' ? 'Heard' : effect.type === 'request' ? 'P3' : 'Truth'
  return new Violation(invariant, `${what} came for nothing`)
}

/** What is broken when it does not come. */
const brokenBy = (expectation: Expectation): DispatchInvariant => {
  switch (expectation.type) {
    case 'request':
      return 'Roster'
    case 'answered':
      return 'Truth'
    case 'heard':
      return 'Heard'
    case 'cancel':
      return 'Turn'
    case 'finished':
      if (expectation.ending === 'nobody') return 'P6'
      return expectation.byTime ? 'P5' : 'P1'
  }
}

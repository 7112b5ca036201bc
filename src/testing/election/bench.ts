import type { PeerMessage } from '../../core/election/messages.ts'
import type { Random } from '../../core/random.ts'
import { RunBench } from '../simulation/run-bench.ts'
import type { ElectionConditions, ElectionFault } from './conditions.ts'

/** What everything in one run shares. */
export class ElectionBench extends RunBench<ElectionFault> {
  readonly conditions: ElectionConditions
  #messages = 0

  constructor(conditions: ElectionConditions, random: Random, keepTrace: boolean, keepStory: boolean) {
    super(conditions.faults, random, keepTrace, keepStory)
    this.conditions = conditions
  }

  nextMessage(): number {
    return ++this.#messages
  }
}

/** A number that stands for a message in the hash of the trace. */
export const keyOf = (message: PeerMessage): number => {
  const term = 'term' in message ? message.term : 0
  const round = 'round' in message ? message.round : 0
  return Number(term) * 4099 + Number(round) * 7
}

/** A word or two, for a diagram. */
export const wordsOf = (message: PeerMessage): string => {
  const term = 'term' in message ? ` ${message.term}` : ''
  // Counted from where its process began, which is anywhere.
  const round = 'round' in message ? `.${message.round % 2 ** 20}` : ''
  const granted = 'granted' in message ? (message.granted ? ' yes' : ` no, ${message.ownTerm}`) : ''
  const over = message.type === 'vote' && message.overriding !== undefined ? ` over ${message.overriding.term}` : ''
  return `${message.type}${term}${round}${granted}${over}`
}

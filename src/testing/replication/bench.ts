import type { Random } from '../../core/random.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import { RunBench } from '../simulation/run-bench.ts'
import type { ReplicationConditions, ReplicationFault } from './conditions.ts'

/** What everything in one run shares. */
export class ReplicationBench extends RunBench<ReplicationFault> {
  readonly conditions: ReplicationConditions
  #messages = 0

  constructor(conditions: ReplicationConditions, random: Random, keepTrace: boolean, keepStory: boolean) {
    super(conditions.faults, random, keepTrace, keepStory)
    this.conditions = conditions
  }

  nextMessage(): number {
    return ++this.#messages
  }
}

/** A number that stands for a message in the hash of the trace. */
export const keyOf = (message: ReplicaMessage): number => {
  const term = 'term' in message ? message.term : 0
  const round = 'round' in message ? message.round : 0
  const entry = 'entry' in message && message.entry ? message.entry.term * 31 + message.entry.version : 0
  return Number(term) * 4099 + Number(round) * 7 + Number(entry)
}

/** A word or two, for a diagram. */
export const wordsOf = (message: ReplicaMessage): string => {
  const term = 'term' in message ? ` ${message.term}` : ''
  const version = 'version' in message ? `.${message.version}` : ''
  const entry = 'entry' in message && message.entry ? ` [${message.entry.term}.${message.entry.version}]` : ''
  // Counted from where its leader began, which is anywhere.
  const round = 'round' in message ? ` #${message.round % 2 ** 20}` : ''
  const promised = 'promised' in message ? ` promised ${message.promised}` : ''
  const blank = message.type === 'recovered' && message.blank ? ' blank' : ''
  return `${message.type}${term}${version}${entry}${round}${promised}${blank}`
}

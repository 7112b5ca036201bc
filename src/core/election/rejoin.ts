import type { Millis } from '../time.ts'
import { foundingIdOf, storeOf } from './founding.ts'
import type { Founding, Pair, PeerMessage, Term } from './messages.ts'

type Answer = Extract<PeerMessage, { type: 'rejoined' }>

/** What an empty voter begins again with. */
export interface Restored {
  readonly founding: Founding
  readonly term: Term
  readonly promiseMs: Millis
}

/**
 * A voter whose disk is lost may have voted for somebody and promised something, and knows none of it. The others do: whoever it voted
 * for is at that term, and whoever it promised something to has promised itself as much. So it waits until *all* of them have durably
 * put its new store in the place of the old one, which thereby has no vote any more, and have said what they know.
 */
export class Rejoin {
  /** What answers must quote: those to an earlier attempt say what was, not what is. */
  readonly nonce: string
  readonly #self: string
  readonly #willing = new Set<string>()
  readonly #answers = new Map<string, Answer>()

  constructor(own: string, nonce: string) {
    this.#self = own
    this.nonce = nonce
  }

  /** One that could put this store in the place of the old one. */
  admissible(id: string, nonce: string): void {
    if (nonce === this.nonce) this.#willing.add(id)
  }

  /** All could, so nobody is left with a store replaced by one that others do not take. */
  mayCommit(voters: readonly string[]): boolean {
    return voters.every((id) => id === this.#self || this.#willing.has(id))
  }

  answered(message: Answer): void {
    const { id, storeId } = message.sender
    if (message.nonce === this.nonce) this.#answers.set(`${id} ${storeId}`, message)
  }

  missing(voters: readonly string[]): string[] {
    const answered = new Set([...this.#answers.values()].map(({ sender }) => sender.id))
    return voters.filter((id) => id !== this.#self && !answered.has(id))
  }

  /** What to begin again with, once all others have answered and agree about who they are. */
  restored(voters: readonly string[], storeId: string): Restored | undefined {
    const all = [...this.#answers.values()]
    const retired = unique(all.flatMap((answer) => answer.founding.retired))
    // One whose own place was taken says what was true once, and does not keep anybody's old store from voting.
    const answers = all.filter(({ sender }) => !retired.some((pair) => samePair(pair, sender)))
    const [first] = answers
    if (first === undefined || answers.length !== voters.length - 1) return undefined
    if (!answers.every((answer) => answers.every((other) => agree(answer, other)))) return undefined
    const stores = voters.map((id) => ({
      id,
      storeId: id === this.#self ? storeId : (storeOf(first.founding.stores, id) ?? ''),
    }))
    return {
      founding: { ...first.founding, stores, retired },
      term: Math.max(...answers.map(({ term }) => term)),
      promiseMs: Math.max(...answers.map(({ promiseMs }) => promiseMs)),
    }
  }
}

const samePair = (a: Pair, b: Pair): boolean => a.id === b.id && a.storeId === b.storeId

const unique = (pairs: readonly Pair[]): Pair[] =>
  pairs.filter((pair, index) => pairs.findIndex((other) => samePair(other, pair)) === index)

/** One founding, and each takes the other for who it says it is. */
const agree = (one: Answer, other: Answer): boolean =>
  foundingIdOf(one.founding) === foundingIdOf(other.founding) &&
  storeOf(one.founding.stores, other.sender.id) === other.sender.storeId

/** Why a store may not take the place of the one that is known; `undefined`: it may, or it has already. */
export const replacementFault = (
  founding: Founding,
  { id, storeId }: { readonly id: string; readonly storeId: string },
  knownIsAlive: boolean,
): 'anotherStore' | 'placeTaken' | undefined => {
  if (storeOf(founding.stores, id) === storeId) return undefined
  if (founding.retired.some((pair) => pair.id === id && pair.storeId === storeId)) return 'anotherStore'
  return knownIsAlive ? 'placeTaken' : undefined
}

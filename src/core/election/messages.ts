import { type Generation, MAX_GENERATION } from '../lease.ts'
import type { Random } from '../random.ts'
import type { Millis } from '../time.ts'

/** Rises with every election. Durable before it is used, where there is a store. */
export type Term = number

/** The largest term. With the largest base it still makes a generation. */
export const MAX_TERM: Term = 2 ** 30
/** The largest base: seconds of the wall clock until 2071. */
export const MAX_BASE: Generation = MAX_GENERATION - MAX_TERM
/** How far ahead of one's own a term may be. Farther is refused, so that one message cannot use up the numbers. */
export const MAX_TERM_LEAD = 2 ** 16

/** One run of one voter's process. */
export interface Boot {
  readonly id: string
  readonly bootId: string
}

/** One process, as the leader of one term. The process counts: where nothing is written down, a term may have had another. */
export interface Leader extends Boot {
  readonly term: Term
}

/** A voter, and the store that it is known by. */
export interface Pair {
  readonly id: string
  readonly storeId: string
}

/**
 * What makes some processes one cluster, written once by all of them: who the voters were when all were new, and the base of every token.
 * It is known by its original pairs, which never change.
 */
export interface Founding {
  readonly base: Generation
  /** In the order of the voters. */
  readonly original: readonly Pair[]
  /** The store of each voter now: another one than the original where a disk was lost. */
  readonly stores: readonly Pair[]
  /** Stores that were replaced: they never come back, whatever late message asks for it. */
  readonly retired: readonly Pair[]
}

/** Who says something, in every message. A link may carry it once, as long as each message comes with it in the end. */
export interface Sender extends Boot {
  readonly cluster: string
  /** The identity of the configuration (voters.ts). */
  readonly voters: string
  /** Empty without a store, and of observers. */
  readonly storeId: string
  /** The identity of the founding that it adopted, if it did. */
  readonly founding?: string | undefined
}

export type RefusalReason =
  | 'anotherCluster'
  | 'otherVoters'
  | 'anotherStore'
  | 'anotherFounding'
  | 'notAVoter'
  | 'ownId'
  | 'malformed'
  | 'termTooFarAhead'
  | 'placeTaken'
  | 'anotherLeader'

/** Whether a vote is, or would be, given for what `round` of the candidate asked. */
interface Answer {
  /** As asked. */
  readonly term: Term
  readonly round: number
  readonly granted: boolean
  readonly ownTerm: Term
}

export type PeerBody =
  /** First start: I have a store, and no founding. */
  | { readonly type: 'new'; readonly base: Generation }
  /** I have adopted this one. `complete`: so has every voter. */
  | { readonly type: 'founding'; readonly founding: Founding; readonly complete: boolean }
  /** My disk is lost. Would you take this store for mine? With `commit`: do, and tell me what I may have voted and promised. */
  | { readonly type: 'rejoin'; readonly nonce: string; readonly commit: boolean }
  | { readonly type: 'admissible'; readonly nonce: string }
  | {
      readonly type: 'rejoined'
      readonly nonce: string
      readonly founding: Founding
      readonly term: Term
      readonly promiseMs: Millis
    }
  /** Would you vote for me in this term? Nothing changes by the question. */
  | { readonly type: 'preVote'; readonly term: Term; readonly round: number }
  | ({ readonly type: 'preVoted' } & Answer)
  /** `overriding`: that leader has let go of its term, so promises to it do not count any more. */
  | { readonly type: 'vote'; readonly term: Term; readonly round: number; readonly overriding?: Leader | undefined }
  | ({ readonly type: 'voted' } & Answer)
  | {
      readonly type: 'beat'
      readonly term: Term
      readonly round: number
      /** Asked for: for so long nobody else is to be elected. */
      readonly promiseMs: Millis
      /** Whether its lease ran when it sent this. */
      readonly leads: boolean
      readonly generation: Generation
      /** A tether with whom this is for, open when it was sent: its end is the end of this term's leader. */
      readonly tether?: string | undefined
    }
  | {
      readonly type: 'acked'
      readonly term: Term
      readonly round: number
      /** Given: from when the heartbeat was processed. */
      readonly promiseMs: Millis
      /** Whether it could be elected now: it does not sit out, and does not stop. */
      readonly eligible: boolean
      /** As the heartbeat named it: the promise counts no longer than this tether lasts. */
      readonly tether?: string | undefined
    }
  /** The heartbeat came from an earlier term than mine. */
  | { readonly type: 'outranked'; readonly term: Term; readonly round: number; readonly ownTerm: Term }
  /** I have let go of this term: be elected above it at once. */
  | { readonly type: 'timeoutNow'; readonly term: Term }
  /** I have no vote, and want to know who leads. */
  | { readonly type: 'observe' }
  | { readonly type: 'refused'; readonly because: RefusalReason }

export type PeerMessage = PeerBody & { readonly sender: Sender }

/**
 * From where a process numbers what it asks. By chance, so that no other one asks under the same numbers: where there are two under one
 * id, an answer to one of them may reach the other, and must not count there.
 */
export const firstRound = (random: Random): number => random.below(2 ** 31) * 2 ** 20

export const sameLeader = (a: Leader | undefined, b: Leader | undefined): boolean =>
  sameBoot(a, b) && a?.term === b?.term

export const sameBoot = (a: Boot | undefined, b: Boot | undefined): boolean =>
  a !== undefined && b !== undefined && a.id === b.id && a.bootId === b.bootId

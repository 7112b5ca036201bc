import type { Sender, Term } from '../election/messages.ts'
import type { Foundation } from '../group/foundation.ts'

/** What a coordinator that may run on any voter must find again, wherever the next one runs. */
export interface Charter {
  /** Names the cluster to its members, whoever leads; made up by the first leader. */
  readonly instanceId: string
  readonly foundation: Foundation
}

/** One value of the charter. Ordered by term, then by version: the later one counts. */
export interface Entry {
  readonly term: Term
  readonly version: number
  readonly charter: Charter
}

/** What a voter must find again: the highest term to whose leader it answered, and what it accepted last. */
export interface ReplicaRecord {
  /** Of the voter's store, as its election knows it: another one than that was put into a directory that is not its own. */
  readonly storeId: string
  readonly promised: Term
  readonly entry?: Entry | undefined
}

/**
 * A register on a majority, in the manner of Paxos with terms as ballots: a new leader collects what a majority has accepted, which
 * shuts out every earlier leader, and stores what it makes of the latest.
 */
export type ReplicaBody =
  /** From the leader of `term`: tell me what you have, and take nothing of an earlier leader any more. */
  | { readonly type: 'collect'; readonly term: Term; readonly round: number }
  | { readonly type: 'collected'; readonly term: Term; readonly round: number; readonly entry?: Entry | undefined }
  | { readonly type: 'store'; readonly round: number; readonly entry: Entry }
  /** It is durable here, or a later one of the same term is. */
  | { readonly type: 'stored'; readonly round: number; readonly term: Term; readonly version: number }
  /** A later leader was answered here already; or, where nothing is written down, another process in the same term. */
  | { readonly type: 'superseded'; readonly term: Term; readonly round: number; readonly promised: Term }
  /** My disk is blank: what do you have? What I said before under another boot id counts no more. */
  | { readonly type: 'recover'; readonly nonce: string }
  | {
      readonly type: 'recovered'
      readonly nonce: string
      /** It has nothing to tell, because it is blank itself. */
      readonly blank: boolean
      readonly promised: Term
      readonly entry?: Entry | undefined
    }

export type ReplicaMessage = ReplicaBody & { readonly sender: Sender }

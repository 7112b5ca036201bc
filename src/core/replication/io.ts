import type { PeerAddress } from '../election/io.ts'
import type { Sender, Term } from '../election/messages.ts'
import type { Ticket } from '../election/record.ts'
import type { Random } from '../random.ts'
import type { Millis } from '../time.ts'
import type { Charter, Entry, ReplicaMessage, ReplicaRecord } from './messages.ts'

export interface ReplicaOptions {
  readonly id: string
  readonly bootId: string
  /** All of them, with this one. */
  readonly voters: readonly string[]
  /** Without one nothing is durable, and a term may have had another leader: the process of it counts. */
  readonly store: boolean
  /** How often what was not answered is said again. */
  readonly retryMs: Millis
  readonly random: Random
}

export type ReplicaInput =
  /** The election lets this voter take part: its standing is known. `record`: what the store holds of the replica. */
  | { readonly type: 'started'; readonly self: Sender; readonly record?: ReplicaRecord | undefined }
  /** Of somebody whom the election lets in. */
  | { readonly type: 'message'; readonly from: PeerAddress; readonly message: ReplicaMessage }
  | { readonly type: 'persisted'; readonly ticket: Ticket }
  | { readonly type: 'persistFailed'; readonly ticket: Ticket }
  /** This voter was elected. Answered by `led`, once a majority has said what it has. */
  | { readonly type: 'lead'; readonly term: Term }
  /** After `led`. Answered by `saved`, once a majority holds it, or by `failed`. */
  | { readonly type: 'save'; readonly request: number; readonly charter: Charter }
  /** It does not lead any more. */
  | { readonly type: 'retire' }

export type ReplicaEffect =
  | { readonly type: 'persist'; readonly ticket: Ticket; readonly record: ReplicaRecord }
  /** `to` a voter's id, or what a message came `from`. With `after`: not before that ticket is durable. */
  | {
      readonly type: 'send'
      readonly to: PeerAddress
      readonly message: ReplicaMessage
      readonly after?: Ticket | undefined
    }
  /** What the next charter has to be made of; without an entry there has never been one. */
  | { readonly type: 'led'; readonly term: Term; readonly entry?: Entry | undefined }
  | { readonly type: 'saved'; readonly request: number }
  /** Nobody knows whether it holds: a later leader may find it. */
  | { readonly type: 'failed'; readonly request: number; readonly because: 'superseded' | 'retired' }
  /** A later leader was heard of: whoever leads here does so no more. */
  | { readonly type: 'superseded'; readonly term: Term }

export interface ReplicaView {
  /** It has to learn from all others first what it once knew. */
  readonly blank: boolean
  readonly waitingFor: readonly string[]
  readonly promised: Term
  readonly entry?: Entry | undefined
}

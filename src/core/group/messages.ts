import type { Epoch, Generation } from '../lease.ts'
import type { Millis } from '../time.ts'

/**
 * What a group splits: one numbered place per member, a fixed number of partitions, or (`tenure`) one thing that is had by one member at a
 * time, for which the others wait: an election, a lock. Or (`once`) one thing that is had by one member, and by nobody ever after. Or nothing
 * at all (`none`), of a service, whose members only want to be found.
 */
export type ShareKind = 'index' | 'tenure' | 'once' | 'none' | { readonly partitions: number }

/** How the only run of something ended, in the words of whoever ran it, with the token that it ran under. */
export interface Ran {
  readonly token: Epoch
  readonly outcome: 'done' | 'failed'
}

/** The same in the words of the coordinator. `lost`: whoever ran it was not heard to the end. `unknown`: it may have run before anybody here knew. */
export type Conclusion = Ran['outcome'] | 'lost' | 'unknown'

/** (generation, n) of the coordinator that admitted this process, as one rising number: a newer one fences an older. */
export type Incarnation = number

/**
 * One thing held at one epoch. In a group of partitions `item` is the partition, from 0; a tenure is item 0.
 * In a group of indexes it is the index, from 1, `of` the total, and `epoch` that of the view.
 */
export interface Holding {
  readonly item: number
  readonly epoch: Epoch
  readonly of?: number
}

/**
 * Join, renewal, claim and acknowledgement in one. Without `generation` it is a join; with the generation of a coordinator
 * that does not know the session yet, it is a claim to what is listed.
 */
export interface Renew {
  readonly type: 'renew'
  readonly group: string
  readonly member: string
  /** Random, one per membership: a repeated join with the same one is the same join. */
  readonly bootId: string
  /** Rises with every message of this membership. A grantor ignores an older one. */
  readonly sequence: number
  /** The order number of the last answer that was applied; 0 before the first. */
  readonly order: number
  readonly incarnation?: Incarnation
  readonly generation?: Generation
  /** What the member expects; with anything held or drained, what that is a part of. */
  readonly share?: ShareKind
  readonly metadata?: unknown
  /** Of partitions, how many times the part of a member of weight 1: a whole number from 0. Unsaid, it stays as it is, at first 1. */
  readonly weight?: number
  /** Its place is kept for a grace when it stops, so that its restart moves nothing else. Unsaid, it stays as it is, at first false. */
  readonly static?: boolean
  /** On its way out: it finishes what it has, and is given nothing more. */
  readonly leaving?: boolean
  readonly holding: readonly Holding[]
  readonly draining: readonly Holding[]
  readonly acknowledged: readonly Holding[]
}

/** Sent after everything was dropped: it acknowledges that this incarnation believes nothing any more. */
export interface Leave {
  readonly type: 'leave'
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly incarnation: Incarnation
  readonly sequence: number
  /** How its run ended, where that was the only one. */
  readonly ran?: Ran
}

/** The first thing a coordinator says on a link, and again whenever its generation changed. */
export interface Hello {
  readonly type: 'hello'
  readonly protocol: number
  readonly clusterId: string
  readonly instanceId: string
  readonly generation: Generation
}

/** A member's whole share, as an answer or pushed: the same message, so that a lost push is repaired by the next answer. */
export interface ShareMessage {
  readonly type: 'share'
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly generation: Generation
  readonly incarnation: Incarnation
  /** The last renewal of this member that was processed: the lease runs from the send of that one. */
  readonly sequence: number
  /**
   * The last message of this member of which the words were taken, where that is not the one that its lease runs from: elsewhere a renewal
   * may be a look at what lies there, which says nothing. Default: `sequence`.
   */
  readonly heard?: number
  /** Rises over answers and pushes of one session. */
  readonly order: number
  readonly state: GroupState
  /** The epoch of the group's view. */
  readonly epoch: Epoch
  readonly leaseMs: Millis
  /** How many members the group has. */
  readonly members: number
  readonly share: ShareKind
  readonly holding: readonly Holding[]
  /** To be let go: drained, then acknowledged. An item in neither list is not renewed any more. */
  readonly revoked: readonly Holding[]
}

/** Final for this membership unless `retriable`. */
export interface Refused {
  readonly type: 'refused'
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly code: RefusalCode
  readonly message: string
}

/** Answers a leave, also one of somebody who is not there any more. */
export interface Left {
  readonly type: 'left'
  readonly group: string
  readonly member: string
  readonly bootId: string
}

/** Answers everybody who wants to run, or ran, what runs only once, when that is over. Nobody has a session there any more. */
export interface Concluded {
  readonly type: 'concluded'
  readonly group: string
  readonly member: string
  readonly bootId: string
  readonly conclusion: Conclusion
}

export type RefusalCode =
  | 'CAUCUS_FENCED'
  | 'CAUCUS_FORBIDDEN'
  | 'CAUCUS_CONFLICT'
  | 'CAUCUS_OVERLOADED'
  | 'CAUCUS_PROTOCOL'
  | 'CAUCUS_INVALID_ARGUMENT'
  | 'CAUCUS_UNAVAILABLE'

export type GroupState = 'settling' | 'settled'
export type MemberMessage = Renew | Leave
export type CoordinatorMessage = Hello | ShareMessage | Refused | Left | Concluded

/** The version of everything in this file. What older peers say and hear is translated in `wire`, never here. */
export const PROTOCOL = 2

export const sameShare = (a: ShareKind, b: ShareKind): boolean =>
  typeof a === 'string' || typeof b === 'string' ? a === b : a.partitions === b.partitions

/** A tenure's only item. */
export const TENURE = 0

/** How many things there are that are held one by one; of indexes there are as many as members. */
export const itemsIn = (share: Exclude<ShareKind, 'index'>): number => {
  if (typeof share === 'object') return share.partitions
  return share === 'tenure' || share === 'once' ? 1 : 0
}

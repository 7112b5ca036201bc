import type { Epoch } from '../lease.ts'
import type { Instant } from '../time.ts'
import type { Holding, Incarnation, Renew } from './messages.ts'
import type { Because } from './reasons.ts'

/** Where answers and pushes to a member go: a link, or one HTTP request. Opaque to the core. */
export type Address = string | number

/** What a coordinator knows of one member process. */
export interface Session {
  readonly id: string
  readonly bootId: string
  readonly incarnation: Incarnation
  /** It came with claims from an earlier coordinator, whose lease may have been longer than ours. */
  readonly adopted: boolean
  /** An operator has it drained. It stays a member, and is given nothing. */
  drained: boolean
  /** On its way out: it is given nothing, and cannot come back as the process that it is. */
  leaving: boolean
  weight: number
  static: boolean
  address: Address
  /** Of the last message that was processed; older ones are ignored. */
  sequence: number
  /** Of the last answer or push. */
  order: number
  metadata: unknown
  /** Whose word it is that it is there: its own, said again and again; somebody else's; or, that it has gone, somebody else's. */
  presence: 'renewed' | 'vouched' | 'gone'
  /** When its last renewal was processed: the leases that it may believe in run from before this. Of whoever is vouched for: `lastRenewedAt`. */
  renewedAt: Instant
  /** When it counts as gone. Patience: moved by our own stalls, unlike the end of its leases. */
  expiresAt: Instant
  readonly tenures: Map<number, Tenure>
}

/** As long as somebody vouches for it, it may renew at any moment by what it was told before, without a word. */
export const lastRenewedAt = (
  { presence, renewedAt }: Pick<Session, 'presence' | 'renewedAt'>,
  now: Instant,
): Instant => (presence === 'vouched' ? now : renewedAt)

/** A member as it comes, holding nothing yet. */
export const openSession = (
  { member, bootId, sequence, metadata, weight = 1, static: isStatic = false, leaving = false }: Renew,
  address: Address,
  known: Pick<Session, 'incarnation' | 'adopted' | 'drained' | 'renewedAt' | 'expiresAt'>,
): Session => ({
  id: member,
  bootId,
  address,
  sequence,
  order: 0,
  metadata,
  leaving,
  weight,
  static: isStatic,
  presence: 'renewed',
  tenures: new Map(),
  ...known,
})

/** One item in one session's hands, from the grant until nobody can believe in it any more. */
export interface Tenure {
  readonly session: Session
  readonly item: number
  readonly of: number | undefined
  readonly epoch: Epoch
  /** The first epoch of this unbroken possession: whoever has not heard of a later one still speaks of an earlier. */
  readonly since: Epoch
  /** The order number of the first message that named it. A renewal that quotes it has seen the grant. */
  readonly grantOrder: number
  state: 'held' | 'revoked'
  revokedAt: Instant | undefined
  /** Set once it is no longer renewed: from then on, by every clock, nobody believes in it. */
  until: Instant | undefined
  /** Why it was taken back, for the one who gets it next. */
  because: Because
}

/** What is claimed after a restart: what it is a part of was said with it, and nobody here has granted it. */
export const adoptedTenure = (
  session: Session,
  { item, epoch, of }: Holding,
  state: Tenure['state'],
  now: Instant,
): Tenure => ({
  session,
  item,
  of,
  epoch,
  since: epoch,
  grantOrder: 0,
  state,
  revokedAt: state === 'revoked' ? now : undefined,
  until: undefined,
  because: 'adopted',
})

/** What is granted now: the next message to the session names it. */
export const grantedTenure = (session: Session, { item, epoch, of }: Holding, because: Because): Tenure => ({
  session,
  item,
  of,
  epoch,
  since: epoch,
  grantOrder: session.order + 1,
  state: 'held',
  revokedAt: undefined,
  until: undefined,
  because,
})

export const holdingOf = ({ item, epoch, of }: Tenure): Holding =>
  of === undefined ? { item, epoch } : { item, epoch, of }

/** True when nobody can believe in it any more, though its holder never said so. */
export const lapsed = (tenure: Tenure, now: Instant): boolean => tenure.until !== undefined && tenure.until <= now

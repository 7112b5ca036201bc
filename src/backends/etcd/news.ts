import type { Holding, Renew, ShareMessage } from '../../core/group/messages.ts'
import { sameShare } from '../../core/group/messages.ts'
import { isSame } from '../../core/same.ts'
import type { SessionRecord } from './records.ts'

/** What a coordinator that was told `said`, and answered `share`, would learn from one more record. Both quote orders of shares. */
export interface Told {
  readonly said: SessionRecord | undefined
  /** The last answer to this very session, if there is one. */
  readonly share: ShareMessage | undefined
}

/** Whether a record is to be written. What is no news is kept alive by reading alone. */
export const isNews = ({ generation, message }: SessionRecord, { said, share }: Told): boolean => {
  if (said === undefined || said.generation !== generation) return true
  const before = said.message
  // Another incarnation takes leave of another session.
  if (message.type === 'leave' || before.type === 'leave')
    return message.type !== before.type || message.incarnation !== before.incarnation
  if (message.share !== undefined && !isSharedAs(message.share, before.share ?? share?.share)) return true
  if (message.weight !== before.weight || message.leaving !== before.leaving) return true
  // What a member has not said again is unchanged.
  if (message.metadata !== undefined && !isSame(message.metadata, before.metadata)) return true
  const acknowledged = byItem(before.acknowledged)
  if (message.acknowledged.some(({ item, epoch }) => acknowledged.get(item) !== epoch)) return true
  return lacks(message, share) && !saysTheSame(message, before)
}

/** It has seen its share, and does not have all of it. */
const lacks = ({ incarnation, order, holding, draining }: Renew, share: ShareMessage | undefined): boolean => {
  if (share === undefined || incarnation !== share.incarnation || order !== share.order) return false
  const held = byItem(holding)
  const drained = byItem(draining)
  return (
    share.holding.some(({ item, epoch }) => held.get(item) !== epoch) ||
    // Perhaps under the number of an earlier view: it will be let go all the same.
    share.revoked.some(({ item, epoch }) => held.get(item) !== epoch && !drained.has(item))
  )
}

const saysTheSame = (message: Renew, before: Renew): boolean =>
  message.order === before.order &&
  message.incarnation === before.incarnation &&
  sameItems(message.holding, before.holding) &&
  sameItems(message.draining, before.draining)

const sameItems = (some: readonly Holding[], others: readonly Holding[]): boolean => {
  const epochs = byItem(others)
  return some.length === others.length && some.every(({ item, epoch }) => epochs.get(item) === epoch)
}

const byItem = (holdings: readonly Holding[]): ReadonlyMap<number, number> =>
  new Map(holdings.map(({ item, epoch }) => [item, epoch]))

const isSharedAs = (said: NonNullable<Renew['share']>, known: Renew['share']): boolean =>
  known !== undefined && sameShare(said, known)

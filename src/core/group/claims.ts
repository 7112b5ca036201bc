import { type Epoch, type Generation, generationOf } from '../lease.ts'
import type { Instant } from '../time.ts'
import { type Renew, type ShareKind, sameShare } from './messages.ts'

/** What a claim is made to: a group under one coordinator, which takes claims until `until`. */
export interface ClaimedGroup {
  readonly generation: Generation
  readonly share: ShareKind
  readonly until: Instant
}

/**
 * Only a session that an earlier coordinator admitted can hold what this one does not know, and only until every lease given
 * before this one's start has run out. Anybody else who is unknown has expired here and holds nothing.
 */
export const mayClaim = (message: Renew, to: ClaimedGroup, now: Instant): boolean => {
  const { generation, incarnation, share, holding, draining } = message
  if (generation === undefined || incarnation === undefined) return false
  // What this coordinator gave, it knows: a stranger that claims it has it from nobody.
  const given = (held: { readonly epoch: Epoch }) => generationOf(held.epoch) >= to.generation
  if (holding.some(given) || draining.some(given)) return false
  // A place of another numbering is no place of this one: partition 3 of 8 has keys that partition 3 of 16 has not. Whoever does not
  // say what its places are a part of may mean either.
  const holds = holding.length + draining.length > 0
  if (share === undefined ? holds : !sameShare(share, to.share)) return false
  return now < to.until && generationOf(incarnation) < to.generation
}

/** The highest of the coordinator's numbers that a member says it has from somebody. */
export const highestIn = ({ incarnation = 0, holding, draining, acknowledged }: Renew): Epoch => {
  let highest = incarnation
  for (const { epoch } of holding) highest = Math.max(highest, epoch)
  for (const { epoch } of draining) highest = Math.max(highest, epoch)
  for (const { epoch } of acknowledged) highest = Math.max(highest, epoch)
  return highest
}

/** Quoting our generation it has said all that it holds. What could not be adopted it may still believe. Of a service there is nothing to hold. */
export const answersRoll = ({ generation, holding, draining }: Renew, share: ShareKind, claims: boolean): boolean =>
  share === 'none' || (generation !== undefined && (claims || holding.length + draining.length === 0))

import { recordFault } from '../registry/instance.ts'
import { type Renew, type ShareKind, sameShare } from './messages.ts'
import * as refusals from './refusals.ts'

/** What a renewal is held against. */
interface Renewed {
  readonly name: string
  readonly share: ShareKind
  /** Whether it comes from a process that is a member. */
  readonly known: boolean
}

/** Why a group that shares as it does cannot take a renewal, or a join, as it stands. */
export const renewalFault = (message: Renew, { name, share, known }: Renewed): refusals.Refusal | undefined => {
  const { share: wanted = share, weight = 1, holding, draining } = message
  // What somebody holds is not given up for that: it is told of with the answer to its claim.
  if (!sameShare(wanted, share)) {
    if (known || holding.length + draining.length === 0) return refusals.sharesOtherwise(name, share, wanted)
  }
  if (typeof share === 'object') return undefined
  if (weight !== 1) return refusals.weighsNothing(name, share)
  if (share === 'index') return undefined
  if (message.static === true) return refusals.keepsNoPlace(name, share)
  const fault = share === 'none' ? recordFault(message.metadata) : undefined
  return fault === undefined ? undefined : refusals.isNoInstance(fault)
}

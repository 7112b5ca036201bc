import type { RefusalCode, ShareKind } from './messages.ts'

/** Why a member is refused, and what whoever reads it can do. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

const describe = (share: ShareKind): string => (share === 'index' ? 'indexes' : `${share.partitions} partitions`)

export const sharesOtherwise = (group: string, has: ShareKind, wanted: ShareKind): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `the group "${group}" shares ${describe(has)}, not ${describe(wanted)}; join it with that share or use another group`,
})

export const weighsNothing = (group: string): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `the group "${group}" shares indexes, which all weigh the same; join it without a weight, or use a group of partitions`,
})

export const hasSuccessor = (member: string): Refusal => ({
  code: 'CAUCUS_FENCED',
  message: `another process took the member id "${member}", or an operator removed it; stop the work of this one`,
})

export const fenced = (member: string): Refusal => ({
  code: 'CAUCUS_FENCED',
  message: `another process joined as "${member}"; stop the work of this one`,
})

export const evicted = (member: string): Refusal => ({
  code: 'CAUCUS_FENCED',
  message: `an operator removed "${member}"; stop its work`,
})

export const TAKING_GENERATION: Refusal = {
  code: 'CAUCUS_UNAVAILABLE',
  message: 'the coordinator is taking a new generation; try again in a moment',
}

export const SHARE_UNKNOWN: Refusal = {
  code: 'CAUCUS_UNAVAILABLE',
  message: 'nobody has said yet how this group shares, and weights are about partitions only; try again in a moment',
}

export const tooFarAhead = (claimed: number, ours: number): Refusal => ({
  code: 'CAUCUS_PROTOCOL',
  message: `the claimed generation ${claimed} is too far ahead of ${ours}; restart the member`,
})

export const ofPollClients = (group: string): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `the group "${group}" belongs to the clients of bloc's wire; join another group`,
})

export const isFull = (group: string, limit: number): Refusal => ({
  code: 'CAUCUS_OVERLOADED',
  message: `the group "${group}" has its limit of ${limit} members`,
})

export const hasAllGroups = (limit: number): Refusal => ({
  code: 'CAUCUS_OVERLOADED',
  message: `this server has its limit of ${limit} groups`,
})

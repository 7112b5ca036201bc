import { serviceOf } from '../registry/services.ts'
import { electionOf } from './elections.ts'
import { MAX_ONCE_LEAD_MS } from './instants.ts'
import type { RefusalCode, ShareKind } from './messages.ts'
import { isOnceName, onceOf } from './onces.ts'

/** Why a member is refused, and what whoever reads it can do. */
export interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

const describe = (share: ShareKind): string => {
  if (share === 'tenure') return 'one tenure'
  if (share === 'once') return 'one run'
  if (share === 'none') return 'nothing'
  return share === 'index' ? 'indexes' : `${share.partitions} partitions`
}

export const sharesOtherwise = (group: string, has: ShareKind, wanted: ShareKind): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `the group "${group}" shares ${describe(has)}, not ${describe(wanted)}; join it with that share or use another group`,
})

const WEIGHS_NOTHING = {
  index: 'shares indexes, which all weigh the same; join it without a weight, or use a group of partitions',
  tenure: 'is an election, whose candidates take turns and weigh the same; join it without a weight',
  once: 'is a run of once(), which whoever came first gets; join it without a weight',
  none: 'is a service; the weight of an instance is part of what it says of itself',
}

export const weighsNothing = (group: string, share: keyof typeof WEIGHS_NOTHING): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `the group "${group}" ${WEIGHS_NOTHING[share]}`,
})

const KEEPS_NO_PLACE = { tenure: 'an election', once: 'a run of once()', none: 'a service' }

export const keepsNoPlace = (group: string, share: keyof typeof KEEPS_NO_PLACE): Refusal => ({
  code: 'CAUCUS_CONFLICT',
  message: `"${group}" is ${KEEPS_NO_PLACE[share]}, which keeps no place for whoever stops; join it without static`,
})

/** Of a run whose instant lies too far ahead of the coordinator's wall clock. */
export const tooEarly = (atMs: number, aheadMs: number): Refusal => ({
  code: 'CAUCUS_INVALID_ARGUMENT',
  message: `the instant ${atMs} (milliseconds of the wall clock) is ${Math.round(aheadMs / 1000)} s ahead of the coordinator's wall clock, and at most ${MAX_ONCE_LEAD_MS / 1000} s are taken: the clocks of the two machines differ; set them, and call again`,
})

export const READS_NO_WALL_CLOCK: Refusal = {
  code: 'CAUCUS_CONFLICT',
  message: 'this coordinator reads no wall clock, so nothing is run once there at an instant',
}

export const isNoInstance = (fault: string): Refusal => ({
  code: 'CAUCUS_INVALID_ARGUMENT',
  message: `what this instance says of itself cannot be: ${fault}`,
})

/** What is wrong with a share in a group of this name: elections and services have names of their own. */
export const misnamed = (group: string, share: ShareKind | undefined): Refusal | undefined => {
  if (serviceOf(group) !== undefined || share === 'none') return misnamedService(group, share)
  if (isOnceName(group) || share === 'once') return misnamedRun(group, share)
  if (electionOf(group) === undefined) {
    if (share !== 'tenure') return undefined
    return {
      code: 'CAUCUS_CONFLICT',
      message: `the group "${group}" is no election; only groups whose name begins with "election/" share a tenure`,
    }
  }
  if (share === 'tenure') return undefined
  return {
    code: 'CAUCUS_CONFLICT',
    message: `"${group}" is the name of an election; campaign in it (share "tenure"), or use a group whose name does not begin with "election/"`,
  }
}

const misnamedRun = (group: string, share: ShareKind | undefined): Refusal | undefined => {
  if (onceOf(group) !== undefined && share === 'once') return undefined
  return {
    code: 'CAUCUS_CONFLICT',
    message: isOnceName(group)
      ? `"${group}" is kept for runs of once(), by name and instant; call that (share "once"), or use a group whose name does not begin with "once/"`
      : `the group "${group}" is no run; only groups of the name "once/NAME/MILLISECONDS" run something once`,
  }
}

const misnamedService = (group: string, share: ShareKind | undefined): Refusal | undefined => {
  const isNamed = serviceOf(group) !== undefined
  if (isNamed && share === 'none') return undefined
  return {
    code: 'CAUCUS_CONFLICT',
    message: isNamed
      ? `"${group}" is the name of a service; register with it (share "none"), or use a group whose name does not begin with "service/"`
      : `the group "${group}" is no service; only groups whose name begins with "service/" share nothing`,
  }
}

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

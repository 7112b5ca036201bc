import { weightFault } from '../core/assignment/weights.ts'
import { electionNameFault } from '../core/group/elections.ts'
import type { ShareKind } from '../core/group/messages.ts'
import { atFault, onceNameFault } from '../core/group/onces.ts'
import { groupNameFault, idFault } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import { metadataFault } from '../wire/faults.ts'
import { MAX_PARTITIONS } from '../wire/limits.ts'

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

/** Refuses what is not an object of known options: a slip of the finger must not be read as a default. */
export const checkOptions = (given: unknown, known: readonly string[], call: string): void => {
  if (given === undefined) return
  if (typeof given !== 'object' || given === null) refuse(`${call} takes an object of options: ${known.join(', ')}`)
  for (const name of Object.keys(given as object)) {
    if (!known.includes(name)) refuse(`${call} knows no option "${name.slice(0, 64)}"; it takes ${known.join(', ')}`)
  }
}

export const checkSignal = (signal: unknown, call: string): void => {
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse(`${call}: signal must be an AbortSignal`)
}

export const checkGroupName = (name: unknown): void => {
  const fault = groupNameFault(name)
  if (fault !== undefined) refuse(fault)
}

export const checkElectionName = (name: unknown): void => {
  const fault = electionNameFault(name)
  if (fault !== undefined) refuse(fault)
}

/** The scheduled instant, in milliseconds of the wall clock. */
export const checkAt = (at: unknown): number => {
  const atMs = at instanceof Date ? at.getTime() : at
  const fault = atFault(atMs)
  return fault === undefined ? (atMs as number) : refuse(`once(name, at, work): ${fault}`)
}

export const checkOnceName = (name: unknown): void => {
  const fault = onceNameFault(name)
  if (fault !== undefined) refuse(fault)
}

export const checkMemberId = (id: unknown): void => {
  const fault = idFault(id, 'member id')
  if (fault !== undefined) refuse(fault)
}

export const checkShare = (share: unknown): ShareKind | undefined => {
  if (share === undefined || share === 'index') return share
  const partitions =
    typeof share === 'object' && share !== null && Object.keys(share).join() === 'partitions'
      ? (share as { partitions: unknown }).partitions
      : undefined
  if (Number.isSafeInteger(partitions) && (partitions as number) >= 1 && (partitions as number) <= MAX_PARTITIONS) {
    return { partitions: partitions as number }
  }
  return refuse(`share must be 'index' or { partitions: a whole number from 1 to ${MAX_PARTITIONS} }`)
}

export const checkWeight = (weight: unknown, what: string): number => {
  const fault = weightFault(weight, what)
  return fault === undefined ? (weight as number) : refuse(fault)
}

/** A random id never comes back, so its place would only be kept from the others. */
export const checkStatic = (isStatic: unknown, id: unknown): boolean => {
  if (isStatic !== undefined && typeof isStatic !== 'boolean') {
    return refuse(`join({ static }) takes true or false, not ${isStatic === null ? 'null' : typeof isStatic}`)
  }
  if (isStatic === true && id === undefined) {
    return refuse(
      'join({ static: true }) needs an id, too: a random one never comes back to the place that is kept for it',
    )
  }
  return isStatic === true
}

/** A copy that nobody else can change: it is sent again on every new link. */
export const checkMetadata = (metadata: unknown): unknown => {
  const fault = metadataFault(metadata)
  if (fault !== undefined) refuse(fault)
  return metadata === undefined ? undefined : (JSON.parse(JSON.stringify(metadata)) as unknown)
}

/** A length of time that a timer can wait; 0 only where it means "not at all". */
export const checkMs = (value: unknown, name: string, fallback: number): number => {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= 0 && value <= 2 ** 31 - 1) return value
  return refuse(`${name} is ${String(value).slice(0, 64)}; give milliseconds from 0 to ${2 ** 31 - 1}`)
}

export const checkKey = (key: unknown): void => {
  if (typeof key !== 'string') refuse(`owns(key) takes a string, not ${key === null ? 'null' : typeof key}`)
}

import { DEFAULT_WEIGHT, weightFault } from '../assignment/weights.ts'
import { compareIds } from '../ids.ts'
import { hostFault, portFault } from './address.ts'

/** `up`: may be given work. `draining`: finishes what it has, and is to be given nothing more. `critical`: is there, and cannot serve. */
export type InstanceStatus = 'up' | 'draining' | 'critical'

export const STATUSES: readonly InstanceStatus[] = ['up', 'draining', 'critical']

/** What an instance of a service says of itself. */
export interface InstanceRecord {
  readonly host: string
  readonly port: number
  /** Each once, in the order of their code units. */
  readonly tags: readonly string[]
  readonly zone?: string
  /** How many times as much it can take as one of weight 1: a whole number from 0 to 1 000. With 0 it is picked by nobody. */
  readonly weight: number
  readonly status: InstanceStatus
  /** Whatever else the others need to know. */
  readonly metadata?: unknown
}

/** An instance as others see it. */
export interface Instance extends InstanceRecord {
  readonly id: string
  /** The coordinator's number for its process: of two processes with one id, the higher one is the newer. */
  readonly incarnation: number
}

/** The most tags that an instance may have. */
export const MAX_TAGS = 32
/** The longest tag or zone, in characters. */
export const MAX_TAG_LENGTH = 64

/** The record that a value is, with what is unsaid filled in; or, as a string, what is wrong with it. Fields of a newer version are left out. */
export const readRecord = (value: unknown): InstanceRecord | string => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'an instance is an object with host and port, and possibly tags, zone, weight, status and metadata'
  }
  const { host, port, tags = [], zone, weight = DEFAULT_WEIGHT, status = 'up', metadata } = value as Given
  const fault =
    hostFault(host) ??
    portFault(port) ??
    tagsFault(tags) ??
    (zone === undefined ? undefined : labelFault(zone, 'zone')) ??
    weightFault(weight) ??
    statusFault(status)
  if (fault !== undefined) return fault
  return Object.freeze({
    host: host as string,
    port: port as number,
    tags: Object.freeze([...(tags as string[])].sort(compareIds)),
    ...(zone !== undefined && { zone: zone as string }),
    weight: weight as number,
    status: status as InstanceStatus,
    ...(metadata !== undefined && { metadata }),
  })
}

/** Says what is wrong with a record, or `undefined` when it is one, or is not said at all. */
export const recordFault = (value: unknown): string | undefined => {
  if (value === undefined) return undefined
  const read = readRecord(value)
  return typeof read === 'string' ? read : undefined
}

/** The instance that a member of a service is, if it has said where. An operator's drain counts as its own. */
export const instanceIn = (member: Member): Instance | undefined => {
  const { id, incarnation, metadata, drained = false } = member
  const read = metadata === undefined ? undefined : readRecord(metadata)
  if (read === undefined || typeof read === 'string') return undefined
  return Object.freeze({
    id,
    incarnation,
    ...read,
    ...(drained && read.status === 'up' && { status: 'draining' as const }),
  })
}

interface Member {
  readonly id: string
  readonly incarnation: number
  readonly metadata: unknown
  readonly drained?: boolean
}

/** Whatever somebody gave. */
type Given = { readonly [Field in keyof InstanceRecord]?: unknown }

export const isStatus = (value: unknown): value is InstanceStatus => STATUSES.some((status) => status === value)

export const statusFault = (status: unknown): string | undefined =>
  isStatus(status) ? undefined : `status must be one of ${STATUSES.join(', ')}`

/** Says what is wrong with a list of tags. */
export const tagsFault = (tags: unknown): string | undefined => {
  if (!Array.isArray(tags)) return 'tags must be an array of strings'
  if (tags.length > MAX_TAGS) return `tags has ${tags.length} entries; at most ${MAX_TAGS}`
  for (const [place, tag] of tags.entries()) {
    const fault = labelFault(tag, `tags[${place}]`)
    if (fault !== undefined) return fault
  }
  return new Set(tags).size === tags.length ? undefined : 'tags names one tag twice'
}

/** Says what is wrong with a tag or a zone: 1 to 64 characters, printable, and no space around it. `what` names it. */
export const labelFault = (value: unknown, what: string): string | undefined => {
  const rule = `use 1 to ${MAX_TAG_LENGTH} printable characters`
  if (typeof value !== 'string')
    return `${what} must be a string, not ${value === null ? 'null' : typeof value}; ${rule}`
  if (value === '') return `${what} is empty; ${rule}`
  if (value.length > MAX_TAG_LENGTH) return `${what} is longer than ${MAX_TAG_LENGTH} characters; ${rule}`
  if (UNPRINTABLE.test(value)) return `${what} has a control character or half of a surrogate pair; ${rule}`
  return value.trim() === value ? undefined : `${what} has a space before or after it; ${rule}`
}

/** C0, DEL, C1, the separators of lines, and surrogates without their other half. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u

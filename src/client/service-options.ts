import type { InstanceFilter } from '../core/registry/filter.ts'
import {
  type InstanceRecord,
  type InstanceStatus,
  isStatus,
  labelFault,
  readRecord,
  STATUSES,
  tagsFault,
} from '../core/registry/instance.ts'
import { serviceNameFault } from '../core/registry/services.ts'
import { CaucusError } from '../errors.ts'
import { metadataFault } from '../wire/faults.ts'
import { checkOptions, checkSignal } from './options.ts'

/** Where an instance is, and how it is. */
export interface InstanceOptions {
  /** A host name or an address that others can connect to; an IPv6 address without brackets. */
  readonly host: string
  /** The port that was really bound, 1 to 65 535. */
  readonly port: number
  /** Up to 32, each of 1 to 64 characters, none twice. */
  readonly tags?: readonly string[]
  /** Where it runs, for those who would rather stay near: 1 to 64 characters. */
  readonly zone?: string
  /** How many times as much it can take as one of weight 1: a whole number from 0 to 1 000, default 1. With 0 it is picked by nobody. */
  readonly weight?: number
  /** Default: `up`. */
  readonly status?: InstanceStatus
  /** Whatever else the others need to know. All of this together is up to 4 096 bytes of JSON. */
  readonly metadata?: unknown
}

/** Of one registration: where the instance is, and what others need to know of it. */
export interface RegisterOptions extends InstanceOptions {
  /** Names this instance within its service. A second process with the same one fences the first. Default: a random one. */
  readonly id?: string
  /** Ends the wait for the admission. A registration that has begun is ended by `leave()`. */
  readonly signal?: AbortSignal
}

/** What is to change; what is unsaid stays as it is. */
export type InstanceChanges = Partial<InstanceOptions>

/** Which instances are wanted: all that a filter lets through. */
export interface InstancesOptions extends InstanceFilter {
  readonly signal?: AbortSignal
}

/** Which instances a picker chooses from, and which of them first. */
export interface PickOptions extends InstanceFilter {
  /** Instances of this zone are picked as long as there is one that may be; otherwise all. */
  readonly preferZone?: string
  /** Ends the wait for the first list. A picker that has begun is ended by disposing of it. */
  readonly signal?: AbortSignal
}

const refuse = (message: string): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
}

const RECORD = ['host', 'port', 'tags', 'zone', 'weight', 'status', 'metadata'] as const
const FILTER = ['tags', 'zone', 'metadata', 'status'] as const

export const checkServiceName = (name: unknown): void => {
  const fault = serviceNameFault(name)
  if (fault !== undefined) refuse(fault)
}

/** A copy of what an instance says of itself, with what is unsaid filled in, that nobody else can change. */
export const checkRecord = (given: object, call: string): InstanceRecord => {
  const fault = metadataFault((given as { metadata?: unknown }).metadata)
  if (fault !== undefined) refuse(`${call}: ${fault}`)
  const said = Object.fromEntries(RECORD.flatMap((key) => saidOf(given, key)))
  const record = readRecord(said)
  if (typeof record === 'string') return refuse(`${call}: ${record}`)
  const whole = metadataFault(record, 'the instance')
  if (whole !== undefined) refuse(`${call}: ${whole}`)
  const { metadata } = record
  return Object.freeze({ ...record, ...(metadata !== undefined && { metadata: JSON.parse(JSON.stringify(metadata)) }) })
}

const saidOf = (given: object, key: (typeof RECORD)[number]): [string, unknown][] => {
  const value = (given as Record<string, unknown>)[key]
  return value === undefined ? [] : [[key, value]]
}

export const checkChanges = (changes: unknown, before: InstanceRecord): InstanceRecord => {
  if (typeof changes !== 'object' || changes === null) return refuse(`update() takes an object: ${RECORD.join(', ')}`)
  checkOptions(changes, RECORD, 'update()')
  const said = Object.fromEntries(RECORD.flatMap((key) => saidOf(changes, key)))
  return checkRecord({ ...before, ...said }, 'update()')
}

export const checkStatus = (status: unknown): InstanceStatus =>
  isStatus(status) ? status : refuse(`setStatus(status) takes one of ${STATUSES.join(', ')}`)

export const checkRegister = (options: unknown): void => {
  if (typeof options !== 'object' || options === null) refuse('register() takes at least { host, port }')
  checkOptions(options, [...RECORD, 'id', 'signal'], 'register()')
  checkSignal((options as RegisterOptions).signal, 'register()')
}

/** The filter among the options of `call`, which knows `others` besides. */
export const checkFilter = (options: unknown, others: readonly string[], call: string): InstanceFilter => {
  checkOptions(options, [...FILTER, ...others], call)
  const { tags, zone, metadata, status, signal } = (options ?? {}) as InstancesOptions
  checkSignal(signal, call)
  const fault =
    (tags === undefined ? undefined : tagsFault(tags)) ??
    (zone === undefined ? undefined : labelFault(zone, 'zone')) ??
    metadataFault(metadata)
  if (fault !== undefined) refuse(`${call}: ${fault}`)
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)))
    refuse(`${call}: metadata is an object: what the metadata of an instance must have`)
  if (status !== undefined && status !== 'any' && !isStatus(status))
    refuse(`${call}: status must be one of ${STATUSES.join(', ')} and any`)
  return {
    ...(tags !== undefined && { tags: [...tags] }),
    ...(zone !== undefined && { zone }),
    ...(metadata !== undefined && { metadata: JSON.parse(JSON.stringify(metadata)) as Record<string, unknown> }),
    ...(status !== undefined && { status }),
  }
}

export const checkZone = (zone: unknown): void => {
  const fault = zone === undefined ? undefined : labelFault(zone, 'preferZone')
  if (fault !== undefined) refuse(`pick(): ${fault}`)
}

export const checkPickKey = (key: unknown): void => {
  if (typeof key !== 'string') refuse(`byKey(key) takes a string, not ${key === null ? 'null' : typeof key}`)
}

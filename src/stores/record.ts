import { createHash } from 'node:crypto'
import type { Foundation } from '../core/group/foundation.ts'
import { MAX_GENERATION } from '../core/lease.ts'
import { CaucusError } from '../errors.ts'

/** Everything that a data directory holds. */
export interface StoredRecord {
  readonly instanceId: string
  readonly clusterId: string
  readonly foundation?: Foundation
}

const VERSION = 1

export const checksumOf = (record: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(record) ?? '')
    .digest('hex')

export const encodeRecord = (record: StoredRecord): string =>
  `${JSON.stringify({ version: VERSION, checksum: checksumOf(record), record }, undefined, 2)}\n`

/** The record, or an error that says what to do: to start afresh over a damaged file could repeat epochs. */
export const decodeRecord = (text: string, file: string): StoredRecord => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged(file, 'it is not JSON', cause)
  }
  if (!isObject(value)) throw damaged(file, 'it is not an object')
  const { version, checksum, record } = value
  if (typeof version === 'number' && version > VERSION) {
    throw new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `${file} was written by a newer caucus (format ${version}, this one reads ${VERSION}); start that version, or give another data directory`,
      { details: { file, version } },
    )
  }
  if (version !== VERSION) throw damaged(file, 'it has no version')
  if (checksum !== checksumOf(record)) throw damaged(file, 'its checksum does not match')
  if (!isRecord(record)) throw damaged(file, 'it lacks something')
  return record
}

const damaged = (file: string, what: string, cause?: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    `${file} is damaged: ${what}. Put back a copy of it. Without one, stop all members, wait until their leases have run out, and then move it away: the next start begins anew`,
    { cause, details: { file } },
  )

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isMs = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0

export const isFoundation = (value: unknown): value is Foundation => {
  if (!isObject(value)) return false
  const { generation, defaultCeilingMs, ceilingsMs, orders = {}, onceUntilMs = 0, roll = {} } = value
  const known =
    Number.isSafeInteger(generation) && (generation as number) > 0 && (generation as number) <= MAX_GENERATION
  if (!known || !isMs(defaultCeilingMs) || !isObject(ceilingsMs) || !Object.values(ceilingsMs).every(isMs)) return false
  if (!isMs(onceUntilMs) || !isObject(orders) || !Object.values(orders).every(isGroupOrders)) return false
  return isObject(roll) && Object.values(roll).every((bootIds) => Array.isArray(bootIds) && bootIds.every(isText))
}

const isText = (value: unknown): boolean => typeof value === 'string'

const isGroupOrders = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const { frozen = true, pins = {}, drained = [] } = value
  const arePins = isObject(pins) && Object.keys(pins).every((item) => /^\d+$/.test(item))
  return (
    frozen === true && arePins && Object.values(pins).every(isText) && Array.isArray(drained) && drained.every(isText)
  )
}

const isRecord = (value: unknown): value is StoredRecord =>
  isObject(value) &&
  typeof value.instanceId === 'string' &&
  typeof value.clusterId === 'string' &&
  (value.foundation === undefined || isFoundation(value.foundation))

import { memberOf } from '../../core/same.ts'
import type { CoordinatorRecord, EventsRecord, HeadRecord, SessionRecord, ShareRecord } from './records.ts'

/**
 * What processes under one prefix tell each other, as it was written. They trust each other as far as etcd lets them write: somebody else's
 * text is told from ours by its outline, and counts as nothing.
 */
const read = <Record>(text: string, outline: (value: unknown) => boolean): Record | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return outline(value) ? (value as Record) : undefined
  } catch {
    // No JSON: none of us wrote it.
    return undefined
  }
}

const has = (value: unknown, kinds: Readonly<Record<string, 'number' | 'string' | 'object'>>): boolean =>
  Object.entries(kinds).every(([name, kind]) => typeof memberOf(value, name) === kind && memberOf(value, name) !== null)

export const coordinatorOf = (text: string): CoordinatorRecord | undefined =>
  read(text, (value) => has(value, { process: 'string' }) && isNumberOrNone(memberOf(value, 'generation')))

export const sessionOf = (text: string): SessionRecord | undefined =>
  read(
    text,
    (value) => has(value, { generation: 'number', message: 'object' }) && isMessage(memberOf(value, 'message')),
  )

export const shareOf = (text: string): ShareRecord | undefined =>
  read(
    text,
    (value) =>
      has(value, { session: 'number', heard: 'number', message: 'object' }) && isMessage(memberOf(value, 'message')),
  )

export const headOf = (text: string): HeadRecord | undefined =>
  read(text, (value) => has(value, { generation: 'number', state: 'string', epoch: 'number', members: 'number' }))

export const eventsOf = (text: string): EventsRecord | undefined =>
  read(text, (value) => {
    const events = memberOf(value, 'events')
    return Array.isArray(events) && events.every((each) => has(each, { revision: 'string', event: 'object' }))
  })

const isMessage = (value: unknown): boolean =>
  has(value, { type: 'string', group: 'string', member: 'string', bootId: 'string' })

const isNumberOrNone = (value: unknown): boolean => value === undefined || typeof value === 'number'

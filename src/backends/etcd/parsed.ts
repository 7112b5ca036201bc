import { memberOf } from '../../core/same.ts'
import { decodeCoordinatorFrame } from '../../wire/frames.ts'
import type { Seat } from './keys.ts'
import type { CoordinatorRecord, EventsRecord, HeadRecord, SessionRecord, ShareRecord } from './records.ts'

/**
 * What processes under one prefix tell each other, as it was written. They trust each other as far as etcd lets them write: somebody else's
 * text is told from ours by its outline, and counts as nothing; of shares, every word is looked at.
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

/** All of it sound, and about this very member: what a member is told decides what it believes. */
export const shareOf = (text: string, { group, member, bootId }: Seat): ShareRecord | undefined => {
  const record = read<Omit<ShareRecord, 'message'> & { readonly message: unknown }>(
    text,
    (value) =>
      has(value, { session: 'number', heard: 'number', message: 'object' }) && isMessage(memberOf(value, 'message')),
  )
  if (record === undefined) return undefined
  const messages = decodeCoordinatorFrame(JSON.stringify([record.message]))
  const [message] = typeof messages === 'string' ? [] : messages
  if (message === undefined || message.type === 'hello') return undefined
  const isMeant = message.group === group && message.member === member && message.bootId === bootId
  return isMeant ? { session: record.session, heard: record.heard, message } : undefined
}

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

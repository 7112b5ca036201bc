import type { PastEvent } from '../../../src/core/group/past.ts'
import type { GroupEvent } from '../../../src/core/group/reasons.ts'
import { FREE, movedBy, type Person, Picture } from './picture.ts'

/**
 * The group as it was before the first of these events, told from how it is after the last. What an event says was so before it, was so;
 * of what no event is about, it is as it still is. Of whom only the going is known, nothing is known of what it said of itself.
 */
export const beforeAll = (now: Picture, events: readonly PastEvent[]): Picture => {
  const before = now.clone()
  const members = new Map<string, Person>(now.members)
  const seen = new Set<string>()
  const first = (key: string): boolean => {
    if (seen.has(key)) return false
    seen.add(key)
    return true
  }
  for (const { event } of events) {
    rewindCell(before, event, first)
    rewindMember(members, event, first)
    rewindGroup(before, event, first)
  }
  return new Picture({ ...before, cells: before.cells, members, pins: before.pins })
}

const rewindCell = (before: Picture, event: GroupEvent, first: (key: string) => boolean): void => {
  if (event.type === 'partition.pinned' || event.type === 'partition.unpinned') {
    if (first(`pin ${event.partition}`)) before.pins.delete(event.partition)
    return
  }
  const moved = movedBy(event)
  if (moved === undefined || !first(`cell ${moved.at}`)) return
  while (before.cells.length < moved.at) before.cells.push(FREE)
  before.cells[moved.at] = moved.phase === 'revoked' ? { owner: moved.member, phase: 'held', epoch: moved.epoch } : FREE
}

const rewindMember = (members: Map<string, Person>, event: GroupEvent, first: (key: string) => boolean): void => {
  if (!('member' in event) || event.member === undefined) return
  const { member: id } = event
  switch (event.type) {
    case 'member.joined':
    case 'service.registered':
      if (first(`member ${id}`)) members.delete(id)
      break
    case 'member.left':
    case 'member.expired':
    case 'service.withdrawn':
      if (first(`member ${id}`)) {
        members.set(id, { id, weight: 1, drained: false, isStatic: false, metadata: undefined })
      }
      break
    case 'member.drained':
    case 'member.undrained': {
      const person = members.get(id)
      if (person !== undefined && first(`drain ${id}`)) {
        members.set(id, { ...person, drained: event.type === 'member.undrained' })
      }
    }
  }
}

const rewindGroup = (before: Picture, event: GroupEvent, first: (key: string) => boolean): void => {
  if (event.type === 'group.settling' || event.type === 'group.settled') {
    if (first('state')) before.state = event.type === 'group.settled' ? 'settling' : 'settled'
    if (event.type === 'group.settled' && first('epoch')) before.epoch = Math.max(0, event.epoch - 1)
  } else if (event.type === 'group.frozen' || event.type === 'group.thawed') {
    if (first('frozen')) before.frozen = event.type === 'group.thawed'
  }
}

/** The group after the first `count` of these events. */
export const pictureAfter = (base: Picture, events: readonly PastEvent[], count: number): Picture => {
  const picture = base.clone()
  for (const { event } of events.slice(0, count)) picture.apply(event)
  return picture
}

/** How many of these events had happened at `atMs`. */
export const countAt = (events: readonly PastEvent[], atMs: number): number => {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((events[middle]?.atMs ?? 0) <= atMs) low = middle + 1
    else high = middle
  }
  return low
}

/** Whether `revision` is after `other`, both of one group. */
export const isAfter = (revision: string, other: string | undefined): boolean => {
  if (other === undefined) return true
  const [generation = 0, number = 0] = revision.split('-').map(Number)
  const [otherGeneration = 0, otherNumber = 0] = other.split('-').map(Number)
  return generation > otherGeneration || (generation === otherGeneration && number > otherNumber)
}

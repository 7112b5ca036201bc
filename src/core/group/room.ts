import type { Group } from './group.ts'

/** Places that are kept count, and whoever has one is not in need of another. */
export const hasRoomFor = (
  { sessions, kept }: Pick<Group, 'sessions' | 'kept'>,
  member: string,
  limit: number,
): boolean => sessions.size + kept.size < limit || sessions.has(member) || kept.has(member)

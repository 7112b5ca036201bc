import { groupNameFault, MAX_GROUP_NAME_BYTES } from '../ids.ts'

/** Groups of this name are elections, and no others are, so that a group and an election of one name do not meet. */
const PREFIX = 'election/'

/** Under which name the election `name` is a group: in rules of access, in `/v1/groups`, for operators. */
export const groupOfElection = (name: string): string => `${PREFIX}${name}`

/** The name of the election that this group is, if it is one. */
export const electionOf = (group: string): string | undefined =>
  group.startsWith(PREFIX) ? group.slice(PREFIX.length) : undefined

/** Says what is wrong with the name of an election, or `undefined` when it is one: the rules of a group's, and a little shorter. */
export const electionNameFault = (name: unknown): string | undefined => {
  const fault = groupNameFault(name, 'election name')
  if (fault !== undefined || typeof name !== 'string') return fault
  if (groupNameFault(groupOfElection(name)) === undefined) return undefined
  return `election name is longer than ${MAX_GROUP_NAME_BYTES - PREFIX.length} bytes; use a shorter one`
}

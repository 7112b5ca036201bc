import { groupNameFault, MAX_GROUP_NAME_BYTES } from '../ids.ts'

/** Groups of this name are services, and no others are, so that a group and a service of one name do not meet. */
const PREFIX = 'service/'

/** The longest name of a service, in bytes. */
export const MAX_SERVICE_NAME_BYTES = MAX_GROUP_NAME_BYTES - PREFIX.length

/** Under which name the service `name` is a group: in rules of access, in `/v1/groups`, for operators. */
export const groupOfService = (name: string): string => `${PREFIX}${name}`

/** The name of the service that this group is, if it is one. */
export const serviceOf = (group: string): string | undefined =>
  group.startsWith(PREFIX) ? group.slice(PREFIX.length) : undefined

/** Says what is wrong with the name of a service, or `undefined` when it is one: the rules of a group's, and a little shorter. */
export const serviceNameFault = (name: unknown): string | undefined => {
  const fault = groupNameFault(name, 'service name')
  if (fault !== undefined || typeof name !== 'string') return fault
  if (groupNameFault(groupOfService(name)) === undefined) return undefined
  return `service name is longer than ${MAX_SERVICE_NAME_BYTES} bytes; use a shorter one`
}

import { groupNameFault, MAX_GROUP_NAME_BYTES } from '../ids.ts'

/** Groups of this name are runs of `once()`, and no others are. */
const PREFIX = 'once/'
/** The latest instant that a `Date` can be. */
export const MAX_AT_MS = 8.64e15
const AT_DIGITS = String(MAX_AT_MS).length

/** What is to be run once: a name, and the scheduled instant in milliseconds of the wall clock. */
export interface Once {
  readonly name: string
  readonly atMs: number
}

/** Under which name a run is a group: in rules of access, in `/v1/groups`, for operators. */
export const groupOfOnce = ({ name, atMs }: Once): string => `${PREFIX}${name}/${atMs}`

/** Whether groups of this name can be nothing but runs, well-formed or not. */
export const isOnceName = (group: string): boolean => group.startsWith(PREFIX)

/** The run that this group is, if it is one. */
export const onceOf = (group: string): Once | undefined => {
  const slash = group.lastIndexOf('/')
  const name = group.slice(PREFIX.length, slash)
  const digits = group.slice(slash + 1)
  if (!isOnceName(group) || slash < PREFIX.length || name === '' || !/^(0|[1-9]\d{0,15})$/.test(digits))
    return undefined
  const atMs = Number(digits)
  return atMs <= MAX_AT_MS ? { name, atMs } : undefined
}

/** Says what is wrong with the name of a run, or `undefined` when it is one: the rules of a group's, and a little shorter. */
export const onceNameFault = (name: unknown): string | undefined => {
  const fault = groupNameFault(name, 'name of a run')
  if (fault !== undefined || typeof name !== 'string') return fault
  // Whatever the instant, so that a name that does today does for ever.
  if (groupNameFault(`${PREFIX}${name}/${'9'.repeat(AT_DIGITS)}`) === undefined) return undefined
  return `name of a run is longer than ${MAX_GROUP_NAME_BYTES - PREFIX.length - 1 - AT_DIGITS} bytes; use a shorter one`
}

/** Says what is wrong with a scheduled instant, or `undefined` when it is one. */
export const atFault = (atMs: unknown): string | undefined => {
  if (Number.isSafeInteger(atMs) && (atMs as number) >= 0 && (atMs as number) <= MAX_AT_MS) return undefined
  return `at is the scheduled instant: a Date, or whole milliseconds of the wall clock from 0 to ${MAX_AT_MS}`
}

import { type CaucusError, isCaucusError } from '../errors.ts'
import { clean } from './logging.ts'

/** Wrong usage of the command line: its message names the argument, and the command ends with 2. */
export class UsageError extends Error {}

export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** The line that a failure is told in: what is wrong, and its code where it has one. Never a stack, unless it is a fault of ours. */
export const describeFailure = (error: unknown): string => {
  if (isCaucusError(error)) return `${clean(error.message)}${hintOf(error)} (${error.code})`
  if (error instanceof UsageError) return clean(error.message)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** What a server says is for everybody who speaks to it; on the command line the same is done in another way. */
const hintOf = ({ code, details }: CaucusError): string =>
  code === 'CAUCUS_UNAUTHORIZED' && details.options === undefined
    ? '; here, name the file that holds it with --token-file or CAUCUS_TOKEN_FILE'
    : ''

import { isCaucusError } from '../errors.ts'

/** Wrong usage of the command line: its message names the argument, and the command ends with 2. */
export class UsageError extends Error {}

export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** The line that a failure is told in: what is wrong, and its code where it has one. Never a stack, unless it is a fault of ours. */
export const describeFailure = (error: unknown): string => {
  if (isCaucusError(error)) return `${error.message} (${error.code})`
  if (error instanceof UsageError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

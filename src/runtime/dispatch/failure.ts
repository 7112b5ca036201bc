import { CaucusError, isCaucusError } from '../../errors.ts'

/** What a handler threw, which may be anything, as the error that its asker gets. The cause stays in this process. */
export const handlerFailure = (thrown: unknown): CaucusError =>
  isOurs(thrown)
    ? thrown
    : new CaucusError('CAUCUS_HANDLER_FAILED', `the handler failed: ${textOf(thrown)}`, { cause: thrown })

const isOurs = (thrown: unknown): thrown is CaucusError => {
  try {
    return isCaucusError(thrown)
  } catch {
    // A proxy that was revoked, or that throws whatever is asked of it.
    return false
  }
}

/** What was thrown, which may be anything, in words. */
export const textOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    // It has no text, and says so by throwing.
    return 'something that cannot be turned into text'
  }
}

import { CaucusError, isCaucusError } from '../../errors.ts'

/** What a handler threw, which may be anything, as the error that its asker gets. The cause stays in this process. */
export const handlerFailure = (thrown: unknown): CaucusError =>
  isCaucusError(thrown)
    ? thrown
    : new CaucusError('CAUCUS_HANDLER_FAILED', `the handler failed: ${textOf(thrown)}`, { cause: thrown })

const textOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    // It has no text, and says so by throwing.
    return 'something that cannot be turned into text'
  }
}

import { CaucusError } from '../../errors.ts'

/** The signal's reason when it was that, an error of ours as it is, and anything else as a server that is not there. */
export const failureOf = (url: string, error: unknown, signal: AbortSignal | undefined): unknown => {
  if (signal?.aborted) return signal.reason
  if (error instanceof CaucusError) return error
  const { message, code } = error as NodeJS.ErrnoException
  return new CaucusError('CAUCUS_UNAVAILABLE', `${url}: ${message || code || 'no answer'}`, { cause: error })
}

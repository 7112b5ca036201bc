import type { Candidacy } from './candidacy.ts'
import { leadershipLost, type Tenure } from './tenure.ts'

/** What is done while leading. It is to end soon after `signal` is aborted: the next leader may begin as soon as the lease has run out. */
export type LeaderWork<Result> = (tenure: Tenure) => Result | PromiseLike<Result>

interface Reign {
  readonly name: string
  readonly again: boolean
  readonly signal: AbortSignal | undefined
  next(first: boolean): Candidacy
}

/** What came of work. */
export type Outcome<Result> = { readonly value: Result } | { readonly error: unknown }

/** One tenure after the other, never two at once, until the work has ended while it led. */
export const reign = async <Result>(
  work: LeaderWork<Result>,
  { name, again, signal, next }: Reign,
): Promise<Result> => {
  let candidacy = next(true)
  for (;;) {
    const tenure = await candidacy.elected(signal)
    const current = candidacy
    const abort = () => current.retire(signal?.reason)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    const outcome = await settled(work, tenure)
    signal?.removeEventListener('abort', abort)
    // As it stands at this very moment: what was finished in time counts.
    const kept = tenure.held || candidacy.resigned
    const ends =
      kept || signal?.aborted === true || !again || candidacy.error !== undefined || isOwnError(outcome, tenure)
    if (isOwnError(outcome, tenure)) candidacy.workFailed(causeOf(outcome))
    if (ends) {
      await candidacy.resign()
      if (kept || isOwnError(outcome, tenure)) return resultOf(outcome)
      signal?.throwIfAborted()
      throw candidacy.error ?? leadershipLost(name, tenure.token, 'it was lost while the work ran', causeOf(outcome))
    }
    if (candidacy.standsBy()) continue
    await candidacy.left()
    signal?.throwIfAborted()
    if (candidacy.error !== undefined) throw candidacy.error
    candidacy = next(false)
  }
}

export const settled = async <Given, Result>(
  work: (given: Given) => Result | PromiseLike<Result>,
  given: Given,
): Promise<Outcome<Result>> => {
  try {
    return { value: await work(given) }
  } catch (error) {
    return { error }
  }
}

export const resultOf = <Result>(outcome: Outcome<Result>): Result => {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

const causeOf = (outcome: Outcome<unknown>): unknown => ('error' in outcome ? outcome.error : undefined)

/** It failed for another reason than that it was told to stop. */
export const isOwnError = (outcome: Outcome<unknown>, { signal }: Pick<Tenure, 'signal'>): boolean => {
  if (!('error' in outcome)) return false
  let error: unknown = outcome.error
  // A chain of causes may be a ring.
  for (let depth = 0; depth < 8 && error !== undefined; depth++) {
    if (error === signal.reason) return false
    if (!(error instanceof Error)) return true
    if (error.name === 'AbortError') return false
    error = error.cause
  }
  return true
}

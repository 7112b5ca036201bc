import { compareIds, idFault } from '../ids.ts'

/** The most voters. More make elections slower and nothing safer. */
export const MAX_VOTERS = 7

/**
 * Who votes. It comes from the configuration and never from who is alive, so that a quorum does not shrink in silence.
 *
 * `identity` is the same for every process that has the same voters, in whatever order its file names them.
 */
export interface Voters {
  /** Sorted. */
  readonly ids: readonly string[]
  readonly identity: string
}

/** Says what is wrong with a list of voters, or `undefined`: 1 to 7 ids, none of them twice. */
export const votersFault = (ids: readonly unknown[]): string | undefined => {
  if (ids.length < 1 || ids.length > MAX_VOTERS)
    return `there are ${ids.length} voters; configure 1 to ${MAX_VOTERS}, an odd number if you can`
  for (const [index, id] of ids.entries()) {
    const fault = idFault(id, `the identifier of voter ${index + 1}`)
    if (fault !== undefined) return fault
    if (ids.indexOf(id) !== index) return `voter ${index + 1} has the identifier of an earlier one; each needs its own`
  }
  return undefined
}

export const votersOf = (ids: readonly string[]): Voters => {
  const sorted = [...ids].sort(compareIds)
  return { ids: sorted, identity: JSON.stringify(sorted) }
}

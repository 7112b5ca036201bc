/** What must hold of elections, by the names in docs/election.md; `core` is an invariant stated in the core's own code. */
export type ElectionInvariant =
  | 'E1'
  | 'E2'
  | 'E3'
  | 'E4'
  | 'E5'
  | 'E6'
  | 'E7'
  | 'E8'
  | 'E9'
  | 'E10'
  | 'Promise'
  | 'Bound'
  | 'SitOut'
  | 'Count'
  | 'LetGo'
  | 'Founding'
  | 'Rejoin'
  | 'Quiet'
  | 'Tether'
  | 'core'

/** Thrown at the very event that broke an invariant, so that the trace ends there. */
export class ElectionViolation extends Error {
  readonly invariant: ElectionInvariant

  constructor(invariant: ElectionInvariant, message: string) {
    super(message)
    this.name = 'ElectionViolation'
    this.invariant = invariant
  }
}

export const must = (holds: boolean, invariant: ElectionInvariant, what: () => string): void => {
  if (!holds) throw new ElectionViolation(invariant, what())
}

/** What must hold of the register, by the names in docs/replication.md; `core` is an invariant stated in the core's own code. */
export type ReplicationInvariant =
  | 'R1'
  | 'R2'
  | 'R3'
  | 'R4'
  | 'R5'
  | 'Kept'
  | 'Promise'
  | 'Count'
  | 'Blank'
  | 'Recovery'
  | 'Process'
  | 'Again'
  | 'Nonsense'
  | 'core'

/** Thrown at the very event that broke an invariant, so that the trace ends there. */
export class ReplicationViolation extends Error {
  readonly invariant: ReplicationInvariant

  constructor(invariant: ReplicationInvariant, message: string) {
    super(message)
    this.name = 'ReplicationViolation'
    this.invariant = invariant
  }
}

export const must = (holds: boolean, invariant: ReplicationInvariant, what: () => string): void => {
  if (!holds) throw new ReplicationViolation(invariant, what())
}

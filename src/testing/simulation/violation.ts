/** What must hold, by the names in docs/invariants.md; `core` is an invariant stated in the core's own code. */
export type InvariantName =
  | 'G1'
  | 'G2'
  | 'G3'
  | 'G4'
  | 'G5'
  | 'G6'
  | 'G7'
  | 'G8'
  | 'A1'
  | 'A2'
  | 'A3'
  | 'A4'
  | 'S1'
  | 'S2'
  | 'F1'
  | 'F2'
  | 'D1'
  | 'O1'
  | 'T1'
  | 'T2'
  | 'N1'
  | 'N2'
  | 'N3'
  | 'N4'
  | 'Effect'
  | 'Order'
  | 'Told'
  | DispatchInvariant
  | 'core'

/** Of scatter and gather. */
export type DispatchInvariant =
  | 'P1'
  | 'P2'
  | 'P3'
  | 'P4'
  | 'P5'
  | 'P6'
  | 'Roster'
  | 'Count'
  | 'Truth'
  | 'Heard'
  | 'Turn'

/** Thrown at the very event that broke an invariant, so that the trace ends there. */
export class Violation extends Error {
  readonly invariant: InvariantName

  constructor(invariant: InvariantName, message: string) {
    super(message)
    this.name = 'Violation'
    this.invariant = invariant
  }
}

export const must = (holds: boolean, invariant: InvariantName, what: () => string): void => {
  if (!holds) throw new Violation(invariant, what())
}

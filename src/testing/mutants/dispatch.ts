import { DISPATCH_GATHERS } from './dispatch-gathers.ts'
import { DISPATCH_ROSTERS } from './dispatch-rosters.ts'
import type { Mutant } from './mutant.ts'

/** Each rule of scatter and gather that protects an invariant, broken once, in the pure machines. */
export const DISPATCH: readonly Mutant[] = [...DISPATCH_GATHERS, ...DISPATCH_ROSTERS]

import { explaining } from '../explaining.ts'
import { DISPATCH_FAULTS, DISPATCH_PROFILES } from './conditions.ts'
import { simulateDispatch } from './simulate.ts'

/** A violation in a line that can be run again, in a short scenario, and in a diagram. */
export const dispatchExplaining = explaining({
  profiles: DISPATCH_PROFILES,
  faults: DISPATCH_FAULTS,
  simulate: simulateDispatch,
  counted: { name: 'clients', least: 1 },
})

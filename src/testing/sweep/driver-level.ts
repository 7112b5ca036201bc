import { drawCluster } from '../cluster/draw.ts'
import { simulate } from '../cluster/simulate.ts'
import { DRIVER_PROFILES, type Level } from './level.ts'
import { scheduledLevel } from './scheduled-level.ts'

/** The real SDK, drivers, links and server in a made-up world. */
export const driverLevel: Level = scheduledLevel({
  profiles: DRIVER_PROFILES,
  simulate: async ({ seed, profile }) => ({
    ...(await simulate({ seed, ...(profile !== undefined && { profile }) })),
    drawn: drawCluster(seed, profile).faults,
  }),
  explain: async (result) => (result.ok ? 'It did not happen again.' : result.explain()),
})

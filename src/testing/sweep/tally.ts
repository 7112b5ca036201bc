import { type Coverage, mergeCoverage } from './coverage.ts'
import type { BrokenInvariant, Outcome } from './level.ts'

/** What happened in some seeds. Adding two is the same in either order, so it does not matter who ran which seeds when. */
export interface Tally {
  seeds: number
  events: number
  /** The time that threads spent on it, added up. */
  busyMs: number
  readonly faults: Record<string, number>
  /** In how many seeds each fault was switched on. */
  readonly drawn: Record<string, number>
  violations: BrokenInvariant[]
  /** Seeds of which two runs differed. */
  unrepeatable: number[]
  coveredSeeds: number
  /** What of the code was reached by the seeds in which that was counted. */
  coverage: Coverage
}

/** A broken core may say much in each of very many seeds, and all of it is kept. */
const LONGEST_MESSAGE = 600

export const emptyTally = (): Tally => ({
  seeds: 0,
  events: 0,
  busyMs: 0,
  faults: {},
  drawn: {},
  violations: [],
  unrepeatable: [],
  coveredSeeds: 0,
  coverage: {},
})

export const addOutcome = (tally: Tally, { events, faults, drawn, violations }: Outcome): void => {
  tally.seeds++
  tally.events += events
  addCounts(tally.faults, faults)
  addCounts(tally.drawn, Object.fromEntries(drawn.map((name) => [name, 1])))
  for (const violation of violations) {
    tally.violations.push({ ...violation, message: violation.message.slice(0, LONGEST_MESSAGE) })
  }
}

export const addTally = (tally: Tally, more: Tally): void => {
  tally.seeds += more.seeds
  tally.events += more.events
  tally.busyMs += more.busyMs
  addCounts(tally.faults, more.faults)
  addCounts(tally.drawn, more.drawn)
  if (more.violations.length > 0) {
    tally.violations = [...tally.violations, ...more.violations].sort((a, b) => a.seed - b.seed || a.step - b.step)
  }
  if (more.unrepeatable.length > 0) {
    tally.unrepeatable = [...tally.unrepeatable, ...more.unrepeatable].sort((a, b) => a - b)
  }
  if (more.coveredSeeds > 0) {
    tally.coveredSeeds += more.coveredSeeds
    tally.coverage = mergeCoverage(tally.coverage, more.coverage)
  }
}

const addCounts = (counts: Record<string, number>, more: Readonly<Record<string, number>>): void => {
  for (const [name, count] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + count
}

/** In fewer seeds a rare fault may well fail to come. */
const SEEDS_ENOUGH = 25

/** Faults that many seeds switched on and that never happened: a simulator that does not do what it says. */
export const missingFaults = ({ faults, drawn }: Pick<Tally, 'faults' | 'drawn'>): string[] =>
  Object.entries(drawn)
    .filter(([name, seeds]) => seeds >= SEEDS_ENOUGH && (faults[name] ?? 0) === 0)
    .map(([name]) => name)
    .sort()

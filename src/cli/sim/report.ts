import type { CoverageReport } from '../../testing/sweep/coverage-report.ts'
import type { BrokenInvariant } from '../../testing/sweep/level.ts'
import type { Sweep } from '../../testing/sweep.ts'
import { roughTime, short } from './progress.ts'

/** More of one kind are counted, not listed. `--json` lists them all. */
const MOST_LISTED = 20

export const violationLine = ({ seed, step, invariant, message }: BrokenInvariant): string =>
  `seed=${seed} step=${step} invariant=${invariant}: ${message}`

/** What went wrong, in lines for stderr; none when nothing did. `again`: the command that runs one seed again. */
export const describeFaults = (result: Sweep, again: (seed: number) => string): string[] => {
  const { violations, unrepeatable, lost, explanations, missingFaults } = result
  const lines: string[] = []
  for (const { seed, text } of explanations) lines.push(text, `Again: ${again(seed)}`, '')
  // Also those that were explained: what was said about them is long, and the end is what is seen first.
  lines.push(...listed(violations.map(violationLine), 'more violations'))
  lines.push(
    ...listed(
      unrepeatable.map((seed) => `seed=${seed} gave another trace the second time`),
      'more such seeds',
    ),
  )
  for (const { from, seeds, seed, reason } of lost) {
    lines.push(`seeds ${from} to ${from + seeds - 1} were not run: their thread died at seed=${seed}: ${reason}`)
  }
  if (missingFaults.length > 0)
    lines.push(`never happened, although many seeds switched it on: ${missingFaults.join(', ')}`)
  return lines
}

export const describeSweep = (result: Sweep, wanted: number): string[] => {
  const { seeds, events, eventsPerSecond, eventsPerSecondPerJob, jobs, elapsedMs, faults, violations, coverage } =
    result
  const bad = violations.length === 0 ? 'no invariant broken' : `${violations.length} with a broken invariant`
  const each = jobs > 1 ? ` by ${jobs} jobs, ${short(eventsPerSecondPerJob)} by each` : ''
  const kinds = Object.values(faults)
  return [
    `${kinds.length} kinds of faults happened, ${short(kinds.reduce((sum, count) => sum + count, 0))} times in all`,
    ...(coverage === undefined ? [] : describeCoverage(coverage)),
    ...(result.interrupted ? [`interrupted after ${seeds} of ${wanted} seeds`] : []),
    `${seeds} seeds, ${events} events in ${roughTime(elapsedMs)}, ${eventsPerSecond} a second${each}: ${bad}`,
  ]
}

/** In fewer seeds most of what is not reached is only rare. */
const SEEDS_TELLING = 100

const describeCoverage = ({ seeds, functions, blocks, unreached, notLoaded }: CoverageReport): string[] => {
  const counts = `${blocks.reached} of ${blocks.total} blocks, ${functions.reached} of ${functions.total} functions`
  const head = `code reached in ${seeds} of the seeds: ${counts}`
  if (seeds < SEEDS_TELLING) return [`${head}; so few do not tell what is never reached`]
  const places = unreached.map(({ file, line, code }) => `  ${file}:${line}  ${code}`)
  return [
    `${head}${places.length > 0 ? '; not reached:' : ''}`,
    ...listed(places, 'more blocks'),
    ...(notLoaded.length > 0 ? [`not even loaded: ${notLoaded.join(', ')}`] : []),
  ]
}

const listed = (lines: readonly string[], rest: string): string[] =>
  lines.length <= MOST_LISTED
    ? [...lines]
    : [...lines.slice(0, MOST_LISTED), `  … and ${lines.length - MOST_LISTED} ${rest}; --json lists them all`]

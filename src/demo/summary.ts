import type { Report } from './check.ts'
import { printablePath } from './names.ts'

/** The last line of `--json`: scripts may rely on its fields. */
export interface Summary {
  readonly type: 'summary'
  readonly ok: boolean
  readonly files: number
  readonly hashed: number
  readonly missing: number
  readonly duplicates: number
  readonly overlaps: number
  readonly killed: number
  readonly frozen: number
  readonly joined: number
  readonly moved: number
  readonly minimumMoves: number
}

export type Faults = Pick<Summary, 'killed' | 'frozen' | 'joined'>

export const summaryOf = (report: Report, faults: Faults): Summary => ({
  type: 'summary',
  ok: report.ok,
  files: report.files,
  hashed: report.hashed,
  missing: report.missing.length,
  duplicates: report.duplicates.length,
  overlaps: report.overlaps.length,
  killed: faults.killed,
  frozen: faults.frozen,
  joined: faults.joined,
  moved: report.moved,
  minimumMoves: report.minimumMoves,
})

/** Everything that is wrong, a line each; the first few of each kind. */
export const faultsOf = (report: Report): string[] => [
  ...some(report.missing, (path) => `left out: ${path}`),
  ...some(report.duplicates, (path) => `done twice: ${path}`),
  ...some(
    report.overlaps,
    ({ what, earlier, later, startNs, endNs }) =>
      `two owners of ${what}: ${earlier.who} (epoch ${earlier.epoch}) and ${later.who} (epoch ${later.epoch}) for ${((endNs - startNs) / 1e6).toFixed(1)} ms`,
  ),
  ...some(report.faults, (fault) => fault),
]

const SHOWN = 5

const some = <T>(items: readonly T[], line: (item: T) => string): string[] => [
  ...items.slice(0, SHOWN).map((item) => printablePath(line(item))),
  ...(items.length > SHOWN ? [`… and ${items.length - SHOWN} more`] : []),
]

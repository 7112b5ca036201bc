import type { SoakReport } from './soak.ts'

const pad = (cells: readonly (string | number)[]): string =>
  cells.map((cell, place) => (place === 0 ? String(cell).padEnd(24) : String(cell).padStart(10))).join('')

/** What a soak found, for people. */
export const describeSoak = (report: SoakReport): string => {
  const { byFault, faults, leaks, writes, violations } = report
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const lines = [
    pad(['fault', 'rounds', 'whole p50', 'p99', 'max', 'bare p50', 'p99', 'max']),
    ...Object.entries(byFault).map(([name, { rounds, toWholeMs, ownerlessMs }]) =>
      pad([name, rounds, ...Object.values(toWholeMs), ...Object.values(ownerlessMs)]),
    ),
    '',
    'whole: ms from the end of the fault until everything had an owner. bare: ms that each thing which lost its owner had none.',
    '',
    `${total} faults in ${report.rounds} rounds and ${report.minutes.toFixed(1)} min, seed ${report.seed}, ${report.processes} members`,
    ...(total === 0 ? [] : [listOf(faults)]),
    `${report.claims} claims checked, ${report.overlaps} overlaps`,
    `fenced resource: ${writes.accepted} writes taken, ${writes.refused} refused as too late`,
    describeLeaks(leaks),
    `the trial itself stood still ${report.standstills.count} times, ${report.standstills.maxMs} ms at most`,
    ...violations.map((violation) => `VIOLATION: ${violation}`),
    ...(report.logs === undefined ? [] : [`the logs are in ${report.logs}`]),
    report.ok ? (report.interrupted ? 'interrupted; nothing violated so far' : 'nothing violated') : 'VIOLATED',
  ]
  return lines.join('\n')
}

const listOf = (faults: SoakReport['faults']): string =>
  Object.entries(faults)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

const describeLeaks = ({ servers, longest, residentMb, files }: SoakReport['leaks']): string => {
  const all = `server: ${servers} processes, resident p50 ${residentMb.p50} MB max ${residentMb.max} MB, open files p50 ${files.p50} max ${files.max}`
  if (longest === undefined) return all
  const [firstMb, lastMb] = longest.residentMb
  const [firstFiles, lastFiles] = longest.files
  return `${all}; the longest life of ${longest.minutes.toFixed(1)} min went from ${firstMb} to ${lastMb} MB and from ${firstFiles} to ${lastFiles} files`
}

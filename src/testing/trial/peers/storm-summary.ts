import type { StormReport } from './storm-report.ts'

const pad = (cells: readonly (string | number)[]): string =>
  cells.map((cell, place) => (place === 0 ? String(cell).padEnd(24) : String(cell).padStart(10))).join('')

/** What the storms over peers found, for people. */
export const describeStorm = (report: StormReport): string =>
  [
    pad(['fault', 'times', 'agreed p50', 'p99', 'max']),
    ...Object.entries(report.toAgreementMs).map(([name, times]) =>
      pad([name, report.faults[name] ?? '', ...Object.values(times)]),
    ),
    '',
    'agreed: ms from the end of the fault until all voters knew one leader. Some faults came together with another one, too.',
    '',
    `${report.repetitions} storms in ${report.minutes.toFixed(1)} min with seed ${report.seed}, ${report.processes} processes`,
    `${report.claims} claims checked, of ${report.leaderships} leaderships`,
    `${report.keptRounds} rounds in which whoever was alive had to keep everything`,
    `asks: ${Object.entries(report.asks)
      .map(([outcome, count]) => `${outcome} ${count}`)
      .join(', ')}`,
    ...report.violations.map((violation) => `VIOLATION: ${violation}`),
    ...report.logs.map((folder) => `logs are in ${folder}`),
    report.ok ? (report.interrupted ? 'interrupted; nothing violated so far' : 'nothing violated') : 'VIOLATED',
  ].join('\n')

import { Latencies, median, quantile, round } from './figures.mjs'

/** What several rounds of one contender gave, as one: the median rate, and all latencies together. */
export const together = (runs) => {
  const latencies = runs.reduce((all, run) => all.merge(run.latencies), new Latencies())
  const rate = median(runs.map((run) => run.rate))
  const busy = median(runs.map((run) => run.busy ?? 0))
  return { rate, latencies, busy }
}

/** The figures of a contender that stand beside its rate. `busy` is the part of one core that its process took. */
const beside = (name, { rate, latencies, busy }) => ({
  [`${name} p50, ms`]: round(latencies.quantile(0.5)),
  [`${name} p99, ms`]: round(latencies.quantile(0.99)),
  ...(busy > 0 && { [`${name}: µs of processor each`]: round((busy * 1e6) / rate) }),
})

/** A rate beside its floor, both of one run. */
export const rateRow = ({ row, ours, floor, others, target, of, unit, known = {} }) => {
  const ratio = ours.rate / floor.rate
  const measured = Object.entries(others).map(([name, { rate }]) => [name, round(rate)])
  return {
    row,
    ours: round(ours.rate),
    floor: round(floor.rate),
    others: { ...Object.fromEntries(measured), ...known },
    ratio: round(ratio),
    target: `≥ ${target} of ${of}`,
    ok: ratio >= target,
    unit,
    details: { ...beside('ours', ours), ...beside('floor', floor) },
  }
}

/** Whoever lives on a lease of seconds is not to wait longer for being told so. */
const ALIVE_P99_MS = 50

/**
 * How many at once the server keeps alive: what the 99th of a hundred waits for its `each`, and that nobody expires. `used` is what the
 * process of the server had used before and after.
 */
export const aliveRow = ({ name, each, run, used: [before, after], expired, details }) => {
  const p99 = run.latencies.quantile(0.99)
  return {
    row: `${name}: p99 of a ${each}`,
    ours: round(p99),
    floor: null,
    others: {},
    ratio: round(p99 / ALIVE_P99_MS),
    target: `≤ ${ALIVE_P99_MS} ms, nobody expires`,
    ok: p99 <= ALIVE_P99_MS && expired === 0,
    unit: 'ms',
    details: {
      'p50, ms': round(run.latencies.quantile(0.5)),
      'p99.9, ms': round(run.latencies.quantile(0.999)),
      [`${each}s/s`]: round(run.rate),
      'part of a core': before === undefined ? 0 : round((after.seconds - before.seconds) / run.seconds),
      ...details,
      expired,
    },
  }
}

/** How long each of several runs took, beside their median. */
export const spreadOf = (took, prefix = '') => ({
  [`${prefix}lowest, ms`]: round(Math.min(...took), 4),
  [`${prefix}p90, ms`]: round(quantile(took, 0.9), 4),
  [`${prefix}highest, ms`]: round(Math.max(...took), 4),
  [`${prefix}runs`]: took.length,
})

/** Every run of several contenders, ours first, for the picture of a cluster; `most` is what ours may take. */
export const seriesOf = (all, most) => ({
  took: Object.fromEntries(Object.entries(all).map(([name, took]) => [name, took.map((ms) => round(ms, 4))])),
  most,
})

/** A row of how long something takes, at the median of several times: no less than `floor`, which is what is waited for, and little more. */
export const waitRow = (row, took, { floor, others, marginMs }) => {
  const ms = median(took)
  return {
    row,
    ours: round(ms, 4),
    floor: round(floor, 4),
    others,
    ratio: round(ms / floor),
    target: `≤ ${round(floor, 4)} + ${marginMs} ms`,
    ok: ms <= floor + marginMs,
    unit: 'ms',
    details: spreadOf(took),
    series: { [row]: took.map((each) => round(each, 4)) },
  }
}

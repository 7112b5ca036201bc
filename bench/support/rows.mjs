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
    details: {
      'lowest, ms': round(Math.min(...took), 4),
      'p90, ms': round(quantile(took, 0.9), 4),
      'highest, ms': round(Math.max(...took), 4),
      runs: took.length,
    },
    series: { [row]: took.map((each) => round(each, 4)) },
  }
}

import { crewsOf } from '../dispatch/crew.mjs'
import { inTurn, round } from '../support/figures.mjs'
import { together, waitRow } from '../support/rows.mjs'

const OURS = 'Caucus'
const RIVAL = 'NATS'
const FLOOR = 'direct TCP'
const IN_FLIGHT = [1, 16]
/** By fan-out and by how many are in flight: so many times NATS. */
const TARGETS = { 10: { 1: 1.5, 16: 1.5 }, 100: { 1: 1.2, 16: 1.5 } }
/** Shares of all asks, for the picture of how long they took. */
const SHARES = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

/** Several rounds as one, with what an ask cost each of the parts. The system counts in hundredths of a second, so all rounds go together. */
const summedUp = (runs) => {
  const asks = runs.reduce((sum, each) => sum + each.latencies.size, 0)
  const spent = (part) => runs.reduce((sum, each) => sum + each.spent[part], 0) / asks
  return {
    ...together(runs),
    spent: { asker: spent('asker'), server: spent('server'), responders: spent('responders') },
  }
}

const beside = ([name, { latencies, spent }]) => {
  const parts = Object.entries(spent).filter(([, seconds]) => seconds > 0)
  return [
    [`${name} p50, ms`, round(latencies.quantile(0.5))],
    [`${name} p99, ms`, round(latencies.quantile(0.99))],
    ...parts.map(([part, seconds]) => [`${name}: µs of processor for an ask, ${part}`, round(seconds * 1e6)]),
  ]
}

const seriesOf = (all) => ({
  rates: Object.fromEntries(all.map(([name, { rate }]) => [name, round(rate)])),
  shares: SHARES,
  latencies: Object.fromEntries(
    all.map(([name, { latencies }]) => [name, SHARES.map((share) => round(latencies.quantile(share)))]),
  ),
})

const rowOf = (fanOut, inFlight, results) => {
  const { [OURS]: ours, [FLOOR]: floor, ...others } = results
  const all = Object.entries(results)
  const target = TARGETS[fanOut][inFlight]
  // Without that server there is nothing to divide by.
  const ratio = others[RIVAL] === undefined ? null : ours.rate / others[RIVAL].rate
  return {
    row: `dispatch across processes, fan-out ${fanOut}, ${inFlight} in flight`,
    ours: round(ours.rate),
    floor: round(floor.rate),
    others: Object.fromEntries(Object.entries(others).map(([name, { rate }]) => [name, round(rate)])),
    ratio: ratio && round(ratio),
    target: `≥ ${target} × ${RIVAL}`,
    ok: ratio && ratio >= target,
    unit: 'requests/s',
    details: { 'part of the floor': round(ours.rate / floor.rate), ...Object.fromEntries(all.flatMap(beside)) },
    series: seriesOf(all),
  }
}

const stopAll = (crews) => Promise.all(Object.values(crews).map((crew) => crew.stop()))

/** Everybody in processes of their own: through our server, through NATS, and over sockets from the asker to each responder. */
export const dispatchAcross = async ({ quick, tell }) => {
  const durationMs = quick ? 300 : 1_000
  const rows = []
  for (const fanOut of Object.keys(TARGETS).map(Number)) {
    const crews = await crewsOf(fanOut, tell)
    for (const inFlight of IN_FLIGHT) {
      const contenders = (ms) =>
        Object.fromEntries(
          Object.entries(crews).map(([name, crew]) => [name, () => crew.load({ inFlight, durationMs: ms })]),
        )
      // Once for the compilers of all processes.
      await inTurn(1, contenders(quick ? 200 : 1_500))
      const runs = await inTurn(quick ? 1 : 9, contenders(durationMs))
      rows.push(
        rowOf(fanOut, inFlight, Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, summedUp(all)]))),
      )
      tell(`fan-out ${fanOut}, ${inFlight} in flight: measured`)
    }
    await stopAll(crews)
  }
  return rows
}

const LIMIT_MS = 100
const MARGIN_MS = 1

/** Ten are asked, and one of them never says anything: when does the ask end, and does it say who that was? */
export const silentResponder = async ({ quick, tell }) => {
  const crews = await crewsOf(10, tell)
  const times = quick ? 5 : 25
  const results = {}
  for (const [name, crew] of Object.entries(crews)) {
    // Once for the compilers: what is looked at is a millisecond.
    await crew.load({ inFlight: 1, durationMs: quick ? 100 : 1_000 })
    results[name] = await crew.silence({ times, limitMs: LIMIT_MS })
  }
  await stopAll(crews)
  const { [OURS]: ours, ...others } = results
  const row = waitRow(`dispatch across processes, one silent of 10, limit of ${LIMIT_MS} ms`, ours.took, {
    floor: LIMIT_MS,
    others: Object.fromEntries(Object.entries(others).map(([name, { median }]) => [name, round(median, 4)])),
    marginMs: MARGIN_MS,
  })
  const named = Object.entries(results).flatMap(([name, result]) => [
    [`${name} names it`, `${result.named} of ${times}`],
    ...(result.again > 0 ? [[`${name} asked again`, result.again]] : []),
  ])
  return [
    {
      ...row,
      target: `${row.target}, and it is named`,
      ok: row.ok && ours.named === times,
      details: { ...row.details, ...Object.fromEntries(named) },
    },
  ]
}

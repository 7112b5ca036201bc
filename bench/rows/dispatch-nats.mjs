import { crewsOf } from '../dispatch/crew.mjs'
import { inTurn, median, round } from '../support/figures.mjs'
import { together } from '../support/rows.mjs'

const OURS = 'Caucus on NATS'
const RIVAL = 'NATS'
/** By fan-out. */
const FAN_OUTS = [10, 100]
const IN_FLIGHT = [1, 16]
/** Of what NATS' own client does with the same server. */
const TARGET = 0.85
const WARM_UPS = 3

const rowOf = (fanOut, inFlight, runs) => {
  const [ours, rival] = [together(runs[OURS]), together(runs[RIVAL])]
  // Round by round, since the machine is not the same in each.
  const ratio = median(runs[OURS].map(({ rate }, round) => rate / runs[RIVAL][round].rate))
  const quantiles = ({ latencies }) => [0.5, 0.99].map((share) => round(latencies.quantile(share)))
  const [[ourP50, ourP99], [p50, p99]] = [quantiles(ours), quantiles(rival)]
  return {
    row: `backends, topics on NATS, fan-out ${fanOut}, ${inFlight} in flight`,
    ours: round(ours.rate),
    floor: null,
    others: { 'NATS request-many': round(rival.rate) },
    ratio: round(ratio),
    target: `≥ ${TARGET} × NATS`,
    ok: ratio >= TARGET,
    unit: 'requests/s',
    details: { 'p50, ms': ourP50, 'p99, ms': ourP99, 'NATS p50, ms': p50, 'NATS p99, ms': p99 },
  }
}

/** The same asks by our topics on NATS and by NATS' own client, each with a server of its own and responders in other processes. */
export const dispatchOnNats = async ({ quick, tell }) => {
  const rows = []
  for (const fanOut of FAN_OUTS) {
    const crews = await crewsOf(fanOut, tell, ['caucus-nats', 'nats'])
    const isWhole = crews[OURS] !== undefined && crews[RIVAL] !== undefined
    for (const inFlight of isWhole ? IN_FLIGHT : []) {
      const contenders = (durationMs) =>
        Object.fromEntries(
          Object.entries(crews).map(([name, crew]) => [name, () => crew.load({ inFlight, durationMs })]),
        )
      // For the compilers of all processes: with one in flight they see little in a second.
      await inTurn(quick ? 1 : WARM_UPS, contenders(quick ? 200 : 1_500))
      const runs = await inTurn(quick ? 1 : 9, contenders(quick ? 300 : 1_000))
      rows.push(rowOf(fanOut, inFlight, runs))
      tell(`fan-out ${fanOut}, ${inFlight} in flight on NATS: measured`)
    }
    await Promise.all(Object.values(crews).map((crew) => crew.stop()))
  }
  return rows
}

import { order, startVoters } from '../cluster/voters.mjs'
import { median, round, sleep } from '../support/figures.mjs'
import { seriesOf, spreadOf } from '../support/rows.mjs'

const MOST_MS = 20
const VOTERS = 3

/** The leader is told to hand over and to whom it likes; how long nobody leads, and how long it all takes. */
const handedOver = async (voters) => {
  await sleep(200 + Math.random() * 50)
  const { leader, term } = await voters.agreed()
  const { atMs, endedMs } = await order(voters, leader, 'transfer')
  // On a machine that is too busy for its timing it led no more when it was told, or the next one no more when it is asked.
  if (endedMs === undefined) return undefined
  const next = await voters.agreed(term)
  const beganMs = await order(voters, next.leader, 'began', { token: next.term })
  if (beganMs === null) return undefined
  return { leaderless: beganMs - endedMs, ordered: beganMs - atMs, known: next.atMs - atMs }
}

/** Nobody leads from the instant at which the old leader says that it does so no more until the new one says that it does. */
export const transfer = async ({ quick, tell }) => {
  const times = quick ? 3 : 50
  const { voters, stop } = await startVoters(VOTERS, 'local')
  const runs = []
  while (runs.length < times) {
    const run = await handedOver(voters)
    if (run === undefined) continue
    runs.push(run)
    if (runs.length % 10 === 0) tell(`transfer: ${runs.length} of ${times}`)
  }
  await stop()
  const took = runs.map(({ leaderless }) => leaderless)
  const ms = median(took)
  return [
    {
      row: 'cluster, planned transfer: without a leader',
      ours: round(ms),
      floor: null,
      others: {},
      ratio: round(ms / MOST_MS),
      target: `≤ ${MOST_MS} ms`,
      ok: ms <= MOST_MS,
      unit: 'ms',
      details: {
        ...spreadOf(took),
        'from the order until the next one leads, ms (median)': round(median(runs.map(({ ordered }) => ordered))),
        'from the order until all know, ms (median)': round(median(runs.map(({ known }) => known))),
      },
      series: seriesOf({ 'planned transfer, 3 voters': took }, MOST_MS),
    },
  ]
}

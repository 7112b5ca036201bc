import { timing } from '../../dist/index.js'
import { etcdVersion, startEtcd } from '../cluster/etcd.mjs'
import { startVoters } from '../cluster/voters.mjs'
import { median, round } from '../support/figures.mjs'
import { seriesOf, spreadOf } from '../support/rows.mjs'

const { electionMinMs, electionMaxMs } = timing.local
/** Of the shortest election time-out, at the median. */
const TARGETS = { 3: 1.4, 5: 1.25 }
const ELSEWHERE = {
  3: {
    'QCluster (measured elsewhere)': 164,
    'a loop over etcd elections (measured elsewhere)': '1052–1909',
  },
  5: { 'QCluster (measured elsewhere)': 198 },
}

/** Both with the heartbeat that its documents ask for: a tenth of the election time-out. */
const ETCD = {
  tuned: { timers: ['--heartbeat-interval', '15', '--election-timeout', '150'], quietMs: 1_000 },
  'default timers': { timers: [], quietMs: 3_000 },
}

/** With tethers, the end of a process is known by the end of its connections. */
const TETHERED_MS = 20

const ours = async (count, times, tell, more) => {
  const { voters, stop } = await startVoters(count, 'local', more)
  // Whoever was restarted sits out its longest promise first.
  const took = await voters.failovers(times, 3 * electionMaxMs, tell)
  await stop()
  return took
}

const rivals = async (times, tell) => {
  const version = etcdVersion()
  if (version === undefined) {
    tell('etcd: skipped, since it is not installed (Debian: etcd-server)')
    return {}
  }
  const took = {}
  for (const [timing, { timers, quietMs }] of Object.entries(ETCD)) {
    const name = `etcd ${version}, ${timing}`
    const { nodes, stop } = await startEtcd(name, 3, timers)
    took[name] = await nodes.failovers(times, quietMs, tell)
    await stop()
  }
  return took
}

const rowOf = (count, took, others) => {
  const ms = median(took)
  const most = TARGETS[count] * electionMinMs
  const measured = Object.entries(others).map(([name, all]) => [name, round(median(all), 4)])
  const missing = count === 3 && measured.length === 0 ? { etcd: 'not installed here' } : {}
  const all = { [`Caucus, ${count} voters`]: took, ...others }
  return {
    row: `cluster, kill -9 of the leader → all survivors know the new one, ${count} voters`,
    ours: round(ms, 4),
    floor: electionMinMs,
    others: { ...Object.fromEntries(measured), ...missing, ...ELSEWHERE[count] },
    ratio: round(ms / electionMinMs),
    target: `≤ ${TARGETS[count]} × the shortest election time-out (${most} ms)`,
    ok: ms <= most,
    unit: 'ms',
    details: Object.assign({}, ...Object.entries(all).map(([name, each]) => spreadOf(each, `${name}: `))),
    series: seriesOf(all, most),
  }
}

const tetheredRow = (took) => {
  const ms = median(took)
  return {
    row: 'cluster, kill -9 of the leader → all survivors know the new one, 3 voters, links direct',
    ours: round(ms, 4),
    floor: null,
    others: {},
    ratio: round(ms / TETHERED_MS),
    target: `≤ ${TETHERED_MS} ms`,
    ok: ms <= TETHERED_MS,
    unit: 'ms',
    details: spreadOf(took),
    series: seriesOf({ 'Caucus, 3 voters, links direct': took }, TETHERED_MS),
  }
}

/** kill -9 of whoever leads, again and again, and how long until every survivor knows the next one. Beside it three nodes of etcd. */
export const failover = async ({ quick, tell }) => {
  // Chance decides who is impatient, so it takes many to know the median of it.
  const times = quick ? 2 : 20
  const three = await ours(3, times, tell)
  const five = await ours(5, times, tell)
  const tethered = await ours(3, times, tell, { links: 'direct' })
  const others = await rivals(quick ? 2 : 20, tell)
  return [rowOf(3, three, others), rowOf(5, five, {}), tetheredRow(tethered)]
}

import { grantMs } from '../../dist/core/lease.js'
import { timing } from '../../dist/index.js'
import { Crowd } from '../cluster/crowd.mjs'
import { startVoters } from '../cluster/voters.mjs'
import { median, round, sleep } from '../support/figures.mjs'
import { seriesOf, spreadOf, waitRow } from '../support/rows.mjs'
import { nowMs, Team } from '../support/team.mjs'

const VOTERS = 3
const MEMBERS = 100
const { electionMinMs, electionMaxMs, leaseMs, settleMs } = timing.local
/** At the median, a leader is to be known within this (row `failover`). */
const ELECTED_MS = 1.4 * electionMinMs
/** Whoever was restarted sits out its longest promise, and members come to rest. */
const QUIET_MS = 3 * electionMaxMs
const MARGIN_MS = 50

/** kill -9 of the leader that serves a hundred members, who are connected through any of the peers. */
export const failoverMembers = async ({ quick, tell }) => {
  const times = quick ? 2 : 25
  const { voters, urls, stop } = await startVoters(VOTERS, 'local')
  const crowd = new Crowd(urls, 'bench', quick ? 10 : MEMBERS)
  await crowd.renewed()
  // All have joined; the group settles with all of them.
  await sleep(2 * leaseMs)
  const before = { lost: { ...crowd.lost }, granted: crowd.granted }
  const took = []
  const each = []
  const elected = []
  for (let i = 0; i < times; i++) {
    await sleep(QUIET_MS * (1 + Math.random()))
    const { leader, term } = await voters.agreed()
    const { generation } = crowd
    const killedAt = voters.kill(leader)
    const [renewedAt, { atMs }] = await Promise.all([crowd.renewed(generation), voters.agreed(term)])
    const waits = renewedAt.map((at) => at - killedAt)
    took.push(Math.max(...waits))
    each.push(...waits)
    elected.push(atMs - killedAt)
    voters.add(leader)
    if (i % 5 === 4) tell(`failover of members: ${i + 1} of ${times}`)
  }
  await sleep(2 * leaseMs)
  crowd.end()
  await stop()
  const ms = median(took)
  const losses = Object.entries(crowd.lost).map(([because, lost]) => [because, lost - (before.lost[because] ?? 0)])
  const lost = losses.reduce((sum, [, count]) => sum + count, 0)
  const given = crowd.granted - before.granted
  const name = `cluster, kill -9 of the leader of ${quick ? 10 : MEMBERS} members`
  return [
    {
      row: `${name} → the next one has renewed all of them`,
      ours: round(ms, 4),
      floor: leaseMs,
      others: {},
      ratio: round(ms / leaseMs),
      target: `< ${leaseMs} ms, the lease: nobody lapses`,
      ok: ms < leaseMs && lost === 0,
      unit: 'ms',
      details: {
        ...spreadOf(took),
        'a member in the middle, ms': round(median(each), 4),
        'until all peers know it, ms (median)': round(median(elected), 4),
      },
      series: seriesOf({ [`all of ${MEMBERS} members renewed`]: took }, leaseMs),
    },
    {
      row: `${name}: slots that one of them lost, or was given`,
      ours: lost + given,
      floor: 0,
      others: {},
      ratio: null,
      target: '0',
      ok: lost + given === 0,
      unit: `in ${times} failovers`,
      details: { lost, given, ...Object.fromEntries(losses.map(([because, count]) => [`lost: ${because}`, count])) },
    },
  ]
}

/** The leader and a member are killed at once: what that member held is claimed by nobody, and waits for the longest lease. */
export const failoverUnclaimed = async ({ quick, tell }) => {
  const times = quick ? 2 : 25
  const { voters, urls, stop } = await startVoters(VOTERS, 'local')
  const took = []
  for (let i = 0; i < times; i++) {
    const team = new Team(urls.join(), `bench-${i}`)
    const members = await team.add(3)
    for (const member of members) member.send('join')
    await team.hold(members, 3)
    await sleep(QUIET_MS * (1 + Math.random()))
    const { leader, term } = await voters.agreed()
    const startedAt = nowMs()
    voters.kill(leader)
    members[0].kill('SIGKILL')
    took.push((await team.hold(members.slice(1), 2)) - startedAt)
    team.end()
    await voters.agreed(term)
    voters.add(leader)
    if (i % 5 === 4) tell(`unclaimed: ${i + 1} of ${times}`)
  }
  await stop()
  const name = 'cluster, kill -9 of the leader and of one of three members → the others hold new slots'
  const floor = ELECTED_MS + grantMs(leaseMs) + settleMs
  const { series, ...row } = waitRow(name, took, { floor, others: {}, marginMs: MARGIN_MS })
  return [{ ...row, series: seriesOf({ 'what nobody claims is granted': took }, floor + MARGIN_MS) }]
}

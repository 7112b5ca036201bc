import { grantMs } from '../../dist/core/lease.js'
import { sleep } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'
import { waitRow } from '../support/rows.mjs'
import { nowMs, Team } from '../support/team.mjs'

const LEASE_MS = 1_000
const SETTLE_MS = 100
const MARGIN_MS = 50

/** Three members with an index each; something happens, and the clock runs until all who are there then hold new slots. */
export const measureChange = async (url, group, { newcomers, happen, stay, total }) => {
  const team = new Team(url, group)
  try {
    const members = await team.add(3)
    const others = await team.add(newcomers)
    for (const member of members) member.send('join')
    await team.hold(members, 3)
    // At a random moment between two renewals, as crashes come.
    await sleep(300 + Math.random() * 400)
    const startedAt = nowMs()
    happen({ members, others })
    return (await team.hold(stay({ members, others }), total)) - startedAt
  } finally {
    team.end()
  }
}

const handOver = async ({ name, floor, others, quick, tell, ...change }) => {
  const server = await startCaucus('-t', String(LEASE_MS / 1000), '-s', String(SETTLE_MS / 1000))
  const times = quick ? 3 : 25
  try {
    const took = []
    for (let i = 0; i < times; i++) {
      took.push(await measureChange(server.url, `bench-${i}`, change))
      if (i % 5 === 4) tell(`${name}: ${i + 1} of ${times}`)
    }
    return [waitRow(name, took, { floor, others, marginMs: MARGIN_MS })]
  } finally {
    await server.stop()
  }
}

const GONE = { newcomers: 0, total: 2, stay: ({ members }) => members.slice(1) }
const CRASHES = {
  'bloc -t 4 -s 6 (measured elsewhere)': 10_700,
  'bloc, tight (measured elsewhere)': 2_800,
  'Kafka, default (documented)': 45_000,
}

/** What may happen to three members, and who then has to hold new slots. */
export const CHANGES = {
  /** kill -9: nobody says anything, so the lease must run out first. */
  crash: { ...GONE, happen: ({ members }) => members[0].kill('SIGKILL') },
  /** A leave acknowledges, so nothing but the debounce is waited for. */
  leave: { ...GONE, happen: ({ members }) => members[0].send('leave') },
  /** The others are asked for their slots when the debounce ends, and acknowledge. */
  join: {
    newcomers: 1,
    total: 4,
    happen: ({ others }) => others[0].send('join'),
    stay: ({ members, others }) => [...members, ...others],
  },
}

export const CHANGE_NAMES = {
  crash: 'crash of one of three → others hold new slots',
  leave: 'planned leave of one of three → others hold new slots',
  join: 'planned join of a fourth → all four hold new slots',
}

const waited = (change, more) => (options) =>
  handOver({ ...options, ...CHANGES[change], name: CHANGE_NAMES[change], ...more })

export const crash = waited('crash', { floor: grantMs(LEASE_MS) + SETTLE_MS, others: CRASHES })
export const leave = waited('leave', { floor: SETTLE_MS, others: {} })
export const join = waited('join', { floor: SETTLE_MS, others: {} })

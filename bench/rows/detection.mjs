import { grantMs } from '../../dist/core/lease.js'
import { connect, remote, timing } from '../../dist/index.js'
import { median, round, sleep } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'
import { waitRow } from '../support/rows.mjs'
import { follow } from '../support/server-view.mjs'
import { Team } from '../support/team.mjs'

const LEASE_MS = 1_000
const MARGIN_MS = 50
const OTHERS = { 'serf LAN (measured elsewhere)': 6_600, 'moleculer (measured elsewhere)': 56_000 }

const expiry = async (server, group) => {
  const team = new Team(server.url, group)
  let end
  try {
    const members = await team.add(3)
    for (const member of members) member.send('join')
    await team.hold(members, 3)
    const id = team.idOf(members[0])
    let told
    const expired = new Promise((resolve) => {
      told = resolve
    })
    end = await follow(server, group, ({ event }, at) => {
      if (event?.type === 'member.expired' && event.member === id) told(at)
    })
    await sleep(300 + Math.random() * 400)
    const frozenAt = performance.now()
    members[0].kill('SIGSTOP')
    return (await expired) - frozenAt
  } finally {
    end?.()
    team.end()
  }
}

/** A member is stopped with its connection open, which nobody but its silence tells. */
export const frozenMember = async ({ quick, tell }) => {
  const server = await startCaucus('-t', String(LEASE_MS / 1000), '-s', '0.1')
  const times = quick ? 3 : 25
  try {
    const took = []
    for (let i = 0; i < times; i++) {
      took.push(await expiry(server, `bench-${i}`))
      if (i % 5 === 4) tell(`frozen member: ${i + 1} of ${times}`)
    }
    const floor = grantMs(LEASE_MS)
    const name = 'failure detection without a closed connection (SIGSTOP of a member, lease of 1 s)'
    return [waitRow(name, took, { floor, others: OTHERS, marginMs: MARGIN_MS })]
  } finally {
    await server.stop()
  }
}

const MEMBERS = 20
const FREEZE_MS = 4_000

/** The server itself is stopped for four leases; what it finds on waking must not be held against its members. */
export const frozenServer = async ({ quick, tell }) => {
  const server = await startCaucus('-t', String(LEASE_MS / 1000), '-s', '0.1')
  const freezes = quick ? 1 : 5
  const caucus = await connect(remote([server.url], { timing: timing.local }))
  let end
  try {
    const joins = Array.from({ length: MEMBERS }, () => caucus.group('bench').join())
    const members = await Promise.all(joins)
    const holding = () => members.every(({ slot }) => slot?.total === MEMBERS)
    while (!holding()) await sleep(20)
    const epoch = members[0].slot.epoch
    let expired = 0
    end = await follow(server, 'bench', ({ event }) => {
      if (event?.type === 'member.expired') expired++
    })
    const back = []
    for (let i = 0; i < freezes; i++) {
      process.kill(server.pid, 'SIGSTOP')
      await sleep(FREEZE_MS)
      process.kill(server.pid, 'SIGCONT')
      const wokenAt = performance.now()
      while (!holding()) await sleep(2)
      back.push(performance.now() - wokenAt)
      // Long enough for whoever would be taken for gone after all.
      await sleep(2 * LEASE_MS)
      tell(`frozen server: ${i + 1} of ${freezes}`)
    }
    const views = members.filter(({ slot }) => slot?.epoch !== epoch).length
    return [
      {
        row: `members taken for gone though the server itself was frozen (${FREEZE_MS / 1_000} s, lease of 1 s)`,
        ours: expired,
        floor: 0,
        others: {},
        ratio: null,
        target: '0',
        ok: expired === 0,
        unit: `of ${MEMBERS * freezes}`,
        details: {
          'all hold again after, ms (median)': round(median(back)),
          'of them in another view than before': views,
          freezes,
        },
      },
    ]
  } finally {
    end?.()
    await caucus.close()
    await server.stop()
  }
}

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { grantMs } from '../../dist/core/lease.js'
import { median, quantile, round } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'

const LEASE_MS = 1_000
const SETTLE_MS = 100
const MARGIN_MS = 50
const worker = fileURLToPath(new URL('../support/member.mjs', import.meta.url))

/** Three member processes with an index each; one goes, and the clock runs until the others hold new slots. */
const measure = async (url, group, go) => {
  const members = Array.from({ length: 3 }, () => fork(worker, [url, group]))
  const totals = new Map()
  let check = () => {}
  for (const member of members) {
    member.on('message', ({ total, atNs }) => {
      totals.set(member, { total, atNs: BigInt(atNs) })
      check()
    })
  }
  const all = (those, total) =>
    new Promise((resolve) => {
      check = () => those.every((member) => totals.get(member)?.total === total) && resolve()
      check()
    })
  await all(members, 3)
  // At a random moment between two renewals, as crashes come.
  await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 400))
  const [leaver, ...rest] = members
  const startedAt = process.hrtime.bigint()
  go(leaver)
  await all(rest, 2)
  for (const member of members) member.kill('SIGKILL')
  return Math.max(...rest.map((member) => Number(totals.get(member).atNs - startedAt) / 1e6))
}

const handOver = async (name, times, floor, go) => {
  const server = await startCaucus('-t', String(LEASE_MS / 1000), '-s', String(SETTLE_MS / 1000))
  try {
    const took = []
    for (let i = 0; i < times; i++) took.push(await measure(server.url, `bench-${i}`, go))
    const ms = median(took)
    return [
      {
        row: name,
        ours: round(ms, 4),
        floor: round(floor, 4),
        others: { lowest: round(Math.min(...took), 4), p90: round(quantile(took, 0.9), 4), runs: times },
        ratio: round(ms / floor),
        target: `≤ ${round(floor, 4)} + ${MARGIN_MS} ms`,
        ok: ms <= floor + MARGIN_MS,
        unit: 'ms',
      },
    ]
  } finally {
    await server.stop()
  }
}

/** kill -9: the lease must run out first. */
export const crash = ({ quick }) =>
  handOver('crash of one of three → others hold new slots', quick ? 3 : 20, grantMs(LEASE_MS) + SETTLE_MS, (member) =>
    member.kill('SIGKILL'),
  )

/** A leave acknowledges, so nothing but the debounce is waited for. */
export const planned = ({ quick }) =>
  handOver('planned leave of one of three → others hold new slots', quick ? 3 : 20, SETTLE_MS, (member) =>
    member.send('leave'),
  )

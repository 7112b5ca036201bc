import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { timing } from '../../dist/index.js'
import { countsOf, startOneEtcd } from '../backends/etcd.mjs'
import { median, round, sleep } from '../support/figures.mjs'
import { tracked } from '../support/process.mjs'
import { nowMs } from '../support/team.mjs'

const PARTITIONS = 4_096
const PROCESSES = 4
const SETTLE_MS = 100
const TIMING = { ...timing.lan, leaseMs: 10_000, heartbeatMs: 2_500, settleMs: SETTLE_MS, settleCapMs: 2_000 }
const LIMIT_MS = 120_000

const program = fileURLToPath(new URL('../backends/crew-member.mjs', import.meta.url))

/** Processes with many members each. */
class Crews {
  #args
  #children = []

  constructor(...args) {
    this.#args = args
  }

  add(prefix, count) {
    const [spec, group, share] = this.#args
    const child = tracked(fork(program, [spec, group, prefix, String(count), JSON.stringify(share)]))
    this.#children.push(child)
    return child
  }

  /** Resolves once everybody has their part of a settled group of so many, with the instant at which the last of them had it. */
  async settled(members) {
    const each = this.#children.map(
      (child) =>
        new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error(`a group of ${members} has not settled`)), LIMIT_MS)
          const hear = (said) => {
            if (said.members !== members) return
            clearTimeout(late)
            child.off('message', hear)
            resolve(said.atMs)
          }
          child.on('message', hear)
          child.send(members)
        }),
    )
    return Math.max(...(await Promise.all(each)))
  }

  end() {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

const measure = async (server, share, n, times) => {
  const prefix = `change-${JSON.stringify(share)}-${n}/`
  const spec = JSON.stringify({ kind: 'etcd', urls: [server.url], prefix, timing: TIMING, fresh: true })
  const crews = new Crews(spec, 'change', share)
  try {
    for (let i = 0; i < PROCESSES; i++) crews.add(`crew-${i}`, Math.ceil((n - i) / PROCESSES))
    await crews.settled(n)
    const took = []
    const bills = []
    for (let i = 1; i <= times; i++) {
      // What is read anyhow, by renewals, is not what the change costs: a quiet time beside it says how much that is.
      const quiet = await countsOf(server.url)
      const quietAt = nowMs()
      await sleep(1_000)
      const before = await countsOf(server.url)
      const startedAt = nowMs()
      crews.add(`newcomer-${i}`, 1)
      const settledAt = await crews.settled(n + i)
      const after = await countsOf(server.url)
      took.push(settledAt - startedAt)
      const part = (nowMs() - startedAt) / (startedAt - quietAt)
      bills.push({
        puts: after.puts - before.puts,
        reads: Math.max(0, after.ranges - before.ranges - part * (before.ranges - quiet.ranges)),
        sent: Math.max(0, after.sent - before.sent - part * (before.sent - quiet.sent)),
      })
    }
    const of = (what) => median(bills.map((bill) => bill[what]))
    return { ms: median(took), puts: of('puts'), reads: of('reads'), sent: of('sent') }
  } finally {
    crews.end()
  }
}

/** What one that joins costs etcd, and how long it takes until everybody has their new part, by the size of the group. */
export const etcdChange = async ({ quick, tell }) => {
  const server = await startOneEtcd()
  if (server === undefined) {
    tell('etcd: skipped, since it is not installed (Debian: etcd-server)')
    return []
  }
  const rows = []
  try {
    for (const [kind, share] of [
      ['index', 'index'],
      [`${PARTITIONS} partitions`, { partitions: PARTITIONS }],
    ]) {
      for (const n of quick ? [10] : [10, 100, 1_000, 3_000]) {
        tell(`a change in a group of ${n} on etcd, ${kind}`)
        const { ms, puts, reads, sent } = await measure(server, share, n, quick ? 1 : 3)
        rows.push({
          row: `backends, a join in a group of ${n} on etcd, ${kind}`,
          ours: round(ms, 4),
          floor: SETTLE_MS,
          others: {},
          ratio: null,
          target: 'told, not aimed at',
          ok: null,
          unit: 'ms, the start of its process included',
          details: { 'keys written': puts, 'keys read': round(reads), 'KiB that etcd sent': round(sent / 1_024) },
        })
      }
    }
    return rows
  } finally {
    await server.stop()
  }
}

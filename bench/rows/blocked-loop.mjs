import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { timing } from '../../dist/index.js'
import { told } from '../cluster/told.mjs'
import { order, startVoters } from '../cluster/voters.mjs'
import { median, round, sleep } from '../support/figures.mjs'
import { startCaucus, tracked } from '../support/process.mjs'

const VOTERS = 3
const { electionMaxMs } = timing.local
const BLOCK_MS = 3 * electionMaxMs
const candidate = fileURLToPath(new URL('../cluster/candidate.mjs', import.meta.url))

/** The loop of `child` is blocked; meanwhile there is news for it, which it finds when it wakes. */
const blocked = async (child, forMs) => {
  const woken = told(child, 'block', { forMs })
  await sleep(forMs / 2)
  child.send({ order: 'news' })
  return woken
}

const rowsOf = (name, runs, others) => {
  const both = runs.map(({ untilMs, nextFromMs }) => Math.max(0, untilMs - nextFromMs))
  const late = runs.flatMap(({ found }) => found.filter(({ leads }) => leads))
  const looks = runs.reduce((sum, { found }) => sum + found.length, 0)
  const kinds = [...new Set(runs.flatMap(({ found }) => found.map(({ what }) => what)))]
  const between = runs.map(({ untilMs, nextFromMs }) => nextFromMs - untilMs)
  return [
    {
      row: `cluster, ${name}, event loop blocked past the lease: how long two processes believe to lead`,
      ours: round(Math.max(...both)),
      floor: 0,
      others,
      ratio: null,
      target: '0 ms',
      ok: both.every((ms) => ms === 0),
      unit: 'ms',
      details: {
        runs: runs.length,
        'of them with another leader while it was blocked': runs.filter(({ endMs, nextFromMs }) => nextFromMs < endMs)
          .length,
        'nobody leads in between, ms (median)': round(median(between)),
        'nobody leads in between, ms (lowest)': round(Math.min(...between)),
      },
    },
    {
      row: `cluster, ${name}, event loop blocked past the lease: what runs after waking and is told that it leads`,
      ours: late.length,
      floor: 0,
      others: {},
      ratio: null,
      target: '0',
      ok: late.length === 0,
      unit: `of ${looks}`,
      details: Object.fromEntries(
        kinds.map((kind) => [
          kind,
          runs.reduce((sum, { found }) => sum + found.filter(({ what }) => what === kind).length, 0),
        ]),
      ),
    },
  ]
}

const peers = async (times, tell) => {
  const { voters, stop } = await startVoters(VOTERS, 'local')
  const runs = []
  while (runs.length < times) {
    await sleep(electionMaxMs * (1 + Math.random()))
    const { leader, term } = await voters.agreed()
    const woken = await blocked(voters.of(leader).child, BLOCK_MS)
    const next = await voters.agreed(term)
    const nextFromMs = await order(voters, next.leader, 'began', { token: next.term })
    // On a machine that is too busy for its timing one of them led no more when it was told to, or when it was asked.
    if (woken.untilMs === null || nextFromMs === null) continue
    runs.push({ ...woken, nextFromMs })
    if (runs.length % 5 === 0) tell(`blocked leader: ${runs.length} of ${times}`)
  }
  await stop()
  return rowsOf('leader of the peers', runs, { 'QCluster (measured elsewhere)': '5, in some restarts for ever' })
}

const LEASE_MS = 400
const CANDIDATES = 2
const TENURES = {
  'election of etcd3, blocked for 6 s (measured elsewhere)': 3_987,
  'lock over Redis, 3 s (measured elsewhere)': 2_059,
  'ZooKeeper, 3 s (measured elsewhere)': 1_871,
}

/** Candidates of an election in processes of their own, and who of them has led when, by their own word. */
const candidates = (url) => {
  const began = []
  let look = () => {}
  const children = Array.from({ length: CANDIDATES }, (_, i) => {
    const child = tracked(fork(candidate, [url, 'bench', `candidate-${i}`]))
    child.on('message', ({ token, atMs }) => {
      if (token === undefined) return
      began.push({ child, token, atMs })
      look()
    })
    return child
  })
  /** The leader of the highest token above `after`. */
  const leader = (after = 0) =>
    new Promise((resolve) => {
      look = () => {
        const [newest] = began.toSorted((a, b) => b.token - a.token)
        if (newest?.token > after) resolve(newest)
      }
      look()
    })
  const end = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  return { leader, end }
}

const tenures = async (times, tell) => {
  const server = await startCaucus('-t', String(LEASE_MS / 1_000), '-s', '0.1')
  const { leader, end } = candidates(server.url)
  const runs = []
  while (runs.length < times) {
    await sleep(LEASE_MS * (1 + Math.random()))
    const { child, token } = await leader()
    const woken = await blocked(child, 3 * LEASE_MS)
    const { atMs: nextFromMs } = await leader(token)
    // Until the one that was blocked is a candidate again.
    await sleep(LEASE_MS)
    if (woken.untilMs === null) continue
    runs.push({ ...woken, nextFromMs })
    if (runs.length % 5 === 0) tell(`blocked tenure: ${runs.length} of ${times}`)
  }
  end()
  await server.stop()
  return rowsOf('tenure of an election', runs, TENURES)
}

/** The loop of whoever leads is blocked until long after its lease, while it goes on asking whether it leads. */
export const blockedLoop = async ({ quick, tell }) => {
  const times = quick ? 2 : 25
  return [...(await peers(times, tell)), ...(await tenures(times, tell))]
}

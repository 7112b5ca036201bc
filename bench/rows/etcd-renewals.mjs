import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { countsOf, startOneEtcd } from '../backends/etcd.mjs'
import { READS } from '../backends/haste.mjs'
import { inTurn, median, round, sleep } from '../support/figures.mjs'
import { tracked, usageOf } from '../support/process.mjs'

const CONNECTIONS = 32
const TARGET = 0.7

const programOf = (name) => fileURLToPath(new URL(`../backends/renewers/${name}.mjs`, import.meta.url))

/** What etcd has read for them while they renewed for so long, by its own count, and what they took of a processor. */
const measure = async (server, program, { durationMs, warmMs }) => {
  const child = tracked(fork(programOf(program), [server.url, String(CONNECTIONS)]))
  let ready = 0
  await new Promise((resolve, reject) => {
    child.on('message', (said) => {
      ready += 'ready' in said ? CONNECTIONS : 1
      if (ready >= CONNECTIONS) resolve()
    })
    child.once('exit', (code) => reject(new Error(`${program}: ended with ${code}`)))
  })
  await sleep(warmMs)
  const [before, busyBefore, began] = [await countsOf(server.url), usageOf(child.pid), performance.now()]
  await sleep(durationMs)
  const [after, busyAfter, ended] = [await countsOf(server.url), usageOf(child.pid), performance.now()]
  child.removeAllListeners('exit')
  child.kill('SIGKILL')
  const renewals = (after.ranges - before.ranges) / READS
  return {
    rate: (renewals * 1_000) / (ended - began),
    each: ((busyAfter.seconds - busyBefore.seconds) * 1e6) / renewals,
  }
}

/** How many renewals a second one process gets from one etcd, beside the same calls with nothing of ours around them. */
export const etcdRenewals = async ({ quick, tell }) => {
  const server = await startOneEtcd()
  if (server === undefined) {
    tell('etcd: skipped, since it is not installed (Debian: etcd-server)')
    return []
  }
  const times = { durationMs: quick ? 500 : 3_000, warmMs: quick ? 500 : 2_000 }
  try {
    const runs = await inTurn(quick ? 1 : 5, {
      ours: () => measure(server, 'caucus', times),
      raw: () => measure(server, 'raw', times),
    })
    const of = (name, what) => median(runs[name].map((run) => run[what]))
    const ratio = of('ours', 'rate') / of('raw', 'rate')
    return [
      {
        row: `backends, renewals on etcd, ${CONNECTIONS} connections of one process`,
        ours: round(of('ours', 'rate')),
        floor: round(of('raw', 'rate')),
        others: {},
        ratio: round(ratio),
        target: `≥ ${TARGET} of the same calls with nothing around them`,
        ok: ratio >= TARGET,
        unit: 'renewals/s',
        details: {
          'ours: µs of processor each': round(of('ours', 'each')),
          'raw: µs of processor each': round(of('raw', 'each')),
          etcd: server.version,
        },
      },
    ]
  } finally {
    await server.stop()
  }
}

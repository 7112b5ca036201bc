import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startOneEtcd } from '../backends/etcd.mjs'
import { inTurn, Latencies, median, round } from '../support/figures.mjs'
import { tracked } from '../support/process.mjs'

const IN_FLIGHT = [1, 32]

const programOf = (name) => fileURLToPath(new URL(`../backends/lockers/${name}.mjs`, import.meta.url))

const measure = async (server, program, inFlight, durationMs) => {
  const child = tracked(fork(programOf(program), [server.url, String(inFlight), String(durationMs)]))
  const ended = new AbortController()
  child.once('exit', (code) => ended.abort(new Error(`${program}: ended with ${code}`)))
  const [{ seconds, counts }] = await once(child, 'message', { signal: ended.signal })
  const latencies = Latencies.from(Uint32Array.from(counts))
  await once(child, 'exit')
  return { rate: latencies.size / seconds, latencies }
}

/**
 * Two changes each, a lock that is taken and given back: through groups on etcd, where what is said is a key and what is answered another, beside
 * the two writes that nobody can do without.
 */
export const etcdLocks = async ({ quick, tell }) => {
  const server = await startOneEtcd()
  if (server === undefined) {
    tell('etcd: skipped, since it is not installed (Debian: etcd-server)')
    return []
  }
  const durationMs = quick ? 500 : 3_000
  const rows = []
  try {
    for (const inFlight of IN_FLIGHT) {
      const runs = await inTurn(quick ? 1 : 5, {
        ours: () => measure(server, 'caucus', inFlight, durationMs),
        raw: () => measure(server, 'raw', inFlight, durationMs),
      })
      const rate = (name) => median(runs[name].map((run) => run.rate))
      const middle = (name) => median(runs[name].map(({ latencies }) => latencies.quantile(0.5)))
      rows.push({
        row: `backends, a lock on etcd, taken and given back, ${inFlight} in flight`,
        ours: round(rate('ours')),
        floor: round(rate('raw')),
        others: {},
        ratio: round(rate('ours') / rate('raw')),
        target: 'told, not aimed at',
        ok: null,
        unit: 'locks/s',
        details: { 'ours: p50, ms': round(middle('ours')), 'raw: p50, ms': round(middle('raw')), etcd: server.version },
      })
    }
    return rows
  } finally {
    await server.stop()
  }
}

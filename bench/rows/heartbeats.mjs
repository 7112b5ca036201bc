import { inTurn, round } from '../support/figures.mjs'
import { httpLoad } from '../support/http-load.mjs'
import { start, startCaucus } from '../support/process.mjs'

const CONNECTIONS = 64
const TARGET = 0.75

/** Heartbeats of bloc's wire, 64 connections, beside Node's bare server and the bare HTTP library. */
export const heartbeats = async ({ quick }) => {
  const durationMs = quick ? 1_000 : 3_000
  const rounds = quick ? 1 : 3
  const rows = []
  const bare = await start('bench/servers/bare-http.mjs')
  const library = await start('bench/servers/bare-fastify.mjs')
  try {
    for (const sessions of quick ? [1, 10_000] : [1, 1_000, 10_000, 100_000]) {
      const ours = await startCaucus('-t', '600', '-s', '0.2', '--poll-interval', '1')
      try {
        const load = (port) => () => httpLoad({ port, connections: CONNECTIONS, durationMs, sessions })
        // Everybody joins before it counts.
        await httpLoad({
          port: ours.port,
          connections: CONNECTIONS,
          durationMs: Math.max(1_000, sessions / 20),
          sessions,
        })
        const contenders = { floor: load(bare.port), library: load(library.port), ours: load(ours.port) }
        const rate = await inTurn(rounds, contenders)
        const ratio = rate.ours / rate.floor
        rows.push({
          row: `heartbeats over HTTP, ${sessions} sessions`,
          ours: round(rate.ours),
          floor: round(rate.floor),
          others: { 'bare Fastify': round(rate.library) },
          ratio: round(ratio),
          target: `≥ ${TARGET} of bare node:http`,
          ok: ratio >= TARGET,
          unit: 'requests/s',
        })
      } finally {
        await ours.stop()
      }
    }
  } finally {
    await Promise.all([bare.stop(), library.stop()])
  }
  return rows
}

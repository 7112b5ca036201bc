import { inTurn, median, round } from '../support/figures.mjs'
import { fixedRequest } from '../support/frames.mjs'
import { httpLoad } from '../support/http-load.mjs'
import { start, startCaucus } from '../support/process.mjs'
import { rateRow, together } from '../support/rows.mjs'

const CONNECTIONS = 64
const TARGET = 0.75
const FLAT = 0.1
/** bloc's original server, by the same load, on another day: a rate does not carry over between machines, its order does. */
const BLOC = { 'bloc (measured elsewhere)': 7_900 }

const polls = (port, sessions) =>
  Array.from({ length: sessions }, (_, i) =>
    fixedRequest(`GET /index HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nBloc-Session-ID: session-${i}\r\n\r\n`),
  )

/** Everybody joins, and the group has settled, before it counts. */
const startWith = async (sessions) => {
  const server = await startCaucus('-t', '600', '-s', '0.2', '--poll-interval', '1')
  const requests = polls(server.port, sessions)
  for (let joined = 0; joined < sessions; ) {
    const { count } = await httpLoad({ server, connections: CONNECTIONS, durationMs: 400, requests, from: 0 })
    joined += count
  }
  return { server, requests }
}

/**
 * Heartbeats of bloc's wire beside Node's bare server, which gets the very same requests, and the bare HTTP library. All servers stand there
 * at once and are asked in turn, so that one with a hundred thousand sessions is compared with one that has a single one.
 */
export const heartbeats = async ({ quick, tell }) => {
  const durationMs = quick ? 500 : 2_000
  const counts = quick ? [1, 10_000] : [1, 1_000, 10_000, 100_000]
  const bare = await start('bench/servers/bare-http.mjs')
  const library = await start('bench/servers/bare-fastify.mjs')
  const ours = []
  try {
    for (const sessions of counts) {
      tell(`${sessions} sessions join`)
      ours.push({ sessions, ...(await startWith(sessions)) })
    }
    const contenders = {}
    for (const { sessions, server, requests } of ours) {
      const load = { connections: CONNECTIONS, durationMs, requests }
      contenders[`floor ${sessions}`] = () => httpLoad({ ...load, server: bare })
      contenders[`ours ${sessions}`] = () => httpLoad({ ...load, server })
    }
    const { requests } = ours[0]
    contenders.library = () => httpLoad({ server: library, connections: CONNECTIONS, durationMs, requests })
    const runs = await inTurn(quick ? 1 : 5, contenders)
    const rows = counts.map((sessions) =>
      rateRow({
        row: `heartbeats over HTTP (GET), ${sessions} session${sessions === 1 ? '' : 's'}`,
        ours: together(runs[`ours ${sessions}`]),
        floor: together(runs[`floor ${sessions}`]),
        others: { 'bare Fastify': together(runs.library) },
        known: BLOC,
        target: TARGET,
        of: 'bare node:http',
        unit: 'requests/s',
      }),
    )
    return [...rows, flatness(counts, runs)]
  } finally {
    await Promise.all([bare, library, ...ours.map(({ server }) => server)].map((server) => server.stop()))
  }
}

/** Each round by itself, since within a round the machine is the same. */
const flatness = (counts, runs) => {
  const [few, many] = [counts[0], counts.at(-1)]
  const ratios = runs[`ours ${many}`].map(({ rate }, i) => rate / runs[`ours ${few}`][i].rate)
  const ratio = median(ratios)
  return {
    row: `the rate with ${many} sessions against that with ${few}`,
    ours: round(100 * (ratio - 1)),
    floor: null,
    others: {},
    ratio: round(ratio),
    target: `the same, ± ${FLAT * 100} %`,
    ok: Math.abs(ratio - 1) <= FLAT,
    unit: '%',
    details: { lowest: round(Math.min(...ratios)), highest: round(Math.max(...ratios)), rounds: ratios.length },
  }
}

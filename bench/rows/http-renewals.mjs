import { inTurn } from '../support/figures.mjs'
import { numberedRequest } from '../support/frames.mjs'
import { httpLoad } from '../support/http-load.mjs'
import { start, startCaucus } from '../support/process.mjs'
import { rateRow, together } from '../support/rows.mjs'
import { settledShares } from '../support/settled.mjs'

const CONNECTIONS = 64
const TARGET = 0.75

const request = (port, method, path, body) =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** Renewals of members that speak plain HTTP, with what they hold in the body, beside servers that do nothing but parse that body. */
export const httpRenewals = async ({ quick }) => {
  const durationMs = quick ? 500 : 2_000
  const bare = await start('bench/servers/bare-http.mjs')
  const library = await start('bench/servers/bare-fastify.mjs')
  const server = await startCaucus('-t', '600', '-s', '0.1')
  try {
    const shares = await settledShares(server.url, CONNECTIONS)
    const requests = shares.map(({ path, renewal }) =>
      numberedRequest((sequence) => request(server.port, 'PUT', path, JSON.stringify({ ...renewal, sequence }))),
    )
    const load = { connections: CONNECTIONS, durationMs, requests }
    let count = 0
    const renewals = async () => {
      const run = await httpLoad({ ...load, server, from: count })
      // A renewal with a sequence that was there already would be ignored.
      count = run.count
      return run
    }
    const runs = await inTurn(quick ? 1 : 5, {
      floor: () => httpLoad({ ...load, server: bare }),
      library: () => httpLoad({ ...load, server: library }),
      ours: renewals,
    })
    return [
      rateRow({
        row: `renewals over HTTP (PUT with a parsed body), ${CONNECTIONS} connections`,
        ours: together(runs.ours),
        floor: together(runs.floor),
        others: { 'bare Fastify': together(runs.library) },
        target: TARGET,
        of: 'bare node:http that parses the body',
        unit: 'renewals/s',
      }),
    ]
  } finally {
    await Promise.all([bare, library, server].map((each) => each.stop()))
  }
}

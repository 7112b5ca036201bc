import { Latencies, round, sleep } from '../support/figures.mjs'
import { HttpConnection } from '../support/http-load.mjs'
import { memoryOf, startProbed, usageOf } from '../support/process.mjs'
import { aliveRow } from '../support/rows.mjs'
import { eventsIn } from '../support/server-view.mjs'

const SESSIONS = 100_000
const EVERY_MS = 10_000
const TICK_MS = 1
const CONNECTIONS = 256
const KIB = 1_024

/** Requests at a fixed rate over a pool of kept-alive connections. Each counts from when it was due. */
const pollAll = async (server, sessions, durationMs, everyMs) => {
  const latencies = new Latencies()
  const idle = []
  const due = []
  const dueOf = new Map()
  const serve = () => {
    while (idle.length > 0 && due.length > 0) {
      // The one that has waited longest: the server hangs up on connections that never ask.
      const connection = idle.shift()
      const { at, session } = due.shift()
      dueOf.set(connection, at)
      connection.send(
        `GET /index HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nBloc-Session-ID: session-${session}\r\n\r\n`,
      )
    }
  }
  const answered = (connection) => {
    latencies.add(performance.now() - dueOf.get(connection))
    idle.push(connection)
    serve()
  }
  const opened = Array.from({ length: CONNECTIONS }, () => HttpConnection.open(server.port, answered))
  const connections = await Promise.all(opened)
  idle.push(...connections)
  const started = performance.now()
  const perMs = sessions / everyMs
  let asked = 0
  while (performance.now() - started < durationMs) {
    await sleep(TICK_MS)
    const until = Math.floor((performance.now() - started) * perMs)
    for (; asked < until; asked++) due.push({ at: started + asked / perMs, session: asked % sessions })
    serve()
  }
  const seconds = (performance.now() - started) / 1_000
  while (idle.length < CONNECTIONS) await sleep(10)
  await Promise.all(connections.map((connection) => connection.close()))
  return { latencies, rate: latencies.size / seconds, seconds }
}

/** A hundred thousand sessions that poll every ten seconds, all of them alive. */
export const liveSessions = async ({ quick, tell }) => {
  const sessions = quick ? 5_000 : SESSIONS
  const everyMs = quick ? 1_000 : EVERY_MS
  const server = await startProbed('-t', '30', '-s', '1', '--poll-interval', '1')
  try {
    await pollAll(server, 1, 500, 10)
    const idle = await memoryOf(server)
    tell(`${sessions} sessions join`)
    await pollAll(server, sessions, everyMs * 1.5, everyMs)
    tell(`${sessions} sessions poll`)
    const before = usageOf(server.pid)
    const run = await pollAll(server, sessions, everyMs * 3, everyMs)
    const after = usageOf(server.pid)
    const used = await memoryOf(server)
    const expired = await eventsIn(server, 'member.expired')
    const name = `${sessions} live HTTP sessions, polling every ${everyMs / 1_000} s`
    return [
      aliveRow({
        name,
        each: 'poll',
        run,
        used: [before, after],
        expired,
        details: {
          'resident memory each, KiB': round((used.rss - idle.rss) / sessions / KIB),
          'heap after garbage collection each, KiB': round((used.heapUsed - idle.heapUsed) / sessions / KIB),
        },
      }),
    ]
  } finally {
    await server.stop()
  }
}

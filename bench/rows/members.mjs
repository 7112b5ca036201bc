import { Latencies, round, sleep } from '../support/figures.mjs'
import { FrameReader, numberedFrame } from '../support/frames.mjs'
import { memoryOf, startProbed, usageOf } from '../support/process.mjs'
import { RawMember } from '../support/raw-link.mjs'
import { aliveRow } from '../support/rows.mjs'
import { follow } from '../support/server-view.mjs'

const MEMBERS = 10_000
const EVERY_MS = 1_000
const TICK_MS = 1
const OPENING = 200
const KIB = 1_024
const BYTES_EACH = 20 * KIB

/** A connection for each member, as so many processes would have. A process needs that many file descriptors. */
const joinAll = async (server, members, tell) => {
  const options = { port: server.port, group: 'crowd', share: 'index' }
  const all = []
  while (all.length < members) {
    const batch = Math.min(OPENING, members - all.length)
    const joins = Array.from({ length: batch }, (_, i) =>
      new RawMember({ ...options, member: `member-${all.length + i}` }).join(),
    )
    all.push(...(await Promise.all(joins)))
    if (all.length % 2_000 === 0) tell(`${all.length} of ${members} members have joined`)
  }
  const holds = ({ share }) => share?.state === 'settled' && share.holding[0]?.of === members
  while (!all.every(holds)) await sleep(100)
  return all
}

/**
 * Each member renews once a second at its own instant, whatever became of the renewal before. A renewal counts from the instant at which it was due,
 * so that one which the load generator itself sent late counts as late too.
 */
const renewAll = async (members, durationMs) => {
  const latencies = new Latencies()
  const due = new Float64Array(members.length)
  const frames = members.map((member) => numberedFrame((sequence) => JSON.stringify(member.renewal(sequence))))
  let missed = 0
  for (const [i, { socket }] of members.entries()) {
    const reader = new FrameReader(() => {
      if (due[i] === 0) return
      latencies.add(performance.now() - due[i])
      due[i] = 0
    })
    socket.removeAllListeners('data')
    socket.on('data', (chunk) => reader.push(chunk))
  }
  const started = performance.now()
  const perTick = members.length / (EVERY_MS / TICK_MS)
  let sent = 0
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      const until = Math.floor(((now - started) / TICK_MS) * perTick)
      for (; sent < until; sent++) {
        const i = sent % members.length
        if (due[i] !== 0) {
          missed++
          // Not answered within a second: it counts with as much as it took so far.
          latencies.add(now - due[i])
        }
        due[i] = started + (sent / perTick) * TICK_MS
        members[i].socket.write(frames[i].numbered(Math.floor(sent / members.length)))
      }
      if (now - started < durationMs) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
  const seconds = (performance.now() - started) / 1_000
  await sleep(500)
  return { latencies, missed, rate: latencies.size / seconds, seconds }
}

/** Ten thousand members of one group, on a link each, which all renew once a second. */
export const liveMembers = async ({ quick, tell }) => {
  const members = quick ? 1_000 : MEMBERS
  const server = await startProbed('-t', '10', '-s', '1')
  let end
  try {
    // Once before, so that what the first member brings along is not counted as theirs.
    const first = await new RawMember({ port: server.port, group: 'first', member: 'first', share: 'index' }).join()
    await sleep(500)
    first.drop()
    const idle = await memoryOf(server)
    const all = await joinAll(server, members, tell)
    let expired = 0
    end = await follow(server, 'crowd', ({ event }) => {
      if (event?.type === 'member.expired') expired++
    })
    const before = usageOf(server.pid)
    let highest = before?.rss ?? 0
    const watch = setInterval(() => {
      highest = Math.max(highest, usageOf(server.pid)?.rss ?? 0)
    }, 500)
    const run = await renewAll(all, quick ? 3_000 : 30_000)
    clearInterval(watch)
    const after = usageOf(server.pid)
    const used = await memoryOf(server)
    for (const member of all) member.drop()
    const each = (Math.max(highest, used.rss) - idle.rss) / members
    const name = `${members} live members, a WebSocket each, renewing each second`
    return [
      aliveRow({
        name,
        each: 'renewal',
        run,
        used: [before, after],
        expired,
        details: { 'renewals not answered within a second': run.missed },
      }),
      {
        row: `${name}: resident memory of the server for each, at its highest`,
        ours: round(each / KIB),
        floor: null,
        others: { 'bloc, 10 000 idle ids (measured elsewhere), all of it': round((56 * 2 ** 20) / 10_000 / KIB) },
        ratio: round(each / BYTES_EACH),
        target: `≤ ${BYTES_EACH / KIB} KiB`,
        ok: each <= BYTES_EACH,
        unit: 'KiB',
        details: {
          'of it in the heap after garbage collection, KiB': round((used.heapUsed - idle.heapUsed) / members / KIB),
          'resident before, MiB': round(idle.rss / 2 ** 20),
          'resident at the end, MiB': round(used.rss / 2 ** 20),
        },
      },
    ]
  } finally {
    end?.()
    await server.stop()
  }
}

import { inTurn, sleep } from '../support/figures.mjs'
import { numberedFrame } from '../support/frames.mjs'
import { start, startCaucus } from '../support/process.mjs'
import { openRaw, RawMember } from '../support/raw-link.mjs'
import { redisLoad, startRedis } from '../support/redis.mjs'
import { rateRow, together } from '../support/rows.mjs'
import { wsLoad } from '../support/ws-load.mjs'

const CONNECTIONS = 64
const TARGET = 0.7
const PIPELINED = 16
/** Of leases in stores that many use for this, by their usual clients, 64 connections. */
const KNOWN = { 'etcd lease stream through its client (measured elsewhere)': 29_000 }
const REDIS = { 'Redis SET PX through ioredis (measured elsewhere)': 122_000 }

/** Members with a place each in a settled group, on a link each, and the renewal that each of them repeats. */
const settledMembers = async (server) => {
  const options = { port: server.port, group: 'bench', share: 'index' }
  const joins = Array.from({ length: CONNECTIONS }, (_, i) => new RawMember({ ...options, member: `m${i}` }).join())
  const members = await Promise.all(joins)
  while (!members.every(({ share }) => share?.state === 'settled' && share.holding.length === 1)) await sleep(50)
  return {
    sockets: members.map(({ socket }) => socket),
    frames: members.map((member) => numberedFrame((sequence) => JSON.stringify(member.renewal(sequence)))),
  }
}

const openAll = async (server) => {
  const opened = Array.from({ length: CONNECTIONS }, () => openRaw(server.port, () => {}, '/'))
  return (await Promise.all(opened)).map(({ socket }) => socket)
}

/** Renewals on links beside the `ws` echo, which gets the very same frames: one outstanding on each connection, then several. */
export const renewals = async ({ quick }) => {
  const durationMs = quick ? 500 : 2_000
  const echo = await start('bench/servers/ws-echo.mjs')
  const parsing = await start('bench/servers/ws-json.mjs')
  const server = await startCaucus('-t', '600', '-s', '0.1')
  const redis = await startRedis()
  try {
    const { sockets, frames } = await settledMembers(server)
    const [echoes, parsers] = [await openAll(echo), await openAll(parsing)]
    const keys = redis && (await redisLoad(redis, CONNECTIONS))
    let count = 0
    const contenders = (depth) => ({
      floor: () => wsLoad({ server: echo, sockets: echoes, frames, depth, durationMs }),
      parsing: () => wsLoad({ server: parsing, sockets: parsers, frames, depth, durationMs }),
      ours: async () => {
        const run = await wsLoad({ server, sockets, frames, depth, durationMs, from: count })
        // A renewal with a sequence that was there already would be ignored.
        count = run.count
        return run
      },
      ...(keys && { redis: () => wsLoad({ server: redis, ...keys, depth, durationMs }) }),
    })
    const rows = []
    for (const depth of [1, PIPELINED]) {
      const runs = await inTurn(quick ? 1 : 5, contenders(depth))
      rows.push(
        rateRow({
          row: `renewals over WebSocket, ${CONNECTIONS} connections${depth > 1 ? `, ${depth} in flight on each` : ''}`,
          ours: together(runs.ours),
          floor: together(runs.floor),
          others: {
            'ws echo that parses and writes JSON': together(runs.parsing),
            ...(runs.redis && { 'Redis SET PX': together(runs.redis) }),
          },
          known: { ...KNOWN, ...(runs.redis ? {} : REDIS) },
          target: TARGET,
          of: 'the ws echo',
          unit: 'renewals/s',
        }),
      )
    }
    return rows
  } finally {
    await Promise.all([echo, parsing, server, redis].map((each) => each?.stop()))
  }
}

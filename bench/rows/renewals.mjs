import WebSocket from 'ws'
import { LINK_SUBPROTOCOLS } from '../../dist/wire/versions.js'
import { inTurn, round } from '../support/figures.mjs'
import { start, startCaucus } from '../support/process.mjs'

const CONNECTIONS = 64
const TARGET = 0.7

/** One renewal outstanding on each of 64 connections; the echo gets the very same frames. */
const load = async ({ url, durationMs, group }) => {
  let done = 0
  let running = true
  const worker = (number) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace('http', 'ws'), LINK_SUBPROTOCOLS[0], { perMessageDeflate: false })
      let sequence = 0
      let session = {}
      const next = () => {
        sequence++
        const { incarnation, generation, order = 0, holding = [] } = session
        const known = incarnation === undefined ? {} : { incarnation, generation }
        const message = {
          type: 'renew',
          group,
          member: `m${number}`,
          bootId: `boot-${number}`,
          sequence,
          order,
          ...known,
          holding,
        }
        socket.send(JSON.stringify([{ ...message, draining: [], acknowledged: [] }]))
      }
      socket.on('open', next)
      socket.on('error', reject)
      socket.on('close', resolve)
      socket.on('message', (data) => {
        for (const answer of JSON.parse(String(data))) {
          if (answer.type === 'share') {
            if (answer.holding.length > 0 || session.incarnation === undefined) session = answer
            if (answer.sequence < sequence) continue
          } else if (answer.type !== 'renew') continue
          done++
          if (running) next()
          else return socket.close()
        }
      })
    })
  const workers = Array.from({ length: CONNECTIONS }, (_, number) => worker(number))
  await new Promise((resolve) => setTimeout(resolve, durationMs / 2))
  const before = done
  const started = process.hrtime.bigint()
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  const rate = (done - before) / (Number(process.hrtime.bigint() - started) / 1e9)
  running = false
  await Promise.all(workers)
  return rate
}

export const renewals = async ({ quick }) => {
  const durationMs = quick ? 1_000 : 3_000
  const echo = await start('bench/servers/ws-echo.mjs')
  const ours = await startCaucus('-t', '60', '-s', '0.1')
  let round_ = 0
  try {
    const rate = await inTurn(quick ? 1 : 3, {
      floor: () => load({ url: echo.url, durationMs, group: 'bench' }),
      ours: () => load({ url: `${ours.url}/v1/link`, durationMs, group: `bench-${round_++}` }),
    })
    const ratio = rate.ours / rate.floor
    return [
      {
        row: 'renewals over WebSocket, 64 connections',
        ours: round(rate.ours),
        floor: round(rate.floor),
        others: {},
        ratio: round(ratio),
        target: `≥ ${TARGET} of the ws echo`,
        ok: ratio >= TARGET,
        unit: 'renewals/s',
      },
    ]
  } finally {
    await Promise.all([echo.stop(), ours.stop()])
  }
}

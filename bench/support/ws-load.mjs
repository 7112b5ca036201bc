import { Latencies, sleep } from './figures.mjs'
import { FrameReader } from './frames.mjs'
import { busyOf } from './http-load.mjs'
import { usageOf } from './process.mjs'

const textsOf = (answered) => new FrameReader(answered)

/**
 * Frames over WebSockets that are open, `depth` outstanding on each. Those that one read of a socket makes possible are sent in one write, and
 * every text that comes back counts as the answer to the oldest. Socket number i sends `frames[i]`. `readerOf(answered)` tells answers of another
 * protocol apart.
 */
export const wsLoad = async ({ server, sockets, frames, depth, durationMs, from = 0, readerOf = textsOf }) => {
  const latencies = new Latencies()
  let running = true
  let counting = false
  let done = 0
  let count = from
  const finished = sockets.map(
    (socket, i) =>
      new Promise((resolve) => {
        const sent = []
        let answered = 0
        const send = (times) => {
          const now = performance.now()
          const bytes = []
          for (let n = 0; n < times; n++) {
            const frame = frames[i].numbered(count++)
            bytes.push(times === 1 ? frame : Buffer.from(frame))
            sent.push(now)
          }
          socket.write(bytes.length === 1 ? bytes[0] : Buffer.concat(bytes))
        }
        const reader = readerOf(() => {
          answered++
        })
        socket.removeAllListeners('data')
        socket.on('data', (chunk) => {
          answered = 0
          reader.push(chunk)
          const now = performance.now()
          for (let n = 0; n < answered; n++) {
            const sentAt = sent.shift()
            if (counting) latencies.add(now - sentAt)
          }
          if (counting) done += answered
          if (running) send(answered)
          else if (sent.length === 0) resolve()
        })
        send(depth)
      }),
  )
  await sleep(Math.min(500, durationMs / 4))
  const before = usageOf(server.pid)
  const started = performance.now()
  counting = true
  await sleep(durationMs)
  counting = false
  const seconds = (performance.now() - started) / 1_000
  const after = usageOf(server.pid)
  running = false
  await Promise.all(finished)
  return { rate: done / seconds, latencies, busy: busyOf(before, after, seconds), count }
}

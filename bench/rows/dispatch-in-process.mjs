import { EventEmitter } from 'node:events'
import { connect, embedded } from '../../dist/index.js'
import { inTurn, Latencies, round } from '../support/figures.mjs'
import { rateRow, together } from '../support/rows.mjs'

const FAN_OUTS = [1, 10, 100]
const IN_FLIGHT = 16
const TARGET = 0.35
const WITHIN_MS = 1_000
/** The predecessor's: threads and queues of one Python process. */
const KNOWN = { 1: 44_000, 10: 10_100, 100: 900 }

const handler = async (request) => request.n + 1

/** What anybody would write: listeners that await a handler and reply through a function, a promise of all replies, and a time limit. */
const emitter = (fanOut) => {
  const topic = new EventEmitter()
  topic.setMaxListeners(0)
  for (let i = 0; i < fanOut; i++) topic.on('ask', async (request, reply) => reply(i, await handler(request)))
  return (request) =>
    new Promise((resolve) => {
      const replies = []
      const timer = setTimeout(resolve, WITHIN_MS, replies)
      topic.emit('ask', request, (from, value) => {
        if (replies.push({ from, value }) < fanOut) return
        clearTimeout(timer)
        resolve(replies)
      })
    })
}

const dispatch = (caucus, fanOut, concurrency) => {
  const topic = caucus.topic(`fan-out ${fanOut}, ${concurrency} at a time`)
  for (let i = 0; i < fanOut; i++) topic.produce(handler, { concurrency })
  const options = { withinMs: WITHIN_MS }
  return (request) => topic.gather(request, options)
}

/** Asks for so long, `inFlight` at a time; every sixteenth is timed, so that the clock is not what is measured. */
const load =
  (ask, { durationMs, inFlight }) =>
  async () => {
    const latencies = new Latencies()
    const started = performance.now()
    const until = started + durationMs
    let asked = 0
    let over = false
    const one = async () => {
      while (!over) {
        const timed = (asked++ & 15) === 0 ? performance.now() : 0
        await ask({ n: asked })
        if (timed === 0) continue
        const now = performance.now()
        latencies.add(now - timed)
        over = now >= until
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
    // Timers come round only when nobody asks without a pause.
    await new Promise((resume) => setImmediate(resume))
    return { rate: (asked / (performance.now() - started)) * 1_000, latencies }
  }

/** Everybody in one process: `gather` beside a hand-made one over an EventEmitter, one ask after the other and several at a time. */
export const dispatchInProcess = async ({ quick }) => {
  const durationMs = quick ? 100 : 250
  const rounds = quick ? 5 : 21
  const rows = []
  for (const fanOut of FAN_OUTS) {
    const caucus = await connect(embedded())
    for (const inFlight of [1, IN_FLIGHT]) {
      const gather = dispatch(caucus, fanOut, inFlight)
      const { replies } = await gather({ n: 1 })
      if (replies.length !== fanOut) throw new Error(`${replies.length} of ${fanOut} have replied`)
      const contenders = {
        ours: load(gather, { durationMs, inFlight }),
        floor: load(emitter(fanOut), { durationMs, inFlight }),
      }
      // Once for the compiler.
      await inTurn(1, contenders)
      const { ours, floor } = await inTurn(rounds, contenders)
      const row = rateRow({
        row: `dispatch in one process, fan-out ${fanOut}, ${inFlight} in flight`,
        ours: together(ours),
        floor: together(floor),
        others: {},
        target: TARGET,
        of: 'an EventEmitter with promises and a time limit',
        unit: 'requests/s',
        known: { 'ate-dispatcher (measured elsewhere)': KNOWN[fanOut] },
      })
      rows.push({ ...row, details: { ...row.details, 'replies/s': round(row.ours * fanOut) } })
    }
    await caucus.close()
  }
  return rows
}

// The process that asks: under load for so long, or one ask after the other while one responder is silent.
import { Latencies, median, sleep } from '../support/figures.mjs'
import { checkReplies, nameOf, requestOf, SILENCE, WORK } from './work.mjs'

const WITHIN_MS = 5_000
/** Of asks to which somebody else was silent, too. */
const MOST_AGAIN = 50

const [contender, expected, targets] = process.argv.slice(2)
const { asker } = await import(`./contenders/${contender}.mjs`)
const ask = await asker(JSON.parse(targets))
const count = Number(expected)
let asked = 0

const askAll = async () => {
  const n = ++asked
  const { replies } = await ask(WORK, requestOf(n), { expected: count, withinMs: WITHIN_MS })
  checkReplies(replies, count, n)
}

/** Asks for so long, `inFlight` at a time, each as soon as the one before it has ended. */
const load = async ({ inFlight, durationMs }) => {
  const latencies = new Latencies()
  const started = performance.now()
  const until = started + durationMs
  const one = async () => {
    for (let now = performance.now(); now < until; ) {
      const began = now
      await askAll()
      now = performance.now()
      latencies.add(now - began)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return { asks: latencies.size, seconds: (performance.now() - started) / 1_000, counts: latencies.counts }
}

/** How long an ask takes of which one responder says nothing, and whether the answer says who that is. */
const silence = async ({ times, limitMs }) => {
  const took = []
  let named = 0
  let again = 0
  while (took.length < times) {
    const n = ++asked
    // Not in step with the clock's milliseconds.
    await sleep(1 + Math.random() * 5)
    const began = performance.now()
    const { replies, missing } = await ask(SILENCE, requestOf(n), { expected: count, withinMs: limitMs })
    const tookMs = performance.now() - began
    // On a busy machine one of the others is late: not what is looked at, so it is asked once more.
    if (replies.length < count - 1 && again++ < MOST_AGAIN) continue
    took.push(tookMs)
    checkReplies(replies, count - 1, n)
    if (missing?.length === 1 && missing[0] === nameOf(0)) named++
  }
  return { took, median: median(took), named, again }
}

const ORDERS = { load, silence }

process.on('message', async ({ order, ...options }) => process.send(await ORDERS[order](options)))
process.on('disconnect', () => process.exit())
await askAll()
process.send({ ready: true })

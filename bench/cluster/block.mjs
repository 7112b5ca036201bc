import { readFile } from 'node:fs'

const nowMs = () => Number(process.hrtime.bigint()) / 1e6
/** By then whatever was due while nothing could run has run. */
const AFTERMATH_MS = 50

/**
 * Keeps everything else in this process from running for so long, and asks all the while whether it `leads`, as work would that never lets go.
 *
 * `untilMs`: the last instant at which the answer was yes; `null` if it never was. `found`: what ran after waking, in order, and whether it then was told that it
 * leads: the work itself, a promise, timers, and what came in over a pipe or from a disk meanwhile. `onNews(listener)` tells of such news.
 */
export const block = async (leads, forMs, onNews) => {
  const found = []
  const look = (what) => found.push({ what, leads: leads() })
  const fromMs = nowMs()
  const looking = setInterval(() => look('interval'), 1)
  setTimeout(() => look('timer'), 1)
  setImmediate(() => look('immediate'))
  readFile(import.meta.filename, () => look('disk'))
  onNews(() => look('pipe'))
  let untilMs = null
  let endMs = fromMs
  while (endMs < fromMs + forMs) {
    const led = leads()
    endMs = nowMs()
    if (led) untilMs = endMs
  }
  look('work')
  await Promise.resolve()
  look('promise')
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS))
  clearInterval(looking)
  return { fromMs, untilMs, endMs, found }
}

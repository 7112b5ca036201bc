import { appendFile, writeFile } from 'node:fs/promises'
import { Traffic } from '../memory/traffic.mjs'
import { median, round, sleep, slopeOf } from '../support/figures.mjs'
import { memoryOf, startProbed } from '../support/process.mjs'

const MIB = 2 ** 20
/** Groups that come and go at first, until the server has forgotten as much of the past as it remembers. */
const HISTORY_GROUPS = 24_000
/** What the whole measured time may add, whichever is more: a share of what is used, or so many MiB. */
const ALLOWED = { heap: { share: 0.03, mib: 1 }, rss: { share: 0.1, mib: 10 } }

const verdict = (name, points, { share, mib }, minutes) => {
  const level = median(points.map(({ y }) => y))
  const perMinute = slopeOf(points)
  const span = points.at(-1).x - points[0].x
  const allowed = Math.max(level * share, mib)
  const grown = perMinute * span
  return {
    row: `memory over ${minutes} min of mixed load: ${name}`,
    ours: round(grown),
    floor: null,
    others: {},
    ratio: round(grown / level),
    target: `flat: grows by ≤ ${round(allowed)} MiB (of ${round(level)} MiB) in ${round(span)} min`,
    ok: grown <= allowed,
    unit: 'MiB',
    details: { 'KiB a minute': round(perMinute * 1024), 'median, MiB': round(level), samples: points.length },
    series: { [name]: points.map(({ x, y }) => [round(x, 5), round(y, 5)]) },
  }
}

/**
 * Whether the server's memory is flat under everything that a server meets. The heap is looked at once all garbage is gone, so that
 * what grows is what is kept; the resident size as the system sees it.
 */
export const memory = async ({ quick, minutes = quick ? 0.5 : 60, log, tell }) => {
  const server = await startProbed('-t', '4', '-s', '0.3', '--poll-interval', '1')
  const traffic = new Traffic(server)
  try {
    if (log !== undefined) await writeFile(log, '')
    await traffic.start()
    await traffic.fillHistory(quick ? 500 : HISTORY_GROUPS)
    const durationMs = minutes * 60_000
    const warmUpMs = Math.min(durationMs / 5, 300_000)
    const everyMs = Math.min(15_000, durationMs / 20)
    const started = performance.now()
    const heap = []
    const rss = []
    for (let at = 0; at < durationMs; at = performance.now() - started) {
      await sleep(everyMs)
      const used = await memoryOf(server)
      const x = (performance.now() - started) / 60_000
      const sample = { minutes: round(x, 5), heapMiB: used.heapUsed / MIB, rssMiB: used.rss / MIB }
      const buffersMiB = (used.external + used.arrayBuffers) / MIB
      const { asked, failures, counts } = traffic
      const line = { ...sample, buffersMiB, asked, failures, ...counts }
      if (log !== undefined) await appendFile(log, `${JSON.stringify(line)}\n`)
      tell(
        `${round(x)} min: heap ${round(sample.heapMiB)} MiB, resident ${round(sample.rssMiB)} MiB, ${asked} requests`,
      )
      if (x * 60_000 < warmUpMs) continue
      heap.push({ x, y: sample.heapMiB })
      rss.push({ x, y: sample.rssMiB })
    }
    return [
      verdict('heap after garbage collection', heap, ALLOWED.heap, minutes),
      verdict('resident set', rss, ALLOWED.rss, minutes),
    ]
  } finally {
    await traffic.stop()
    await server.stop()
  }
}

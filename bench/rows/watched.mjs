import { readdirSync, readFileSync } from 'node:fs'
import { chromiumPath, openBrowser } from '../../scripts/browser.mjs'
import { median, round, sleep } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'
import { RawMember } from '../support/raw-link.mjs'

const MEMBERS = 1_000
const EVERY_MS = 1_000
const TICK_MS = 10
const OPENING = 200
const MOST = 1.05
const ROUNDS = 6
const ROUND_MS = 10_000
/** What a page does once, when it is opened, is no part of being watched. */
const OPENED_MS = 3_000
/** Longer than the group takes to settle. */
const STAY_MS = 2_500

const joinAll = async (port, count) => {
  const all = []
  while (all.length < count) {
    const batch = Array.from({ length: Math.min(OPENING, count - all.length) }, (_, i) =>
      new RawMember({ port, group: 'crowd', share: { partitions: 4_096 }, member: `member-${all.length + i}` }).join(),
    )
    all.push(...(await Promise.all(batch)))
  }
  while (!all.every(({ share }) => share?.state === 'settled' && share.holding.length > 0)) await sleep(100)
  return all
}

/** Each renews once a second, evenly spread. Gives the function that ends it. */
const renewAll = (members) => {
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / EVERY_MS) * members.length)
    for (; sent < due; sent++) members[sent % members.length].renew()
  }, TICK_MS)
  return () => clearInterval(timer)
}

/** Of all its threads: finer than the ticks of `usageOf`, which are as long as what is to be seen here. */
const processorMs = (pid) =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
    const [ns] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')
    return sum + Number(ns) / 1e6
  }, 0)

/** Which part of a core the server takes for so long. */
const partOf = async (pid, forMs) => {
  const before = processorMs(pid)
  const started = performance.now()
  await sleep(forMs)
  return (processorMs(pid) - before) / (performance.now() - started)
}

/** One more member comes and goes, so that the group settles every few seconds and some partitions move. Gives the function that ends it. */
const visit = (url) => {
  const path = `${url}/v1/groups/crowd/members/visitor`
  let visits = 0
  let isOver = false
  const stay = async () => {
    const bootId = `visit-${++visits}`
    const body = JSON.stringify({ bootId, sequence: 1, share: { partitions: 4_096 } })
    const answer = await fetch(path, { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
    const { incarnation } = await answer.json()
    await sleep(STAY_MS)
    await fetch(`${path}?incarnation=${incarnation}&bootId=${bootId}&sequence=2`, { method: 'DELETE' })
    await sleep(STAY_MS)
  }
  const go = async () => {
    while (!isOver) await stay()
  }
  const gone = go()
  return async () => {
    isOver = true
    await gone
  }
}

const VIEWS = [
  ['overview', 'the overview watched'],
  ['groups/crowd', 'the group watched'],
  ['groups/crowd', 'the group watched while another one comes and goes', visit],
  ['metrics', 'the metrics watched'],
]

/**
 * What it costs a server that keeps a thousand members alive to be watched in a browser. Watched and unwatched take turns, so that a machine whose
 * speed drifts is the same to both, and the quietest look at the one is compared with the quietest at the other: whatever else runs on a machine only adds, and of
 * so little it adds more than is looked for. While it is unwatched the browser watches another server: what a browser
 * takes of the machine beside it is no part of being watched.
 */
export const watched = async ({ quick, tell }) => {
  if (chromiumPath() === undefined) {
    tell('no Chromium is here (CHROMIUM_PATH names one): left out')
    return []
  }
  const count = quick ? 100 : MEMBERS
  const roundMs = quick ? 1_000 : ROUND_MS
  const server = await startCaucus('-t', '10', '-s', '1')
  const elsewhere = await startCaucus('-t', '10', '-s', '1')
  const browser = await openBrowser()
  const rows = []
  try {
    const members = await joinAll(server.port, count)
    const end = renewAll(members)
    await sleep(quick ? 500 : 10_000)
    for (const [view, name, begin] of VIEWS) {
      const over = begin?.(server.url)
      const alone = []
      const seen = []
      const look = async ({ url }) => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
        await page.goto(`${url}/#/${view}`)
        await sleep(quick ? 500 : OPENED_MS)
        const part = await partOf(server.pid, roundMs)
        await page.close()
        return part
      }
      for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
        alone.push(await look(elsewhere))
        seen.push(await look(server))
      }
      const [ours, floor] = [Math.min(...seen), Math.min(...alone)]
      const ratio = ours / floor
      await over?.()
      rows.push({
        row: `page: processor of a server with ${count} members that renew each second, ${name}`,
        ours: round(100 * ours),
        floor: round(100 * floor),
        others: {},
        ratio: round(ratio),
        target: `≤ ${MOST} of the same server unwatched`,
        ok: ratio <= MOST,
        unit: '% of a core',
        details: {
          rounds: alone.length,
          'seconds of each': roundMs / 1_000,
          'highest alone': round(100 * Math.max(...alone)),
          'median of pairs': round(median(seen.map((part, i) => part / alone[i]))),
        },
      })
    }
    end()
    for (const member of members) member.drop()
  } finally {
    await browser.close()
    await server.stop()
    await elsewhere.stop()
  }
  return rows
}

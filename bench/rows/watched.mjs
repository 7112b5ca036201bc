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
/** Even: each server is the watched one in every second of them. */
const ROUNDS = 8
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

/** Which part of a core each server takes for so long. */
const partsOf = async (pids, forMs) => {
  const before = pids.map(processorMs)
  const started = performance.now()
  await sleep(forMs)
  const tookMs = performance.now() - started
  return pids.map((pid, i) => (processorMs(pid) - before[i]) / tookMs)
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

/** A server, and as many members that renew as it takes. Gives what ends both. */
const crowded = async (count) => {
  const server = await startCaucus('-t', '10', '-s', '1')
  const members = await joinAll(server.port, count)
  const end = renewAll(members)
  return {
    url: server.url,
    pid: server.pid,
    stop: async () => {
      end()
      for (const member of members) member.drop()
      await server.stop()
    },
  }
}

/**
 * What it costs a server that keeps a thousand members alive to be watched in a browser. Two of them do the same work at the same time, one is
 * watched, and then the other one: a machine whose speed drifts, and a browser that takes some of it, are the same to both, and what one
 * server has ahead of the other is taken out by the change.
 */
export const watched = async ({ quick, tell }) => {
  if (chromiumPath() === undefined) {
    tell('no Chromium is here (CHROMIUM_PATH names one): left out')
    return []
  }
  const count = quick ? 100 : MEMBERS
  const roundMs = quick ? 1_000 : ROUND_MS
  const browser = await openBrowser()
  const servers = []
  const rows = []
  try {
    for (let i = 0; i < 2; i++) servers.push(await crowded(count))
    const pids = servers.map(({ pid }) => pid)
    await sleep(quick ? 500 : 10_000)
    for (const [view, name, begin] of VIEWS) {
      const over = servers.map(({ url }) => begin?.(url))
      const looks = []
      for (let i = 0; i < (quick ? 2 : ROUNDS); i++) {
        const at = i % 2
        const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
        await page.goto(`${servers[at].url}/#/${view}`)
        await sleep(quick ? 500 : OPENED_MS)
        const parts = await partsOf(pids, roundMs)
        await page.close()
        looks.push({ seen: parts[at], alone: parts[1 - at], ratio: parts[at] / parts[1 - at] })
      }
      await Promise.all(over.map((end) => end?.()))
      const changes = looks.flatMap(({ ratio }, i) => (i % 2 === 0 ? [] : [Math.sqrt(ratio * looks[i - 1].ratio)]))
      const ratio = median(changes)
      rows.push({
        row: `page: processor of a server with ${count} members that renew each second, ${name}`,
        ours: round(100 * median(looks.map(({ seen }) => seen))),
        floor: round(100 * median(looks.map(({ alone }) => alone))),
        others: {},
        ratio: round(ratio),
        target: `≤ ${MOST} of the same server unwatched`,
        ok: ratio <= MOST,
        unit: '% of a core',
        details: {
          looks: looks.length,
          'seconds of each': roundMs / 1_000,
          'lowest ratio': round(Math.min(...changes)),
          'highest ratio': round(Math.max(...changes)),
        },
      })
    }
  } finally {
    await browser.close()
    for (const server of servers) await server.stop()
  }
  return rows
}

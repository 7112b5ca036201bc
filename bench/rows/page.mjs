import { chromiumPath, firstView, openBrowser } from '../../scripts/browser.mjs'
import { median, quantile, round, sleep } from '../support/figures.mjs'
import { startCaucus } from '../support/process.mjs'
import { RawMember } from '../support/raw-link.mjs'

const FIRST_MS = 1_000
const VISITS = 25
const FRAME_MS = 34
const PARTITIONS = 4_096
const LOOK_MS = 4_000
const ROUNDS = 6

const withoutChromium = (tell) => {
  if (chromiumPath() !== undefined) return false
  tell('no Chromium is here (CHROMIUM_PATH names one): left out')
  return true
}

/** How long a reader who has never been here waits for the first view, on loopback. */
export const pageFirstView = async ({ quick, tell }) => {
  if (withoutChromium(tell)) return []
  const server = await startCaucus()
  const browser = await openBrowser()
  try {
    const took = []
    for (let i = 0; i < (quick ? 2 : VISITS); i++) took.push(await firstView(browser, server.url))
    const ours = median(took)
    return [
      {
        row: 'page: the first view, of a reader who has never been here, on loopback',
        ours: round(ours),
        floor: null,
        others: {},
        ratio: round(ours / FIRST_MS),
        target: `≤ ${FIRST_MS} ms`,
        ok: ours <= FIRST_MS,
        unit: 'ms',
        details: { 'p90, ms': round(quantile(took, 0.9)), visits: took.length },
      },
    ]
  } finally {
    await browser.close()
    await server.stop()
  }
}

/** Runs in the page: how long each of its frames takes. */
const FRAMES = `new Promise((resolve) => {
  const took = []
  const endMs = performance.now() + ${LOOK_MS}
  let before = performance.now()
  const next = (nowMs) => {
    took.push(nowMs - before)
    before = nowMs
    if (nowMs < endMs) requestAnimationFrame(next)
    else resolve(took.slice(1))
  }
  requestAnimationFrame(next)
})`

const join = (port, member) => new RawMember({ port, group: 'crowd', share: { partitions: PARTITIONS }, member }).join()

/** Keeps them alive. Gives the function that ends it. */
const renewAll = (members) => {
  const timer = setInterval(() => {
    for (const member of members) member.renew()
  }, 1_000)
  return () => clearInterval(timer)
}

/** How smooth the page stays while a quarter of 4 096 partitions moves: a member is drained and given work again, in turn. */
export const pageFrames = async ({ quick, tell }) => {
  if (withoutChromium(tell)) return []
  const server = await startCaucus('-t', '10', '-s', '0.5')
  const browser = await openBrowser()
  let end = () => undefined
  try {
    const members = await Promise.all(['one', 'two', 'three', 'four'].map((name) => join(server.port, name)))
    end = renewAll(members)
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(`${server.url}/#/groups/crowd`)
    await page.getByRole('application', { name: /of 4 owners, 0 with nobody/ }).waitFor()
    const all = []
    const each = []
    for (let i = 0; i < (quick ? 1 : ROUNDS); i++) {
      const frames = page.evaluate(FRAMES)
      const method = i % 2 === 0 ? 'PUT' : 'DELETE'
      const answer = await fetch(`${server.url}/v1/groups/crowd/members/four/drain`, { method })
      if (!answer.ok) throw new Error(`${method} drain was answered with ${answer.status}`)
      const took = await frames
      all.push(...took)
      each.push(quantile(took, 0.95))
      const owners = i % 2 === 0 ? 3 : 4
      await page.getByRole('application', { name: `of ${owners} owners, 0 with nobody` }).waitFor()
      await sleep(500)
    }
    const p95 = median(each)
    return [
      {
        row: 'page: p95 of a frame while 1024 of 4096 partitions move',
        ours: round(p95),
        floor: null,
        others: {},
        ratio: round(p95 / FRAME_MS),
        target: `≤ ${FRAME_MS} ms`,
        ok: p95 <= FRAME_MS,
        unit: 'ms',
        details: {
          'p50, ms': round(median(all)),
          'p99, ms': round(quantile(all, 0.99)),
          'highest, ms': round(Math.max(...all)),
          frames: all.length,
          rounds: each.length,
        },
      },
    ]
  } finally {
    end()
    await browser.close()
    await server.stop()
  }
}

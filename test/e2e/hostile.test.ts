import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const HOSTILE = '<img src=x onerror=document.title="taken">"\'&'

/** A page of somebody else's, on another origin. */
const startElsewhere = async (): Promise<{ readonly url: string; readonly server: Server }> => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>elsewhere</title><p>Elsewhere</p>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, server }
}

describe.skipIf(lackOfBrowser !== undefined)('what is meant to harm', () => {
  let browser: Browser
  let stage: Stage
  let asked = 0

  beforeAll(async () => {
    browser = await startBrowser()
    stage = await Stage.start()
    await stage.members('jobs', ['a', 'b'])
    const caucus = await stage.connect()
    await caucus.group(HOSTILE).join({ id: HOSTILE, share: { partitions: 4 }, metadata: { says: HOSTILE } })
    caucus.topic(HOSTILE).produce(async () => ++asked, { id: HOSTILE, metadata: { says: HOSTILE } })
    caucus.topic('price').produce(async () => ++asked, { id: 'shop' })
    await caucus.service(HOSTILE).register({ id: HOSTILE, host: 'h', port: 1, tags: [HOSTILE] })
    await caucus.election(HOSTILE).campaign({ id: HOSTILE, metadata: HOSTILE })
  })
  afterAll(async () => {
    await stage?.close()
    await browser?.close()
  })

  const named = encodeURIComponent(HOSTILE)
  test.each([
    ['the overview', 'overview'],
    ['its group', `groups/${named}`],
    ['its election', `groups/${encodeURIComponent(`election/${HOSTILE}`)}`],
    ['its service', `services/${named}`],
    ['its topic', `topics/${named}`],
  ])('a hostile name is text in %s', async (_, path) => {
    const tab = await Tab.open(browser, `${stage.url}/#/${path}`)
    await tab.page
      .getByText(/onerror/)
      .first()
      .waitFor(WAIT)
    if (path.startsWith('groups/')) {
      await tab.page
        .getByRole('button', { name: `Explain ${HOSTILE}`, exact: true })
        .or(explainOf(tab.page))
        .first()
        .click()
      await tab.page.locator('.sentence', { hasText: 'onerror' }).waitFor(WAIT)
    }
    expect(await tab.page.locator('img').count()).toBe(0)
    expect(await tab.page.title()).not.toBe('taken')
    expect(tab.faults).toEqual([])
    await tab.close()
  })

  test('a name that hides a part of itself is shown with that part', async () => {
    const caucus = await stage.connect()
    await caucus.group('hidden').join({ id: 'worker\u200b-\u202e1', share: { partitions: 4 } })
    const tab = await Tab.open(browser, `${stage.url}/#/groups/hidden`)
    await tab.page.getByText('worker\\u200b-\\u202e1').first().waitFor(WAIT)
    expect(await tab.page.locator('body').textContent()).not.toMatch(/[\u200b\u202e]/)
    expect(tab.faults).toEqual([])
    await tab.close()
  })

  test('a script that got in all the same would neither run nor reach anybody', async () => {
    const tab = await Tab.open(browser, stage.url)
    await tab.page.getByText('What it promises').waitFor(WAIT)
    await tab.page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'document.title = "taken"'
      document.body.append(script)
      document.body.insertAdjacentHTML('beforeend', '<p onclick="document.title = \\'taken\\'" id="bait">x</p>')
      document.getElementById('bait').click()
    }`)
    const reached = await tab.page.evaluate(
      `fetch('http://127.0.0.1:9/', { mode: 'no-cors' }).then(() => 'reached', (error) => String(error))`,
    )
    expect(await tab.page.title()).not.toBe('taken')
    expect(reached).toMatch(/TypeError/)
    expect(tab.faults.filter((fault) => /Content Security Policy/i.test(fault)).length).toBeGreaterThanOrEqual(3)
    await tab.close()
  })

  test('a page of another origin neither reads nor orders anything, nor shows this one in a frame', async () => {
    const { url, server } = await startElsewhere()
    const context = await browser.newContext()
    try {
      const page = await context.newPage()
      await page.goto(url)
      const before = asked
      const orders: readonly (readonly [string, string, string?])[] = [
        ['GET', '/v1/status'],
        ['PUT', '/v1/groups/jobs/freeze'],
        ['PUT', '/v1/groups/jobs/members/a/drain'],
        ['PUT', '/v1/groups/jobs/pins/0', '{"member":"b"}'],
        ['DELETE', '/v1/groups/jobs/members/a'],
        ['POST', '/v1/topics/price/requests?within=500', '{}'],
        ['POST', '/v1/leader/transfer', '{}'],
      ]
      for (const [method, path, body] of orders)
        expect(await tryFrom(page, stage.url + path, method, body)).toBe('refused')
      // What needs no leave of the other side is sent, and is refused there.
      for (const path of ['/v1/topics/price/requests?within=500', '/v1/leader/transfer']) {
        expect(await postForm(page, stage.url + path)).toMatchObject({ error: { code: 'CAUCUS_FORBIDDEN' } })
        await page.goto(url)
      }
      await page.evaluate(
        `{ const frame = document.createElement('iframe'); frame.src = ${JSON.stringify(stage.url)}; document.body.append(frame) }`,
      )
      const framed = page.frameLocator('iframe')
      expect(await framed.getByText('Overview').count()).toBe(0)

      const view = stage.hosting.viewOf('jobs')
      expect(view?.frozen).toBeUndefined()
      expect(view?.pins).toBeUndefined()
      expect(view?.members.map(({ id, drained }) => [id, drained])).toEqual([
        ['a', undefined],
        ['b', undefined],
      ])
      expect(asked).toBe(before)
    } finally {
      await context.close()
      server.close()
    }
  })

  test('ten megabytes of the past and ten more that follow fill neither the memory nor the page', async () => {
    const metadata = { text: 'x'.repeat(2_500) }
    const told = (number: number) => {
      const instance = { host: 'h', port: 1, status: 'up', metadata }
      const event = { type: 'service.updated', member: `member-${number}`, incarnation: 1, instance }
      return { revision: `1-${number}`, atMs: 1_790_000_000_000 + number, group: 'service/big', event }
    }
    const events = Array.from({ length: 4_096 }, (_, i) => told(i + 1))
    const view = { name: 'service/big', state: 'settled', epoch: 1, total: 0, share: 'none', members: [] }
    const [sinceMs, nowMs] = [1_790_000_000_000, 1_790_000_010_000]
    const history = { group: 'service/big', events, forgotten: true, more: false, sinceMs, nowMs, view }
    const stream = Array.from({ length: 4_096 }, (_, i) => `data: ${JSON.stringify(told(i + 5_001))}\n\n`).join('')
    expect(Math.min(JSON.stringify(history).length, stream.length)).toBeGreaterThan(10_000_000)

    const tab = await Tab.open(browser, stage.url)
    let streams = 0
    await tab.page.route('**/v1/groups/service%2Fbig/history**', (route) => route.fulfill({ json: history }))
    await tab.page.route('**/v1/groups/service%2Fbig/events**', async (route) => {
      if (streams++ === 0) await route.fulfill({ contentType: 'text/event-stream', body: stream })
      // The same past once more would take the place of what has followed.
    })
    await tab.page.goto(`${stage.url}/#/groups/service%2Fbig`)
    await tab.page.getByText('4096 events known').waitFor(WAIT)
    await tab.page.getByRole('row').filter({ hasText: 'member-9096' }).waitFor(WAIT)
    expect(await tab.page.getByRole('row').count()).toBeLessThan(120)
    await tab.page.getByLabel('Time').fill('7')
    await tab.page.getByText('as it was', { exact: true }).waitFor(WAIT)
    await tab.page.getByRole('button', { name: 'Explain the group' }).click()
    await tab.page.locator('.sentence').waitFor(WAIT)
    expect(tab.faults).toEqual([])
    await tab.close()
  })
})

/** The button in the list of members, which has the member's name for all who read it. */
const explainOf = (page: Page) => page.getByRole('table', { name: 'Members' }).getByRole('button', { name: HOSTILE })

/** Whether a script of that page gets an answer that it may read. */
const tryFrom = (page: Page, url: string, method: string, body?: string): Promise<unknown> =>
  page.evaluate(
    `fetch(${JSON.stringify(url)}, ${JSON.stringify({ method, body })}).then(() => 'answered', () => 'refused')`,
  )

/** Sends a form as a click on it would, and gives what the server says. */
const postForm = async (page: Page, url: string): Promise<unknown> => {
  const answered = page.waitForResponse((response) => response.url() === url)
  await page.evaluate(`{
    const form = document.createElement('form')
    form.method = 'post'
    form.enctype = 'text/plain'
    form.action = ${JSON.stringify(url)}
    document.body.append(form)
    form.submit()
  }`)
  return (await answered).json()
}

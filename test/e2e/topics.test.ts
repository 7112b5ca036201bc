import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const HOSTILE = '<img src=x onerror=document.title="taken">"\'&'
const SECRET = 'what was said'

/** Somebody who asks as long as the test goes on, so that there is something to see. */
class Asking {
  #isOver = false
  readonly #ended: Promise<void>

  constructor(ask: () => Promise<unknown>) {
    this.#ended = (async () => {
      while (!this.#isOver) {
        // On a busy machine the server's word may come too late for one of them.
        await ask().catch(() => {})
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
  }

  end(): Promise<void> {
    this.#isOver = true
    return this.#ended
  }
}

const streamsOf = async (stage: Stage): Promise<string | undefined> =>
  /^caucus_streams (\d+)$/m.exec(await (await fetch(`${stage.url}/metrics`)).text())?.[1]

describe.skipIf(lackOfBrowser !== undefined)('the topics on the page', () => {
  let browser: Browser
  let stage: Stage
  let tab: Tab
  let asking: Asking
  const shown = (text: string | RegExp) => tab.page.getByText(text).first().waitFor(WAIT)
  const go = (path: string) => tab.page.goto(`${stage.url}/#/${path}`)
  const asks = () => tab.page.getByRole('region', { name: /^Asks/ })

  beforeAll(async () => {
    browser = await startBrowser()
    stage = await Stage.start()
    const caucus = await stage.connect()
    const price = caucus.topic<string, string>('price')
    price.produce(async () => SECRET, { id: 'shop-1' })
    price.produce(async () => Promise.reject(new Error(SECRET)), { id: HOSTILE })
    // It works until it is told that nobody waits any more.
    price.produce((_, { signal }) => new Promise((done) => signal.addEventListener('abort', () => done(''))), {
      id: 'silent',
      concurrency: 100,
    })
    await caucus
      .topic('quiet')
      .produce(async () => 1, { id: 'alone' })
      .ready()
    asking = new Asking(() => price.gather(SECRET, { withinMs: 150 }))
    tab = await Tab.open(browser, stage.url)
  })
  afterAll(async () => {
    await asking?.end()
    await tab?.close()
    await stage?.close()
    await browser?.close()
  })

  test('stand with how much each is asked', async () => {
    await go('topics')
    const cells = (name: string) =>
      tab.page.getByRole('row').filter({ hasText: name }).getByRole('cell').allTextContents()
    // Three producers, some asks, replies, failures and timeouts every second, and how long they take.
    await expect
      .poll(() => cells('price'), WAIT)
      .toEqual(['price', '3', expect.anything(), ...Array(6).fill(expect.stringMatching(/[1-9]/))])
    expect(await cells('quiet')).toEqual(['quiet', '1', ...'00000', '–', '–'])
    expect(await tab.violations()).toEqual([])
    expect(tab.faults).toEqual([])
  })

  test('show each ask as it goes on, with a lane for everybody who was asked, light and dark', async () => {
    await go('topics/price')
    // Of one that was under way when the page was opened nobody knows who had answered when.
    const ask = asks()
      .getByRole('listitem')
      .filter({ hasText: '1 of 3 replied, 1 failed, 1 missing: the limit is over' })
      .filter({ hasText: 'replied after' })
      .last()
    await ask.waitFor(WAIT)
    await tab.page.getByRole('button', { name: 'Hold still' }).click()
    const lanes = ask.getByRole('listitem')
    expect(await lanes.allTextContents()).toEqual([
      expect.stringMatching(/^shop-1replied after [\d.]+ ms$/),
      expect.stringContaining(`${HOSTILE}failed after`),
      expect.stringMatching(/^silentno answer in [\d.]+ m?s$/),
    ])
    await shown('timeouts a second')
    await shown('CAUCUS_HANDLER_FAILED')
    for (const theme of ['light', 'dark']) {
      await tab.page.getByLabel('Theme').selectOption(theme)
      expect(await tab.violations()).toEqual([])
    }
    expect(await tab.page.content()).not.toContain(SECRET)
    expect(await tab.page.locator('img').count()).toBe(0)
    expect(await tab.page.title()).not.toBe('taken')
    await tab.page.getByRole('button', { name: 'Hold still' }).click()
    expect(tab.faults).toEqual([])
  })

  test('are held still and chosen from with the keyboard', async () => {
    const times = () => asks().locator('time').allTextContents()
    const hold = tab.page.getByRole('button', { name: 'Hold still' })
    await hold.focus()
    await tab.page.keyboard.press('Enter')
    expect(await hold.getAttribute('aria-pressed')).toBe('true')
    const held = await times()
    // The page goes on asking meanwhile.
    await tab.page.waitForResponse((response) => response.url().endsWith('/v1/topics/price'), WAIT)
    expect(await times()).toEqual(held)
    await tab.page.getByLabel('Show').selectOption('under way')
    await tab.page.getByText('No ask is under way.').or(asks().getByText('at work').first()).first().waitFor(WAIT)
    await tab.page.getByLabel('Show').selectOption('with a fault')
    await asks().getByText('1 missing').first().waitFor(WAIT)
    await asks().focus()
    await tab.page.keyboard.press('End')
    await hold.press('Enter')
    expect(await hold.getAttribute('aria-pressed')).toBe('false')
    expect(tab.faults).toEqual([])
  })

  test('are noted by nobody once nobody looks', async () => {
    await expect.poll(() => streamsOf(stage), WAIT).toBe('1')
    await go('metrics')
    await expect.poll(() => streamsOf(stage), WAIT).toBe('0')
  })

  test('say so where nobody is, and show who asks in vain', async () => {
    const caucus = await stage.connect()
    await go('topics/nobody')
    await shown('Nobody has asked since somebody looks.')
    await shown('Nobody answers or listens on it now.')
    await caucus.topic('nobody').gather(1)
    await asks().getByText('nobody was there to answer').waitFor(WAIT)
    expect(await tab.violations()).toEqual([])
    // The answer that it is not there is one that a browser writes down.
    expect(tab.faults.filter((fault) => !fault.includes('404'))).toEqual([])
    tab.faults.length = 0
  })

  test('fit a phone', async () => {
    const phone = await Tab.open(browser, `${stage.url}/#/topics/price`, { viewport: { width: 360, height: 740 } })
    for (const [path, text] of [
      ['topics', 'quiet'],
      ['topics/price', 'silent'],
    ] as const) {
      await phone.page.goto(`${stage.url}/#/${path}`)
      await phone.page.getByText(text).first().waitFor(WAIT)
      expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
      expect(await phone.violations()).toEqual([])
    }
    expect(phone.faults).toEqual([])
    await phone.close()
  })

  test('go on where the connection was lost', async () => {
    await go('topics/quiet')
    await shown('Nobody has asked since somebody looks.')
    await asking.end()
    await stage.stopServing()
    await tab.page.getByRole('alert').filter({ hasText: 'Connection lost' }).waitFor(WAIT)
    const again = await stage.serveAgain()
    await tab.page.getByText('Live', { exact: true }).waitFor(WAIT)
    const caucus = await stage.connect()
    asking = new Asking(() => caucus.topic('quiet').gather(1))
    await asks().getByText('1 of 1 replied').first().waitFor(WAIT)
    await asking.end()
    await again.close({ drain: false })
  })
})

const RULES = JSON.stringify([
  { name: 'reader', token: 'reader-token-0123456789abcdef', role: 'read', topics: ['price'] },
  { name: 'ops', token: 'admin-token-0123456789abcdef', role: 'admin' },
])

describe.skipIf(lackOfBrowser !== undefined)('the topics of a server with tokens', () => {
  test('show nobody more than it may read', async () => {
    const browser = await startBrowser()
    const stage = await Stage.start({ rules: RULES })
    try {
      const caucus = await stage.connect('admin-token-0123456789abcdef')
      for (const topic of ['price', 'stock']) {
        await caucus
          .topic(topic)
          .produce(async () => 1, { id: `${topic}-1` })
          .ready()
      }
      const { page } = await Tab.open(browser, `${stage.url}/#/topics`)
      await page.getByRole('textbox', { name: 'Token' }).fill('reader-token-0123456789abcdef')
      await page.getByRole('button', { name: 'Use this token' }).click()
      await page.getByRole('link', { name: 'price' }).click()
      await page.getByText('price-1').first().waitFor(WAIT)
      await caucus.topic('price').gather(1)
      await page.getByText('1 of 1 replied').first().waitFor(WAIT)
      await page.goto(`${stage.url}/#/topics`)
      await page.getByRole('link', { name: 'price' }).waitFor(WAIT)
      expect(await page.getByRole('link', { name: 'stock' }).count()).toBe(0)
      await page.goto(`${stage.url}/#/topics/stock`)
      await page
        .getByText(/may not see the topic/)
        .first()
        .waitFor(WAIT)
      expect(await page.getByRole('heading', { name: 'Asks' }).count()).toBe(0)
    } finally {
      await browser.close()
      await stage.close()
    }
  })
})

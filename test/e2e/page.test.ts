import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const HOSTILE = '<img src=x onerror=document.title="taken">"\'&'

describe.skipIf(lackOfBrowser !== undefined)('the page of an open server', () => {
  let browser: Browser
  let stage: Stage
  let tab: Tab
  const shown = (text: string | RegExp) => tab.page.getByText(text).first().waitFor(WAIT)
  const go = (path: string) => tab.page.goto(`${stage.url}/#/${path}`)

  beforeAll(async () => {
    browser = await startBrowser()
    stage = await Stage.start()
    await stage.members('jobs', ['a', 'b', 'c'], { metadata: { zone: 'eu-1' } })
    const caucus = await stage.connect()
    await caucus.group('hostile').join({ id: HOSTILE, share: { partitions: 4 }, metadata: { says: HOSTILE } })
    caucus.topic('price').produce(async () => 1, { id: 'shop-7', metadata: { says: HOSTILE } })
    await caucus
      .service('search')
      .register({ id: 'search-1', host: '10.0.0.7', port: 8080, tags: ['v2'], zone: 'eu-1' })
    tab = await Tab.open(browser, stage.url)
  })
  afterAll(async () => {
    await tab?.close()
    await stage?.close()
    await browser?.close()
  })

  test.each([
    ['the overview', '', 'jobs'],
    ['the groups', 'groups', '64 partitions'],
    ['a group', 'groups/jobs', 'eu-1'],
    ['the services', 'services', 'search'],
    ['a service', 'services/search', '10.0.0.7:8080'],
    ['the topics', 'topics', 'price'],
    ['a topic', 'topics/price', 'shop-7'],
    ['the metrics', 'metrics', 'Members of all groups'],
  ])('%s is there, and axe-core has nothing against it, light and dark', async (_, path, text) => {
    await go(path)
    await shown(text)
    for (const theme of ['light', 'dark']) {
      await tab.page.getByLabel('Theme').selectOption(theme)
      expect(await tab.violations()).toEqual([])
    }
    expect(tab.faults).toEqual([])
  })

  test('a hostile name is text, wherever it stands', async () => {
    await go('groups/hostile')
    await tab.page.getByRole('button', { name: HOSTILE }).click()
    await shown(/^Why has/)
    await go('topics/price')
    await shown(/onerror/)
    expect(await tab.page.locator('img').count()).toBe(0)
    expect(await tab.page.title()).not.toBe('taken')
    expect(tab.faults).toEqual([])
  })

  test('a move is seen as it happens, explained, and found again with the slider', async () => {
    await go('groups/jobs')
    await shown('eu-1')
    expect(await tab.strip()).toBe('jobs: 64 partitions of 3 owners, 0 with nobody')
    const [newcomer] = await stage.members('jobs', ['d'])
    await tab.page.getByRole('application', { name: 'jobs: 64 partitions of 4 owners, 0 with nobody' }).waitFor(WAIT)
    await tab.page.getByRole('row').filter({ hasText: 'partition.granted' }).first().waitFor(WAIT)

    await tab.page.getByRole('application').focus()
    await tab.page.keyboard.press('Home')
    await shown(/^Partition 0: [abcd]$/)
    await tab.page.keyboard.press('Enter')
    await tab.page.locator('.sentence').waitFor(WAIT)
    expect(await tab.page.locator('.sentence').textContent()).toMatch(/^Partition 0 /)
    expect(await tab.violations()).toEqual([])

    // Back to the moment before anybody was there.
    await tab.page.getByLabel('Time').fill('0')
    await tab.page.getByRole('application', { name: 'jobs: 64 partitions of 0 owners, 64 with nobody' }).waitFor(WAIT)
    await shown(/as it was/)
    await tab.page.getByRole('button', { name: 'Now' }).click()
    await tab.page.getByRole('application', { name: /4 owners/ }).waitFor(WAIT)
    await newcomer?.leave()
    await tab.page.getByRole('application', { name: 'jobs: 64 partitions of 3 owners, 0 with nobody' }).waitFor(WAIT)
    expect(tab.faults).toEqual([])
  })

  test('an operator sees the plan, then drains, undoes it, freezes and evicts', async () => {
    await go('groups/jobs')
    await shown('eu-1')
    expect(await tab.page.getByRole('button', { name: 'Drain b', exact: true }).count()).toBe(0)
    await tab.page.getByRole('button', { name: 'Operate' }).click()
    await tab.page.getByRole('button', { name: 'Go on without another token' }).click()

    await tab.page.getByRole('button', { name: 'Drain b', exact: true }).click()
    await shown(/Plan: 2[12] partitions would move to 2 members; the fewest that fair loads allow: 2[12]\./)
    expect(await tab.violations()).toEqual([])
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click()
    await tab.page.getByRole('application', { name: /64 partitions of 2 owners, 0 with nobody/ }).waitFor(WAIT)
    await tab.page.getByRole('button', { name: 'Undrain b' }).click()
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Give work again' }).click()
    await tab.page.getByRole('application', { name: /of 3 owners, 0 with nobody/ }).waitFor(WAIT)

    await tab.page.getByRole('button', { name: 'Freeze the group' }).click()
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Freeze' }).click()
    await shown(/frozen by an operator/)
    await tab.page.getByRole('button', { name: 'Thaw the group' }).click()
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Thaw' }).click()
    await tab.page.getByText(/frozen by an operator/).waitFor({ ...WAIT, state: 'detached' })

    await tab.page.getByRole('button', { name: 'Evict c' }).click()
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Evict' }).click()
    await stage.until(() => stage.hosting.viewOf('jobs')?.members.some(({ id }) => id === 'c') === false)
    await tab.page.getByRole('button', { name: 'Explain c' }).waitFor({ ...WAIT, state: 'detached' })
    await tab.page.getByRole('button', { name: 'Stop operating' }).click()
    expect(await tab.page.getByRole('button', { name: 'Drain b', exact: true }).count()).toBe(0)
    expect(tab.faults).toEqual([])
  })

  test('asks nobody but its own server', () => {
    expect([...tab.hosts]).toEqual([new URL(stage.url).host])
  })

  test('fits a phone', async () => {
    const phone = await Tab.open(browser, `${stage.url}/#/groups/jobs`, { viewport: { width: 360, height: 740 } })
    for (const path of ['overview', 'groups', 'groups/jobs', 'services/search', 'topics', 'topics/price', 'metrics']) {
      await phone.page.goto(`${stage.url}/#/${path}`)
      await phone.page.getByRole('heading', { level: 1 }).waitFor(WAIT)
      expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
      // All views in sight, none behind the edge.
      const beyond = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('nav'))"
      expect(await phone.page.evaluate(beyond)).toBe(0)
      expect(await phone.violations()).toEqual([])
    }
    expect(phone.faults).toEqual([])
    await phone.close()
  })

  test('says so when the connection is lost, and goes on when it is back', async () => {
    const lost = await Tab.open(browser, `${stage.url}/#/groups/jobs`)
    await lost.page.getByRole('application').waitFor(WAIT)
    await stage.stopServing()
    await lost.page.getByRole('alert').filter({ hasText: 'Connection lost' }).waitFor(WAIT)
    expect(await lost.violations()).toEqual([])
    const again = await stage.serveAgain()
    await lost.page.getByText('Live', { exact: true }).waitFor(WAIT)
    await lost.page
      .getByRole('alert')
      .filter({ hasText: 'Connection lost' })
      .waitFor({ ...WAIT, state: 'detached' })
    await lost.close()
    await again.close({ drain: false })
  })
})

const RULES = JSON.stringify([
  { name: 'reader', token: 'reader-token-0123456789abcdef', role: 'read' },
  { name: 'ops', token: 'admin-token-0123456789abcdef', role: 'admin' },
])

describe.skipIf(lackOfBrowser !== undefined)('the page of a server with tokens', () => {
  test('shows nothing without one, keeps it in memory, and takes orders of an admin only', async () => {
    const browser = await startBrowser()
    const stage = await Stage.start({ rules: RULES })
    try {
      await stage.members('jobs', ['a', 'b'], {}, 'admin-token-0123456789abcdef')
      const tab = await Tab.open(browser, `${stage.url}/#/groups/jobs`)
      const { page } = tab
      await page.getByRole('heading', { name: 'This server wants a token' }).waitFor(WAIT)
      expect(await page.getByRole('application').count()).toBe(0)
      expect(await tab.violations()).toEqual([])
      await page.getByRole('textbox', { name: 'Token' }).fill('reader-token-0123456789abcdef')
      await page.getByRole('button', { name: 'Use this token' }).click()
      await page.getByRole('application', { name: /of 2 owners/ }).waitFor(WAIT)

      await page.getByRole('button', { name: 'Operate' }).click()
      await page.getByRole('button', { name: 'Go on without another token' }).click()
      await page.getByRole('button', { name: 'Drain a' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click()
      await page.getByRole('alert').filter({ hasText: /role/ }).waitFor(WAIT)
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByRole('button', { name: 'Stop operating' }).click()

      await page.getByRole('button', { name: 'Operate' }).click()
      await page.getByRole('textbox', { name: 'Token' }).fill('admin-token-0123456789abcdef')
      await page.getByRole('button', { name: 'Use this token' }).click()
      await page.getByRole('button', { name: 'Drain a' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click()
      await page.getByRole('application', { name: /of 1 owner,/ }).waitFor(WAIT)

      expect(page.url()).not.toContain('token')
      const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')
      expect(kept).toBe('[{},{},""]')
      await page.reload()
      await page.getByRole('heading', { name: 'This server wants a token' }).waitFor(WAIT)
    } finally {
      await browser.close()
      await stage.close()
    }
  })
})

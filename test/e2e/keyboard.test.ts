import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const MOST_TABS = 80

/** What has the keyboard now, in the words that a screen reader would say first. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(
    `(() => { const at = document.activeElement; return at === null ? '' : (at.getAttribute('aria-label') ?? at.labels?.[0]?.firstChild?.textContent ?? at.textContent ?? '').trim() })()`,
  )

/** Presses Tab until it is there. */
const tabTo = async (page: Page, name: string | RegExp): Promise<void> => {
  const passed: string[] = []
  for (let i = 0; i < MOST_TABS; i++) {
    await page.keyboard.press('Tab')
    const at = await focused(page)
    if (typeof name === 'string' ? at === name : name.test(at)) return
    passed.push(at)
  }
  throw new Error(`Tab never comes to ${String(name)}; it came to ${passed.join(' | ')}`)
}

test.skipIf(lackOfBrowser !== undefined)('everything can be done with the keyboard alone', async () => {
  const browser = await startBrowser()
  const stage = await Stage.start()
  try {
    await stage.members('jobs', ['a', 'b', 'c'])
    const tab = await Tab.open(browser, stage.url)
    const { page } = tab
    await page.getByText('What it promises').waitFor(WAIT)

    // Past the views, straight to the content; and to a group by its link.
    await tabTo(page, 'Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await tabTo(page, 'jobs')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'jobs' }).waitFor(WAIT)
    await page.getByRole('application').waitFor(WAIT)

    // From partition to partition, and why it is there.
    await tabTo(page, /^jobs: 64 partitions/)
    await page.keyboard.press('End')
    await page.getByText(/^Partition 63: [abc]$/).waitFor(WAIT)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Why is partition 63 where it is?' }).waitFor(WAIT)

    // Back to the beginning, on by one event, and to now again.
    await tabTo(page, 'Time')
    await page.keyboard.press('Home')
    await page.getByText('as it was', { exact: true }).waitFor(WAIT)
    await page.keyboard.press('ArrowRight')
    await page
      .getByText(/after member.joined/)
      .first()
      .waitFor(WAIT)
    await page.keyboard.press('End')
    await page.getByText('as it was', { exact: true }).waitFor({ ...WAIT, state: 'detached' })

    // An order: the dialog keeps the keyboard, Escape gives it back.
    await page.keyboard.press('Shift+Tab')
    await tabTo(page, 'Close the explanation')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Overview' }).focus()
    await tabTo(page, 'Operate')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Go on without another token')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Drain b')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Drain b?' }).waitFor(WAIT)
    await page.keyboard.press('Tab')
    expect(await page.evaluate(`document.activeElement.closest('dialog') !== null`)).toBe(true)
    await page.keyboard.press('Escape')
    expect(await focused(page)).toBe('Drain b')
    // At once: a dialog that is gone must not take the next one with it.
    await page.keyboard.press('Enter')
    await tabTo(page, 'Drain')
    await page.keyboard.press('Enter')
    await page.getByRole('application', { name: /of 2 owners, 0 with nobody/ }).waitFor(WAIT)
    expect(stage.hosting.viewOf('jobs')?.members.find(({ id }) => id === 'b')?.drained).toBe(true)
    expect(tab.faults).toEqual([])
  } finally {
    await browser.close()
    await stage.close()
  }
})

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

describe.skipIf(lackOfBrowser !== undefined)('what was, why, and what would be', () => {
  let browser: Browser
  let stage: Stage
  let tab: Tab
  const sentence = (text: RegExp) => tab.page.locator('.sentence').filter({ hasText: text }).first().waitFor(WAIT)
  const press = (name: string) => tab.page.getByRole('button', { name, exact: true }).click()

  beforeAll(async () => {
    browser = await startBrowser()
    stage = await Stage.start()
    tab = await Tab.open(browser, stage.url)
  })
  afterAll(async () => {
    await tab?.close()
    await stage?.close()
    await browser?.close()
  })

  test('a partition is explained at the moment that the slider shows, and goes on being explained as it moves', async () => {
    const share = { partitions: 1 }
    const [first] = await stage.members('jobs', ['a'], { share })
    await stage.members('jobs', ['b'], { share })
    await tab.page.goto(`${stage.url}/#/groups/jobs`)
    await tab.page.getByRole('application').focus()
    await tab.page.keyboard.press('Home')
    await tab.page.keyboard.press('Enter')
    await sentence(/^Partition 0 is with a, which got it/)
    await first?.leave()
    await sentence(/^Partition 0 is with b, which got it .* because a left/)

    // View by view back to the first one, in which a had it.
    await press('Previous view')
    await press('Previous view')
    await tab.page
      .getByText(/after group.settled/)
      .first()
      .waitFor(WAIT)
    await tab.page.getByText(/^As it was at /).waitFor(WAIT)
    await sentence(/^Partition 0 is with a, which got it/)
    expect(await tab.violations()).toEqual([])
    await tab.page.getByLabel('Time').fill('0')
    await sentence(/^Partition 0 is with nobody/)
    await press('Next view')
    await tab.page
      .getByText(/after group.settled/)
      .first()
      .waitFor(WAIT)
    await press('Now')
    await sentence(/^Partition 0 is with b/)
    expect(tab.faults).toEqual([])
  })

  test('a leader is explained now, and as it was before the last one went', async () => {
    const [one, other] = [await stage.connect(), await stage.connect()]
    const tenure = await one.election('cron').campaign({ id: 'cron-1' })
    const waits = other.election('cron').campaign({ id: 'cron-2' })
    await stage.until(() => stage.hosting.viewOf('election/cron')?.members.length === 2)
    await tenure.resign()
    const next = await waits
    await tab.page.goto(`${stage.url}/#/groups/${encodeURIComponent('election/cron')}`)
    await press('Explain the lead')
    await sentence(/^cron-2 leads with the token \d+ since .* because cron-1 (left|let go)/)
    expect(await tab.violations()).toEqual([])
    // Before cron-2 had it.
    const events = tab.page.getByRole('row').filter({ hasText: 'tenure.granted' })
    await events.nth(1).waitFor(WAIT)
    for (let i = 0; i < 20; i++) {
      if (
        await tab.page
          .locator('.sentence')
          .filter({ hasText: /^cron-1 leads/ })
          .count()
      )
        break
      await press('One event back')
    }
    await sentence(/^cron-1 leads with the token \d+/)
    await next.resign()
    expect(tab.faults).toEqual([])
  })

  test('anybody may ask what would move, and an operator pins a partition after having seen it', async () => {
    await stage.members('plans', ['x', 'y'], { share: { partitions: 8 } })
    await tab.page.goto(`${stage.url}/#/groups/plans`)
    await press('Plan a change')
    await sentence(/^Plan: 2 partitions would move to 1 member; the fewest that fair loads allow: 2\.$/)
    await tab.page.getByLabel('Members who come').fill('0')
    await tab.page.getByLabel('Who goes').selectOption('x')
    await sentence(/^Plan: 4 partitions would move to 1 member/)
    await tab.page.getByRole('dialog').getByRole('row', { name: 'x y 4' }).waitFor(WAIT)
    expect(await tab.violations()).toEqual([])
    await press('Close')
    expect(stage.hosting.viewOf('plans')?.members.length).toBe(2)

    await tab.page.getByRole('application').focus()
    await tab.page.keyboard.press('Home')
    await tab.page.keyboard.press('Enter')
    expect(await tab.page.getByRole('button', { name: 'Pin partition 0' }).count()).toBe(0)
    await press('Operate')
    await press('Go on without another token')
    await press('Pin partition 0')
    const owner = stage.hosting.viewOf('plans')?.members.find(({ partitions }) => partitions?.includes(0))?.id
    const other = owner === 'x' ? 'y' : 'x'
    await tab.page.getByRole('dialog').getByRole('combobox').selectOption(other)
    await sentence(/^Plan: \d partitions? would move/)
    expect(await tab.violations()).toEqual([])
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Pin', exact: true }).click()
    await sentence(new RegExp(`^Partition 0 is with ${other}.* pinned`))
    expect(stage.hosting.viewOf('plans')?.pins).toEqual([{ partition: 0, member: other }])
    await press('Take its pin away')
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Take the pin away' }).click()
    await stage.until(() => stage.hosting.viewOf('plans')?.pins === undefined)
    expect(tab.faults).toEqual([])
  })
})

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const folder = process.env.CAUCUS_SCREENSHOTS

/** The pictures of the documents: made when they are asked for, by `npm run screenshots`. */
test.skipIf(folder === undefined || lackOfBrowser !== undefined)('the pictures of the documents', async () => {
  mkdirSync(folder ?? '', { recursive: true })
  const browser = await startBrowser()
  const stage = await Stage.start()
  try {
    const metadata = { zone: 'eu-1' }
    await stage.members('indexers', ['node-a', 'node-b', 'node-c', 'node-d'], { share: { partitions: 256 }, metadata })
    const [late] = await stage.members('indexers', ['node-e'], { share: { partitions: 256 }, metadata })
    await late?.leave()
    for (const theme of ['light', 'dark']) {
      const tab = await Tab.open(browser, `${stage.url}/#/groups/indexers`)
      await tab.page.getByLabel('Theme').selectOption(theme)
      await tab.page.getByRole('application', { name: /of 4 owners, 0 with nobody/ }).waitFor()
      await tab.page.getByRole('button', { name: 'Explain the group' }).click()
      await tab.page.locator('.sentence').waitFor()
      await tab.page.screenshot({ path: join(folder ?? '', `dashboard-${theme}.png`) })
      expect(tab.faults).toEqual([])
      await tab.close()
    }
  } finally {
    await browser.close()
    await stage.close()
  }
})

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const wanted = process.env.CAUCUS_SCREENSHOTS

/** Made to be kept by `npm run screenshots`; elsewhere it is seen that they can be made. */
test.skipIf(lackOfBrowser !== undefined)('the pictures of the documents', async () => {
  const folder = wanted ?? mkdtempSync(join(tmpdir(), 'caucus-pictures-'))
  mkdirSync(folder, { recursive: true })
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
      await tab.page.screenshot({ path: join(folder, `dashboard-${theme}.png`) })
      expect(existsSync(join(folder, `dashboard-${theme}.png`))).toBe(true)
      expect(tab.faults).toEqual([])
      await tab.close()
    }
  } finally {
    await browser.close()
    await stage.close()
    if (wanted === undefined) rmSync(folder, { recursive: true })
  }
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lackOfBrowser, startBrowser, Tab } from './support/browser.ts'
import { Scene } from './support/scene.ts'

const wanted = process.env.CAUCUS_SCREENSHOTS
const MOST_BYTES = 150_000

interface Picture {
  readonly name: string
  readonly path: string
  readonly theme: 'light' | 'dark'
  readonly width: number
  readonly height: number
  /** What has to be there, and what is done before. */
  readonly prepare: (tab: Tab) => Promise<void>
}

const explained = async ({ page }: Tab): Promise<void> => {
  await page.getByRole('application', { name: /of 4 owners, 0 with nobody/ }).waitFor()
  await page.getByRole('application').focus()
  // One that has moved.
  await page.keyboard.press('End')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Enter')
  await page.locator('.sentence').waitFor()
  await page.getByRole('application').blur()
  await page.evaluate('scrollTo(0, 0)')
}

const overview = async ({ page }: Tab): Promise<void> => {
  await page.getByText(/3 of 3 voters/).waitFor()
  await page.getByRole('link', { name: 'indexers' }).waitFor()
  await page.getByRole('button', { name: 'Explain the leader' }).click()
  await page.locator('.sentence').waitFor()
  await page.evaluate('document.activeElement.blur()')
}

/** Some have ended, and one is under way. */
const asked = async ({ page }: Tab): Promise<void> => {
  await page.getByText('shop-4').nth(3).waitFor()
}

const both = (name: string, rest: Omit<Picture, 'name' | 'theme'>): Picture[] =>
  (['light', 'dark'] as const).map((theme) => ({ name: `${name}-${theme}`, theme, ...rest }))

const PICTURES: readonly Picture[] = [
  ...both('overview', { path: 'overview', width: 1280, height: 960, prepare: overview }),
  ...both('group', { path: 'groups/indexers', width: 1280, height: 900, prepare: explained }),
  ...both('topic', { path: 'topics/price', width: 1280, height: 900, prepare: asked }),
  { name: 'phone', path: 'groups/indexers', theme: 'dark', width: 390, height: 844, prepare: explained },
]

/** Made to be kept by `npm run screenshots`; elsewhere it is seen that they can be made. */
test.skipIf(lackOfBrowser !== undefined)('the pictures of the documents', { timeout: 120_000 }, async () => {
  const folder = wanted ?? mkdtempSync(join(tmpdir(), 'caucus-pictures-'))
  mkdirSync(folder, { recursive: true })
  const browser = await startBrowser()
  const scene = await Scene.start()
  try {
    await scene.furnish()
    const made = wanted === undefined ? PICTURES.slice(0, 1) : PICTURES
    for (const { name, path, theme, width, height, prepare } of made) {
      const options = { viewport: { width, height }, deviceScaleFactor: 1.5, colorScheme: theme }
      const tab = await Tab.open(browser, `${scene.url}/#/${path}`, options)
      await prepare(tab)
      const session = await tab.page.context().newCDPSession(tab.page)
      // Playwright itself writes PNG, which is three times as long.
      const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
      const picture = Buffer.from(data, 'base64')
      expect(picture.length).toBeGreaterThan(5_000)
      expect(picture.length).toBeLessThan(MOST_BYTES)
      writeFileSync(join(folder, `${name}.webp`), picture)
      // While one leads who does not know the group yet, it is asked for once more.
      expect(tab.faults.filter((fault) => !fault.startsWith('Failed to load resource'))).toEqual([])
      await tab.close()
    }
  } finally {
    await browser.close()
    await scene.close()
    if (wanted === undefined) rmSync(folder, { recursive: true })
  }
})

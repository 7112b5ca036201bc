// Chromium, for what measures the page: the system's own, or the one named in CHROMIUM_PATH.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PLACES = [
  process.env.CHROMIUM_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** Where Chromium is; `undefined`: it is not there. */
export const chromiumPath = () => PLACES.find((path) => path !== '' && existsSync(path))

/** Starts it without a window. Whoever starts it closes it. */
export const openBrowser = () =>
  // Root has no sandbox of Chromium's; what is opened is our own page.
  chromium.launch({ executablePath: chromiumPath(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

/** How long, in ms, a reader who has never been here waits until the first view shows what the server said. */
export const firstView = async (browser, url) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  try {
    const page = await context.newPage()
    const started = performance.now()
    await page.goto(url, { waitUntil: 'commit' })
    await page.getByText('Exclusion', { exact: true }).waitFor()
    return performance.now() - started
  } finally {
    await context.close()
  }
}

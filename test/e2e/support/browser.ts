import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { lackFor, type Need } from '../../process/support/needs.ts'

const PLACES = [
  process.env.CHROMIUM_PATH ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const findChromium = (): string | undefined => PLACES.find((path) => path !== '' && existsSync(path))

const CHROMIUM: Need = {
  what: 'Chromium',
  howToGet: 'On Debian: apt-get install chromium; elsewhere name it in CHROMIUM_PATH.',
  kind: 'tool',
  missing: () => (findChromium() === undefined ? `none of ${PLACES.filter(Boolean).join(', ')} is there` : undefined),
}

export const lackOfBrowser = lackFor('the page in a browser', [CHROMIUM])

/** Longer than anything takes while other tests have the machine: what ends it is a fault, never a lack of time. */
export const WAIT = { timeout: 60_000 }

export const startBrowser = (): Promise<Browser> =>
  // Root has no sandbox of Chromium's; what is opened is our own page.
  chromium.launch({ executablePath: findChromium() ?? '', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** A tab, and everything that went wrong in it. */
export class Tab {
  readonly page: Page
  readonly faults: string[] = []
  /** Hosts that were asked for anything. */
  readonly hosts = new Set<string>()

  private constructor(page: Page) {
    this.page = page
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.faults.push(message.text())
    })
    page.on('pageerror', (error) => this.faults.push(error.stack ?? error.message))
    page.on('request', (request) => this.hosts.add(new URL(request.url()).host))
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    const tab = new Tab(await context.newPage())
    await tab.page.goto(url)
    return tab
  }

  /** What axe-core says against the page as it is. */
  async violations(): Promise<string[]> {
    // As a debugger does: the page's own policy lets no script in.
    await this.page.evaluate(`if (!globalThis.axe) { ${axe}\n }`)
    const found = await this.page.evaluate(
      `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join(' | ')))`,
    )
    return found as string[]
  }

  /** What was shown on the strip, by the words for those who do not see it. */
  strip(): Promise<string | null> {
    return this.page.getByRole('application').getAttribute('aria-label')
  }

  close(): Promise<void> {
    return this.page.context().close()
  }
}

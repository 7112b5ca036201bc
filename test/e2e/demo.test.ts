import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lackFor } from '../process/support/needs.ts'
import { endPtys, Pty, SCRIPT } from '../process/support/pty.ts'
import { waitFor } from '../process/support/wait.ts'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'
import { Stage } from './support/stage.ts'

const LONG_MS = 120_000
const lackOfTerminal = lackFor('the demo in a terminal and a browser', [SCRIPT])

let browser: Browser
let folder: string
beforeAll(async () => {
  if (lackOfBrowser === undefined) browser = await startBrowser()
  folder = mkdtempSync(join(tmpdir(), 'caucus-demo-e2e-'))
  mkdirSync(join(folder, 'in'))
  for (let n = 0; n < 300; n++) writeFileSync(join(folder, 'in', `file-${n}`), `content ${n}`)
})
afterAll(async () => {
  await browser?.close()
  await endPtys()
  rmSync(folder, { recursive: true, force: true })
})

describe.skipIf(lackOfBrowser !== undefined)('the page', () => {
  test.skipIf(lackOfTerminal !== undefined)(
    'of a demo kills, freezes, cuts off, adds and deploys in sight of the group, and the check holds',
    async () => {
      const command = `node bin/caucus.js demo --workers 3 --kill 0 --input '${join(folder, 'in')}'`
      const pty = new Pty(command, { columns: 130, rows: 45 }, { TMPDIR: folder, NO_COLOR: '1' })
      const said = (what: RegExp) => waitFor(`${what}`, () => what.exec(pty.said), { withinMs: LONG_MS })
      const [, url = ''] = await said(/See it in a browser: (http:\S+)/)
      const tab = await Tab.open(browser, url)
      const { page } = tab
      const demo = page.getByRole('region', { name: 'Demo' })
      const press = (name: string) => demo.getByRole('button', { name, exact: true }).click(WAIT)
      const process = (name: string) => demo.getByRole('radio', { name: new RegExp(`^${name}\\b`) })
      await demo.getByRole('button', { name: 'Rolling deploy' }).waitFor(WAIT)
      expect(await tab.violations()).toEqual([])
      await page.getByLabel('Theme').selectOption('dark')
      expect(await tab.violations()).toEqual([])

      await said(/The work goes on, round after round/)
      await demo.getByText(/^Round 2, /).waitFor(WAIT)
      await process('w3').check(WAIT)
      await press('Freeze w3')
      await process('w3 frozen').waitFor(WAIT)
      await press('Wake w3')
      await said(/w3 continued after/)

      await process('w2').check(WAIT)
      await press('Cut off w2')
      await process('w2 cut off').waitFor(WAIT)
      // Everybody else takes over what it had.
      await said(/w2 cut off from every server[\s\S]*whole after [^\n]*: w1 \d+, w3 \d+, w4 \d+;/)
      await press('Heal w2')
      await said(/w2 has its way to the servers again[\s\S]*whole after [^\n]*: w1 \d+, w2 \d+, w3 \d+, w4 \d+;/)

      // Also with nothing but a keyboard.
      await process('w1').focus()
      await page.keyboard.press('Space')
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await said(/w1 killed with -9/)
      await process('w1').waitFor({ ...WAIT, state: 'detached' })
      await press('Add a worker')
      await said(/w5 joined/)

      await press('Rolling deploy')
      await said(/Rolling deploy over after/)
      await process('w9').waitFor(WAIT)
      await process('w[1-5]')
        .first()
        .waitFor({ ...WAIT, state: 'detached' })

      // Not the server that the page came from: what becomes of that one's page is another story.
      const own = new RegExp(`(peer-\\d) is process \\d+, at ${new URL(url).origin}\\b`).exec(pty.said)?.[1]
      const other = own === 'peer-1' ? 'peer-2' : 'peer-1'
      await process(other).check(WAIT)
      await press(`Kill ${other}`)
      await said(new RegExp(`${other} killed with -9; it is started again`))
      // While another server comes to lead, and before it has heard of the group, some answers are missing; the page itself has no fault.
      expect(tab.faults.filter((fault) => !fault.startsWith('Failed to load resource'))).toEqual([])
      expect([...tab.hosts]).toEqual([new URL(url).host])

      pty.press('q')
      const [verdict] = await said(/. round \d+ checked: [^\n]*/)
      expect(verdict).toMatch(/^✓/)
      expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
    },
    4 * LONG_MS,
  )

  test('of any other server has none of it, and nothing behind it', async () => {
    const stage = await Stage.start()
    try {
      const tab = await Tab.open(browser, stage.url)
      await tab.page.getByText('This server is no peer of a cluster').waitFor(WAIT)
      expect(await tab.page.getByRole('region', { name: 'Demo' }).count()).toBe(0)
      expect(await tab.page.getByRole('button', { name: /kill|freeze worker|deploy/i }).count()).toBe(0)
      expect(tab.faults).toEqual([])
      expect((await fetch(`${stage.url}/demo`)).status).toBe(404)
      expect((await fetch(`${stage.url}/demo/orders`, { method: 'POST', body: '{"do":"add"}' })).status).toBe(404)
    } finally {
      await stage.close()
    }
  })
})

import { expect, test } from 'vitest'
import { agreed, PeerWorld } from '../process/support/peers.ts'
import { endAll } from '../process/support/processes.ts'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'

test.skipIf(lackOfBrowser !== undefined)(
  'the leader of three voters is killed: who leads next is seen live, and why is said',
  { timeout: 120_000 },
  async () => {
    const world = await PeerWorld.of('a', 'b', 'c')
    const browser = await startBrowser()
    try {
      const voters = world.startAll()
      const { identifier: killed, term } = await agreed(voters)
      const survivors = voters.filter(({ id }) => id !== killed)
      const [watched] = survivors
      if (watched === undefined) throw new Error('nobody is left to look at')
      const tab = await Tab.open(browser, watched.url)
      const { page } = tab
      await page.getByText(`${killed} leads in term ${term}`, { exact: true }).waitFor(WAIT)
      await page.getByText(`3 of 3 voters seen from ${watched.id}; 2 are a quorum`).waitFor(WAIT)
      await page.getByText(`Lease of ${killed}, as last heard`).waitFor(WAIT)

      await voters.find(({ id }) => id === killed)?.stop('SIGKILL')
      const next = survivors.map(({ id }) => id).join('|')
      await page.getByText(new RegExp(`^(?:${next}) leads in term \\d+$`)).waitFor(WAIT)
      await page.getByText(`2 of 3 voters seen from ${watched.id}; 2 are a quorum`).waitFor(WAIT)
      await page.getByRole('listitem').filter({ hasText: killed }).filter({ hasText: 'not connected' }).waitFor(WAIT)

      // Why: now, and at the moment before.
      await page.getByRole('button', { name: 'Explain the leader' }).click()
      const sentence = page.locator('.sentence')
      await sentence.filter({ hasText: new RegExp(`after ${killed}, which led in term ${term}\\b`) }).waitFor(WAIT)
      for (const theme of ['light', 'dark']) {
        await page.getByLabel('Theme').selectOption(theme)
        expect(await tab.violations()).toEqual([])
      }
      const before = sentence.filter({ hasText: new RegExp(`^${killed} leads in term ${term} since `) })
      await page.getByRole('button', { name: 'Previous leader' }).click()
      // On a busy machine there may be more between the two than one election.
      for (let i = 0; i < 40 && (await before.count()) === 0; i++) {
        await page.getByRole('button', { name: 'One event back' }).click()
      }
      await before.waitFor(WAIT)
      await page.getByRole('button', { name: 'Now', exact: true }).click()
      await sentence.filter({ hasText: new RegExp(`^(?:${next}) leads in term`) }).waitFor(WAIT)
      // Whom nobody leads is told so with 503, and by whoever passes it on to a dead one with 502: a browser writes both down.
      expect(tab.faults.filter((fault) => !/status of 50[23]/.test(fault))).toEqual([])

      // Without a majority nothing can be decided, and the page says so.
      await survivors.find(({ id }) => id !== watched.id)?.stop('SIGKILL')
      await page.getByText(/^Nobody leads in term \d+$/).waitFor(WAIT)
      await page.getByText(/1 of 3 voters seen from .*; 2 are a quorum, so nothing can be decided/).waitFor(WAIT)
      await sentence
        .filter({ hasText: /^Nobody leads: .* 1 of 3 voters is seen from here, and 2 have to agree\.$/ })
        .waitFor(WAIT)
    } finally {
      await browser.close()
      await endAll()
      world.remove()
    }
  },
)

import { type Cluster, peer } from 'caucus'
import { expect, test } from 'vitest'
import { freePorts } from '../../src/testing/trial/peers/ports.ts'
import { lackOfBrowser, startBrowser, Tab, WAIT } from './support/browser.ts'

test.skipIf(lackOfBrowser !== undefined)(
  'a hand-over and a failover are seen live from a peer that goes on',
  async () => {
    const ports = await freePorts(3)
    const voters = ports.map((port, i) => ({ host: '127.0.0.1', port, identifier: `voter-${i}` }))
    const started = await Promise.all(
      voters.map(({ port, identifier }) =>
        peer({
          identifier,
          listen_host: '127.0.0.1',
          listen_port: port,
          peers: voters.filter((each) => each.identifier !== identifier),
        }),
      ),
    )
    const clusters = new Map<string, Cluster>(started.map((each, i) => [voters[i]?.identifier ?? '', each]))
    const browser = await startBrowser()
    try {
      const tab = await Tab.open(browser, `http://127.0.0.1:${ports[0]}/`)
      const { page } = tab
      await page.getByText(/^voter-\d leads in term \d+$/).waitFor(WAIT)
      await page.getByText('3 of 3 voters seen from voter-0; 2 are a quorum').waitFor(WAIT)
      await page.getByText('Lease of').waitFor(WAIT)
      await page.getByText('Generation', { exact: true }).waitFor(WAIT)
      expect(await tab.violations()).toEqual([])

      const first = (await page.getByText(/leads in term/).textContent())?.split(' ')[0] ?? ''
      const next = first === 'voter-2' ? 'voter-1' : 'voter-2'
      await page.getByRole('button', { name: 'Operate' }).click()
      await page.getByRole('button', { name: 'Go on without another token' }).click()
      await page.getByRole('button', { name: `Hand over to ${next}` }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Hand over', exact: true }).click()
      await page.getByText(new RegExp(`^${next} leads in term`)).waitFor(WAIT)
      expect(tab.faults.filter((fault) => !/status of 50[23]/.test(fault))).toEqual([])

      await clusters.get(next)?.[Symbol.asyncDispose]()
      clusters.delete(next)
      await page.getByText('2 of 3 voters seen from voter-0; 2 are a quorum').waitFor(WAIT)
      await page.getByText(/^voter-\d leads in term/).waitFor(WAIT)
      await page.getByText(new RegExp(`^(?!${next})voter-\\d leads in term`)).waitFor(WAIT)
    } finally {
      await browser.close()
      await Promise.all([...clusters.values()].map((each) => each[Symbol.asyncDispose]()))
    }
  },
)

import { expect, test } from 'vitest'
import { rationed } from '../../../src/server/rationed-logger.ts'

test('what strangers make a server say is told a hundred times, then once a second with how often it was not', () => {
  const clock = { now: 1_000 }
  const lines: string[] = []
  const write = (level: string) => (details: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(details)}`)
  const all = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const logger = rationed(all, () => clock.now)
  for (let i = 0; i < 1_000; i++) logger.warn({ event: 'link.rejected', i }, 'a link sent what no member sends')
  expect(lines.length).toBe(100)
  // Others are not kept from being told by it.
  logger.error({ event: 'request.failed' }, 'a request failed')
  for (let i = 0; i < 200; i++) logger.info({ event: 'tokens.replaced', i }, 'told by ourselves')
  expect(lines.length).toBe(301)
  clock.now += 1_000
  logger.warn({ event: 'link.rejected', i: 1 }, 'a link sent what no member sends')
  expect(lines.at(-1)).toBe('warn a link sent what no member sends {"event":"link.rejected","i":1,"untold":900}')
})

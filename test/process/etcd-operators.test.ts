import { connect } from 'caucus'
import { etcd } from 'caucus/etcd'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ETCD, type EtcdServers, startEtcd } from '../../src/testing/servers/etcd.ts'
import { lackFor } from './support/needs.ts'
import { endAll, startCaucus } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

describe.skipIf(lackFor('an etcd with limits of its own', [ETCD]))(
  'an etcd that takes fewer operations at once',
  () => {
    let servers: EtcdServers
    beforeAll(async () => {
      servers = await startEtcd({ args: ['--max-txn-ops', '64'] })
    })
    afterAll(() => servers[Symbol.asyncDispose]())
    afterEach(endAll)

    test('is refused at connect, and not by joins that hang', async () => {
      await expect(connect(etcd(servers.urls))).rejects.toMatchObject({
        code: 'CAUCUS_INVALID_CONFIG',
        message: expect.stringMatching(/too many operations in txn request; start each .* --max-txn-ops=128/),
      })
    })

    test('is refused by the command line, which says what to do', async () => {
      const [url = ''] = servers.urls
      const work = startCaucus(['work', '--group', 'g', '--etcd', url, '--', 'true'])
      const { code } = await waitFor('the command to end', () => work.ended())
      expect(code).toBe(1)
      expect(work.stderr()).toMatch(/caucus work: .*--max-txn-ops=128.*CAUCUS_INVALID_CONFIG/)
    })
  },
)

describe.skipIf(lackFor('an etcd that goes and comes back', [ETCD]))('an etcd that goes and comes back', () => {
  afterEach(endAll)

  test('is told once by whoever coordinates, and so is that all is clear again', async () => {
    await using servers = await startEtcd()
    const [url = ''] = servers.urls
    const work = startCaucus(
      [
        'work',
        '--group',
        'g',
        '--etcd',
        url,
        '--etcd-tokens-above',
        '3750000000000000',
        '--log-format',
        'json',
        '--',
      ].concat([process.execPath, '-e', 'setInterval(() => {}, 1_000)']),
    )
    const lines = () =>
      work
        .stderr()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { event: string; what?: string })
    const count = (event: string, what: string) =>
      lines().filter((line) => line.event === event && line.what === what).length
    await waitFor('it to coordinate', () => lines().some(({ event }) => event === 'program.started'), {
      withinMs: 60_000,
    })
    await servers.killAll()
    await waitFor('a word about it', () => count('etcd.failed', 'coordinator') === 1, { withinMs: 60_000 })
    await servers.startAll()
    await waitFor('the all-clear', () => count('etcd.recovered', 'coordinator') === 1, { withinMs: 60_000 })
    expect(count('etcd.failed', 'coordinator')).toBe(1)
    // Whatever else could not be read or written can be, too.
    const failed = new Set(lines().flatMap(({ event, what }) => (event === 'etcd.failed' ? [what] : [])))
    expect([...failed]).toContain('coordinator')
    expect(lines().every(({ event }) => typeof event === 'string')).toBe(true)
  }, 180_000)
})

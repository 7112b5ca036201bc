import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Caucus, connect, type Instance, type RecordedEvent, remote, timing } from 'caucus'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endAll, type Running, type RunningServer, startCaucus, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const INSTANCE = 'test/process/support/service-instance.mjs'
const TIMING = ['--timeout', '2', '--settle', '0.1']

let directory = ''
let caucus: Caucus | undefined
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-services-'))
})
afterEach(async () => {
  await caucus?.close()
  caucus = undefined
  await endAll()
  rmSync(directory, { recursive: true, force: true })
})

const start = async ({ url }: RunningServer, id: string, port: number): Promise<Running> => {
  const instance = startNode([INSTANCE, url, id, `${port}`])
  await waitFor(`${id} to be registered`, () => {
    if (instance.ended() !== undefined) throw new Error(`${id} ended: ${instance.stderr()}`)
    return instance.stdout().includes('registered')
  })
  return instance
}

/** Every list that a watcher is shown, and every event, in order. */
const follow = async ({ url }: RunningServer) => {
  caucus = await connect(remote(url, { timing: timing.local }))
  const search = caucus.service('search')
  const lists: (readonly Instance[])[] = []
  const events: RecordedEvent[] = []
  void (async () => {
    for await (const list of search.watch({ status: 'any' })) lists.push(list)
  })()
  const { revision } = await search.view()
  void (async () => {
    for await (const told of search.events({ after: revision })) if ('revision' in told) events.push(told)
  })()
  await waitFor('the first list', () => lists.length > 0)
  return { search, lists, events, ids: () => (lists.at(-1) ?? []).map(({ id }) => id) }
}

test('an instance that stops in peace is drained before it is gone, and one that is killed is gone after its lease', async () => {
  const server = await startServer([...TIMING, '--fresh'])
  const { ids, events } = await follow(server)
  const peaceful = await start(server, 'peaceful', 1001)
  const killed = await start(server, 'killed', 1002)
  await waitFor('both to be seen', () => ids().length === 2)
  expect(await peaceful.stop('SIGTERM')).toBe(0)
  await waitFor('one to be gone', () => ids().length === 1)
  const killedAt = Date.now()
  await killed.stop('SIGKILL')
  await waitFor('the other to be gone', () => ids().length === 0)
  // Its last renewal was before it was killed, by less than a heartbeat.
  expect(Date.now() - killedAt).toBeGreaterThan(1_000)
  await waitFor('all of it to be told', () => events.length >= 5)
  expect(
    events.map(({ event }) =>
      'member' in event ? [event.type, event.member, ...('because' in event ? [event.because] : [])].join(' ') : '',
    ),
  ).toEqual([
    'service.registered peaceful joined',
    'service.registered killed joined',
    'service.updated peaceful',
    'service.withdrawn peaceful left',
    'service.withdrawn killed expired',
  ])
})

test('a newer process under the same id takes the place of the older, which is told', async () => {
  const server = await startServer([...TIMING, '--fresh'])
  const older = await start(server, 'a', 1001)
  const { lists } = await follow(server)
  await start(server, 'a', 1002)
  await waitFor('the older one to know', () => older.stdout().includes('over CAUCUS_FENCED'))
  await waitFor('the newer one to be seen', () => lists.at(-1)?.[0]?.port === 1002)
})

test.each([
  ['with a data directory', () => ['--data-dir', join(directory, 'data')]],
  ['without one', () => []],
])(
  'a server that is killed and started again %s: nobody loses sight of anybody, and revisions rise',
  async (_, store) => {
    const first = await startServer([...TIMING, '--fresh', ...store()])
    await start(first, 'a', 1001)
    await start(first, 'b', 1002)
    const { ids, lists, search } = await follow(first)
    await waitFor('both to be seen', () => ids().length === 2)
    const before = (await search.view()).revision
    const seen = lists.length
    await first.stop('SIGKILL')
    const again = startCaucus(['serve', '--listen', first.address, ...TIMING, ...store()])
    await waitFor('the server to be back', () => again.stdout().startsWith('listening on '))
    const view = await waitFor('both to be back', async () => {
      // Nobody is there at first; the server says so itself.
      const answer = await search.view().catch(() => undefined)
      return answer?.instances.length === 2 && answer
    })
    const [old = 0, , now = 0, number = 0] = [...before.split('-'), ...view.revision.split('-')].map(Number)
    expect(now).toBeGreaterThan(old)
    expect(number).toBe(2)
    await waitFor('the list to be complete', async () => (await search.view()).incompleteForMs === 0)
    expect(lists.slice(seen - 1).every((list) => list.length === 2)).toBe(true)
  },
)

test('the command line shows services, chooses among instances, and has one drained', async () => {
  const server = await startServer([...TIMING, '--fresh'])
  const run = async (...args: string[]) => {
    const command = startCaucus(args, { CAUCUS_SERVER: server.url })
    const { code } = await waitFor('the command to end', () => command.ended())
    return { code, stdout: command.stdout(), stderr: command.stderr() }
  }
  expect(await run('services')).toMatchObject({ code: 0, stdout: 'no services\n' })
  caucus = await connect(remote(server.url, { timing: timing.local }))
  const search = caucus.service('search')
  await search.register({ id: 'a', host: '::1', port: 1, tags: ['v1', 'gpu'], zone: 'x', metadata: { n: 1 } })
  await search.register({ id: 'b', host: 'b.example', port: 2, tags: ['v1'], status: 'critical' })
  expect((await run('services')).stdout).toMatch(/^SERVICE +INSTANCES +UP\nsearch +2 +1\n$/)
  const { stdout } = await run('services', 'search')
  expect(stdout).toMatch(/^INSTANCE +ADDRESS +STATUS +ZONE +WEIGHT +TAGS +METADATA\n/)
  expect(stdout).toMatch(/\na +\[::1\]:1 +up +x +1 +gpu, v1 +\{"n":1\}\nb +b\.example:2 +critical +1 +v1\n$/)
  const ids = async (...args: string[]) =>
    JSON.parse((await run('services', 'search', '--json', ...args)).stdout).instances.map(({ id }: Instance) => id)
  expect(await ids()).toEqual(['a', 'b'])
  expect(await ids('--tag', 'v1', '--tag', 'gpu')).toEqual(['a'])
  expect(await ids('--status', 'critical')).toEqual(['b'])
  expect(await ids('--zone', 'y')).toEqual([])
  expect(await run('services', '--tag', 'v1')).toMatchObject({ code: 2 })
  expect(await run('services', 'search', '--status', 'fine')).toMatchObject({ code: 2 })
  expect(await run('drain', 'service/search', '--member', 'a')).toMatchObject({ code: 0 })
  expect(await search.instances()).toEqual([])
  expect((await run('explain', '--group', 'service/search', '--member', 'a')).stdout).toContain(
    'a is draining at ::1 port 1',
  )
  expect((await run('status')).stdout).toMatch(/service\/search +settled +2 +none/)
})

import { afterEach, describe, expect, test } from 'vitest'
import { lackFor } from './support/needs.ts'
import { agreed, PeerWorld } from './support/peers.ts'
import { endAll, type Running, startCaucus, startServer } from './support/processes.ts'
import { endPtys, Pty, SCRIPT } from './support/pty.ts'
import { waitFor } from './support/wait.ts'

/** Terminals also take these for the beginning of a command, or turn what follows around. */
const DISTURBING = /[^\P{Cc}\n]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const HOSTILE = { evil: '\u001b[2J\u009b2J\u202e', long: '長'.repeat(200) }
const SETTINGS = ['--fresh', '-s', '0.1', '-t', '300']
const SIZE = { columns: 100, rows: 24 }

afterEach(async () => {
  await endPtys()
  await endAll()
})

const ended = async (running: Running) => {
  const end = await waitFor('the command to end', () => running.ended())
  return { code: end.code, stdout: running.stdout(), stderr: running.stderr() }
}
const caucus = (...args: string[]) => ended(startCaucus(args, { NO_COLOR: '' }))

let sequence = 0
const put = async (url: string, body: object): Promise<void> => {
  const response = await fetch(url, {
    method: 'PUT',
    body: JSON.stringify({ bootId: 'b', sequence: ++sequence, ...body }),
  })
  expect(response.status).toBe(200)
}
const join = (url: string, group: string, id: string, more: object = {}) =>
  put(`${url}/v1/groups/${encodeURIComponent(group)}/members/${encodeURIComponent(id)}`, more)

/** A server with a group, a service, and somebody who wants to disturb. */
const busyServer = async (...args: string[]) => {
  const server = await startServer([...SETTINGS, ...args])
  await join(server.url, 'jobs', 'w1', { share: { partitions: 8 }, metadata: HOSTILE })
  await join(server.url, 'jobs', '長い\u202e名', { share: { partitions: 8 } })
  await put(`${server.url}/v1/services/search/instances/i1`, { host: '10.0.0.7', port: 80, metadata: HOSTILE })
  return server
}

describe('without a terminal, `caucus top`', () => {
  test('prints everything once, without a colour and without anything that disturbs one', async () => {
    const { url } = await busyServer()
    const { code, stdout, stderr } = await caucus('top', '--server', url)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^caucus \d.* exclusion leased/)
    expect(stdout).toMatch(/^ {2}jobs +8 partitions/m)
    expect(stdout).toMatch(/^ {2}search +1 +1/m)
    expect(stdout).not.toMatch(DISTURBING)
  })

  test('prints JSON', async () => {
    const { url } = await busyServer()
    const { stdout } = await caucus('top', '--server', url, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      version: expect.any(String),
      guarantees: { exclusion: 'leased' },
      groups: expect.arrayContaining([expect.objectContaining({ name: 'jobs' })]),
      services: [{ name: 'search', instances: 1, up: 1 }],
      topics: [],
    })
    expect(stdout).not.toMatch(DISTURBING)
  })

  test('fails where no server is', async () => {
    const { code, stderr } = await caucus('top', '--server', 'http://127.0.0.1:1')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^caucus top: no server answers .*CAUCUS_UNAVAILABLE/)
  })

  test('shows who leads a cluster, and the peers', async () => {
    const world = await PeerWorld.of('a', 'b', 'c')
    try {
      const [a, ...others] = world.startAll()
      const leader = await agreed([a!, ...others])
      const { stdout } = await caucus('top', '--server', a!.url)
      // Between two heartbeats on a busy machine, nothing of the lease may be left.
      expect(stdout).toMatch(
        new RegExp(`^leader ${leader.identifier} on 127\\.0\\.0\\.1:\\d+, term \\d+, .* lease [#.]+ \\d+ ms`, 'm'),
      )
      expect(stdout).toMatch(/^peers as a sees them, quorum 2 of 3: .*\bb /m)
      const json = JSON.parse((await caucus('top', '--server', a!.url, '--json')).stdout)
      expect(json).toMatchObject({ leader: { identifier: leader.identifier }, peers: { length: 3 } })
    } finally {
      await endAll()
      world.remove()
    }
  }, 120_000)
})

test('what else shows other people’s words lets none of them reach the terminal either', async () => {
  const { url } = await busyServer()
  for (const args of [
    ['explain', 'jobs'],
    ['explain', 'jobs', '--member', 'w1'],
    ['services'],
    ['services', 'search'],
    ['members'],
    ['status'],
  ]) {
    for (const json of [[], ['--json']]) {
      const { code, stdout } = await caucus(...args, ...json, '--server', url)
      expect({ args, code }).toEqual({ args, code: 0 })
      expect(stdout).not.toMatch(DISTURBING)
    }
  }
  for (const json of [[], ['--json']]) {
    for (const group of ['jobs', 'service/search']) {
      const args = ['watch', group, '--last', '100', ...json, '--server', url]
      const watching = startCaucus(args, { NO_COLOR: '' })
      await waitFor('the events', () => watching.stdout().split('\n').length > 1)
      await watching.stop()
      expect(watching.stdout()).not.toMatch(DISTURBING)
    }
  }
})

test('`caucus services --watch` prints again when something has changed, and goes on while no server answers', async () => {
  const server = await startServer([...SETTINGS])
  const watching = startCaucus(['services', '--watch', '--every', '250ms', '--server', server.url], { NO_COLOR: '' })
  const one = startCaucus(['services', 'search', '--watch', '--every', '250ms', '--json', '--server', server.url])
  const answers = () => watching.stdout().split(/^-- /m).slice(1)
  const views = () =>
    one
      .stdout()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  await waitFor('the first answer', () => answers().length === 1 && views().length === 1)
  expect(answers()[0]).toMatch(/^\d\d:\d\d:\d\d\nno services\n$/)
  const register = () =>
    put(`${server.url}/v1/services/search/instances/i1`, { host: '10.0.0.7', port: 80, metadata: HOSTILE })
  await register()
  await waitFor('the instance', () => answers().length === 2 && views().some(({ instances }) => instances.length === 1))
  expect(answers()[1]).toMatch(/\nSERVICE +INSTANCES +UP\nsearch +1 +1\n$/)
  expect(watching.stdout()).not.toMatch(DISTURBING)
  expect(one.stdout()).not.toMatch(DISTURBING)

  await server.stop()
  await waitFor('a word about the lost server', () =>
    watching.stderr().includes('still trying event=connection.failed'),
  )
  await startServer([...SETTINGS, '--listen', server.address])
  await waitFor('the all-clear', () => watching.stderr().includes('a server answers again event=connection.recovered'))
  expect(watching.stderr().trim().split('\n')).toHaveLength(2)
  await waitFor('what there is now', () => answers().length === 3)
  expect(answers()[2]).toContain('no services')
  expect(await watching.stop('SIGTERM')).toBe(0)
  expect(await one.stop('SIGINT')).toBe(130)
}, 60_000)

const lack = lackFor('caucus top in a terminal', [SCRIPT])

describe.skipIf(lack)('what is printed for people', () => {
  const COLOUR = '\u001b['
  const node = `"${process.execPath}" bin/caucus.js`
  const said = async (command: string, env: NodeJS.ProcessEnv) => {
    const pty = new Pty(`${node} ${command}`, SIZE, { NO_COLOR: '', ...env })
    // It goes on until its window is closed, with the test.
    if (command.startsWith('watch')) await pty.shows(/w1 joined\./)
    else expect(await pty.ended()).toMatchObject({ code: 0 })
    return pty.said
  }

  test.each(['explain jobs --member w1', 'services search', 'watch jobs --last 100'])(
    'is coloured in a terminal, but not with NO_COLOR: caucus %s',
    async (command) => {
      const { url } = await busyServer()
      const [coloured, plain] = await Promise.all([
        said(`${command} --server ${url}`, {}),
        said(`${command} --server ${url}`, { NO_COLOR: '1' }),
      ])
      expect(coloured).toContain(COLOUR)
      expect(plain).not.toContain(COLOUR)
      // Of what is watched the first line is enough.
      expect(plain.length).toBeGreaterThan(10)
    },
  )

  test('is not coloured in a pipe, nor in a terminal that has no colours', async () => {
    const { url } = await busyServer()
    const [piped, dumb, top] = await Promise.all([
      said(`explain jobs --server ${url} | cat`, {}),
      said(`explain jobs --server ${url}`, { TERM: 'dumb' }),
      said(`top --server ${url}`, { TERM: 'dumb' }),
    ])
    for (const text of [piped, dumb]) {
      expect(text).toMatch(/w1 joined\./)
      expect(text).not.toContain(COLOUR)
    }
    expect(top).not.toContain(COLOUR)
    expect(top).toMatch(/^ {2}jobs +8 partitions/m)
  })
})
const top = (url: string, env: NodeJS.ProcessEnv = {}, more = '') =>
  new Pty(`"${process.execPath}" bin/caucus.js top --server ${url} --every 250ms ${more}`, SIZE, {
    NO_COLOR: '',
    ...env,
  })

describe.skipIf(lack)('in a terminal, `caucus top`', () => {
  test('shows what happens as it happens, a group with its events, and ends with q', async () => {
    const { url } = await busyServer()
    const pty = top(url)
    await pty.shows(/^> default/m)
    await pty.shows(/^ {2}jobs +8 partitions +settl\w+ +\d+ +2 /m)
    await join(url, 'jobs', 'w3', { share: { partitions: 8 } })
    await pty.shows(/^ {2}jobs +8 partitions +settl\w+ +\d+ +3 /m)
    pty.press('\x1b[B')
    await pty.shows(/^> jobs/m)
    pty.press('\r')
    await pty.shows(/w3 joined\./)
    await pty.shows(/^w1 +.* finishing /m)
    await join(url, 'jobs', 'w4', { share: { partitions: 8 } })
    await pty.shows(/w4 joined\./)
    pty.press('s')
    await pty.shows('s sort (id)')
    pty.press('\x1b')
    await pty.shows(/^> jobs/m)
    expect(pty.screen.complaints).toEqual([])
    expect(pty.screen.isColoured).toBe(true)
    expect(pty.screen.modes).toEqual(new Set(['?1049']))
    pty.press('q')
    expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
    expect(pty.screen.modes).toEqual(new Set(['?25', '?7']))
  })

  test('has no colours with NO_COLOR', async () => {
    const { url } = await busyServer()
    const pty = top(url, { NO_COLOR: '1' })
    await pty.shows('search')
    pty.press('q')
    await pty.ended()
    expect(pty.screen.isColoured).toBe(false)
  })

  test('fits itself into a terminal that changes its size', async () => {
    const { url } = await busyServer()
    const pty = top(url)
    await pty.shows('search')
    pty.resize({ columns: 40, rows: 8 })
    await waitFor('the keys to stand in the last row', () => pty.screen.lines[7]?.startsWith('up/down'))
    expect(pty.screen.lines.every((line) => line.length <= 40)).toBe(true)
    pty.resize({ columns: 120, rows: 30 })
    await waitFor('the keys to stand in the last row', () => pty.screen.lines[29]?.endsWith('q quit'))
    pty.press('q')
    expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
  })

  test('gives the terminal back at Ctrl-C, and when it is told to stop', async () => {
    const { url } = await busyServer()
    const interrupted = top(url)
    await interrupted.shows('search')
    interrupted.press('\x03')
    expect(await interrupted.ended()).toEqual({ code: 130, isAsBefore: true })
    expect(interrupted.screen.modes).toEqual(new Set(['?25', '?7']))

    const command = `"${process.execPath}" bin/caucus.js top --server ${url} & echo "PID $!."; fg`
    const stopped = new Pty(`set -m; ${command}`, SIZE)
    await stopped.shows('search')
    const [, pid = ''] = /PID (\d+)\./.exec(stopped.said) ?? []
    process.kill(Number(pid), 'SIGTERM')
    expect(await stopped.ended()).toEqual({ code: 0, isAsBefore: true })
  })

  test('stops at Ctrl-Z, and draws itself anew when it goes on', async () => {
    const { url } = await busyServer()
    const command = `"${process.execPath}" bin/caucus.js top --server ${url}`
    const pty = new Pty(`set -m; ${command}; echo STOPPED; fg`, SIZE)
    await pty.shows('search')
    pty.press('\x1a')
    await pty.shows('STOPPED')
    await pty.shows(/^ {2}search/m)
    await waitFor('the shell’s words to be gone', () => !pty.screen.text.includes('STOPPED'))
    pty.press('q')
    expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
  })

  test('says that its server is lost, and goes on when it is back', async () => {
    const server = await busyServer()
    const pty = top(server.url)
    await pty.shows('jobs')
    await server.stop()
    await pty.shows(/NO ANSWER; what stands below is \d+ s old; still trying: no server answers/)
    expect(pty.screen.text).toContain('jobs')
    await startServer([...SETTINGS, '--listen', server.address])
    await waitFor('the server to be there again', () => !pty.screen.text.includes('NO ANSWER'))
    await join(server.url, 'others', 'w1', { share: 'index' })
    await pty.shows(/others +index/)
    pty.press('q')
    expect(await pty.ended()).toEqual({ code: 0, isAsBefore: true })
  })

  test('begins where no server is yet, and says what another try would not mend', async () => {
    const waiting = top('http://127.0.0.1:1')
    await waiting.shows(/NO ANSWER; still trying/)
    waiting.press('q')
    expect(await waiting.ended()).toMatchObject({ code: 0 })

    const { url } = await startServer(SETTINGS)
    const wrong = top(`${url}/nowhere`)
    expect(await wrong.ended()).toEqual({ code: 1, isAsBefore: true })
    expect(wrong.said).toMatch(/caucus top: .*CAUCUS_NOT_FOUND/)
  })
})

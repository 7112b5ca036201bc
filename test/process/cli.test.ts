import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { endAll, type Running, repository, startCaucus, startNode, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-cli-'))
afterEach(endAll)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const ended = async (running: Running) => {
  const end = await waitFor('the command to end', () => running.ended())
  return { code: end.code, stdout: running.stdout(), stderr: running.stderr() }
}
const caucus = (args: readonly string[], env?: NodeJS.ProcessEnv) => ended(startCaucus(args, env))

const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))

/** A member over plain HTTP, for as long as its lease. */
const putMember = async (url: string, group: string, member: string, headers: Record<string, string> = {}) => {
  const body = JSON.stringify({ bootId: `${member}-1`, sequence: 1, metadata: { zone: 'z' } })
  const response = await fetch(`${url}/v1/groups/${group}/members/${member}`, { method: 'PUT', body, headers })
  expect(response.status).toBe(200)
}

describe('the command line', () => {
  test('knows its version', async () => {
    expect(await caucus(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test.each(['', ...Object.keys(COMMANDS)])('has help on stdout: caucus %s --help', async (command) => {
    const { code, stdout, stderr } = await caucus([...(command === '' ? [] : [command]), '--help'])
    expect(stdout).toMatch(/^Usage: caucus/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test.each([
    [['serv'], /^caucus: unknown command 'serv' \(did you mean serve\?\); see `caucus --help`\n$/],
    [['serve', '--fresch'], /^caucus serve: .*'--fresch' \(did you mean --fresh\?\); see `caucus serve --help`\n$/],
    [['serve', '-t'], /--timeout <duration>' argument missing[\s\S]*from 100ms to/],
    [['serve', '-s'], /--settle <duration>' argument missing[\s\S]*from 0ms to/],
    [['serve', '-t', '0'], /--timeout <duration>' argument '0' is invalid\. Give a length of time from 100ms to 596h,/],
    [['serve', '-t', '-1'], /--timeout .*'-1'.*from 100ms to/],
    [['serve', '-t', 'nan'], /--timeout .*'nan'.*from 100ms to/],
    [['serve', '-s', '-1'], /--settle .*'-1'.*from 0ms to/],
    [['serve', '-s', 'nan'], /--settle .*'nan'.*from 0ms to/],
    [['serve', '-t', '99d'], /--timeout .*'99d'/],
    [['serve', '--listen', 'tcp:70000'], /--listen[\s\S]*0 \(any free port\) to 65535/],
    [['serve', '--group', 'a\nb'], /--group[\s\S]*control character/],
    [['serve', '--poll-interval', '9'], /--poll-interval is 9s and --timeout 4s/],
    [['serve', '--token-file', '/no/such'], /--token-file: cannot read \/no\/such/],
    [['serve', '--config', '/no/such'], /--config: cannot read \/no\/such/],
    [['serve', '--log-level', 'loud'], /--log-level[\s\S]*debug, info, warn, error/],
    [['serve', 'now'], /too many arguments/],
    [['work', '--', 'true'], /--group <name>' not specified/],
    [['work', '--group', 'g'], /missing required argument 'command'/],
    [['work', '--group', 'g', '--partitions', '0', '--', 'true'], /--partitions[\s\S]*1 to 4096/],
    [['work', '--group', 'g', '--id', '', '--', 'true'], /--id[\s\S]*member id is empty/],
    [['status', '--server', 'nonsense'], /--server[\s\S]*"nonsense" is no URL/],
    [['status', '--server', 'http://user:secret@h'], /--server: give a token by --token-file/],
    [['watch'], /name the group/],
    [['check'], /missing required argument 'file'/],
    [['check', '/no/such'], /^caucus check: cannot read \/no\/such: there is no such file\n$/],
  ])('refuses %j with 2 and says which argument', async (args, message) => {
    const { code, stdout, stderr } = await caucus(args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('secret')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('takes the servers from the environment, and says so when they are nonsense', async () => {
    const { code, stderr } = await caucus(['status'], { CAUCUS_SERVER: 'http://127.0.0.1:1, nonsense' })
    expect(stderr).toMatch(/CAUCUS_SERVER: "nonsense" is no URL/)
    expect(code).toBe(2)
  })

  test('says that no server answers', async () => {
    const { code, stderr } = await caucus(['status', '--server', 'http://127.0.0.1:1'])
    expect(stderr).toMatch(/^caucus status: no server answers \(http:\/\/127\.0\.0\.1:1: .*\(CAUCUS_UNAVAILABLE\)\n$/)
    expect(code).toBe(1)
  })
})

describe('caucus check', () => {
  test('is content with what is sound', async () => {
    const { code, stdout } = await caucus(['check', file('sound.json', { timing: 'lan' }), '--json'])
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      violations: [],
      worstFailoverMs: 6_122,
      worstTakeoverMs: 27_244,
      refused: [],
    })
    expect(code).toBe(0)
    expect((await caucus(['check', file('sound.json', {})])).stdout).toMatch(/is sound\.\nWorst failover: 4081ms/)
  })

  test('and `serve` refuse unsafe timing with both numbers', async () => {
    const unsafe = file('unsafe.json', { timing: { heartbeatMs: 3_000, leaseMs: 4_000 } })
    const violation = {
      left: { name: 'leaseMs − stopMarginMs', ms: 3_750 },
      right: { name: '3 × heartbeatMs', ms: 9_000 },
    }
    const checked = await caucus(['check', unsafe, '--json'])
    expect(checked.code).toBe(1)
    expect(JSON.parse(checked.stdout)).toMatchObject({ ok: false, violations: [violation] })
    expect((await caucus(['check', unsafe])).stdout).toMatch(/is 3750 ms.*is 9000 ms/)
    const served = await caucus(['serve', '--config', unsafe, '--listen', 'tcp:0'])
    expect(served.stderr).toMatch(/unsafe timing: .*is 3750 ms.*is 9000 ms.*CAUCUS_INVALID_CONFIG/)
    expect({ code: served.code, stdout: served.stdout }).toEqual({ code: 1, stdout: '' })
  })

  test('says what `serve` refuses though its timing is safe', async () => {
    const open = file('open.json', { listen_host: '0.0.0.0' })
    const { code, stdout } = await caucus(['check', open])
    expect(stdout).toMatch(
      /The timing of .* is safe\.\nThis version's `serve` refuses it because listen_host 0\.0\.0\.0/,
    )
    expect(code).toBe(1)
    const { ok, refused } = JSON.parse((await caucus(['check', open, '--json'])).stdout)
    expect({ ok, refused }).toEqual({ ok: false, refused: [expect.stringContaining('there is no token')] })
  })

  test('and `serve` name a slip', async () => {
    const slip = file('slip.json', { grups: {} })
    for (const args of [
      ['check', slip],
      ['serve', '--config', slip, '--listen', 'tcp:0'],
    ]) {
      const { code, stderr } = await caucus(args)
      expect(stderr).toContain('the key "grups" is not known; did you mean groups?')
      expect(code).toBe(1)
    }
    const { stdout } = await caucus(['check', file('cut.json', '{\n"a": '), '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { code: 'CAUCUS_INVALID_CONFIG', details: { line: 2 } },
    })
  })
})

describe('caucus serve', () => {
  test('says first where it listens, and ends with 0 on SIGTERM and 130 on SIGINT', async () => {
    const server = await startServer(['-t', '1', '-s', '1'])
    expect(server.stdout()).toBe(`listening on ${server.url}\n`)
    expect(await server.stop('SIGTERM')).toBe(0)
    const another = await startServer()
    expect(await another.stop('SIGINT')).toBe(130)
  })

  test('ends at the first signal while it is not serving yet, even when its disk does not answer', async () => {
    const data = join(folder, 'hung')
    mkdirSync(data, { mode: 0o700 })
    execFileSync('mkfifo', [join(data, 'foundation.json')])
    const server = startCaucus(['serve', '--listen', 'tcp:0', '--data-dir', data])
    await waitFor('it to begin', () => readdirSync(data).length > 1)
    server.signal('SIGTERM')
    expect(await waitFor('it to end', () => server.ended())).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test('waits at SIGTERM for what is under way, and at the second one for nothing', async () => {
    const server = await startServer()
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.write(`PUT /v1/groups/g/members/m HTTP/1.1\r\nHost: ${server.address}\r\nContent-Length: 100\r\n\r\n{`)
    await waitFor('the request to have begun', async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      return /connections\S* [2-9]/.test(metrics)
    })
    server.signal('SIGTERM')
    await waitFor('it to be stopping', () => server.stderr().includes('once more stops at once'))
    expect(server.ended()).toBeUndefined()
    expect(await server.stop('SIGTERM')).toBe(0)
    socket.destroy()
  })

  test('says that its port is taken', async () => {
    const server = await startServer()
    const { code, stdout, stderr } = await caucus(['serve', '--listen', server.address])
    expect(stderr).toMatch(/another process listens on 127\.0\.0\.1:\d+ already.*CAUCUS_CONFLICT/)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  })

  test('does not open to everybody without a token or an explicit word', async () => {
    const refused = await caucus(['serve', '--listen', '0.0.0.0:0'])
    expect(refused.stderr).toMatch(/--token-file.*--insecure/)
    expect(refused.code).toBe(1)
    const open = startCaucus(['serve', '--listen', '0.0.0.0:0', '--insecure'])
    await waitFor('it to listen', () => /^listening on http:\/\/0\.0\.0\.0:\d+\n$/.test(open.stdout()))
  })

  test('asks for its token', async () => {
    const tokenFile = file('token', 'a-token-of-ours\n')
    const server = await startServer(['--token-file', tokenFile])
    const args = ['status', '--server', server.url]
    expect((await caucus(args)).stderr).toMatch(/--token-file or CAUCUS_TOKEN_FILE \(CAUCUS_UNAUTHORIZED\)/)
    expect((await caucus(args, { CAUCUS_TOKEN_FILE: tokenFile })).code).toBe(0)
    expect((await caucus([...args, '--token-file', file('wrong', 'another-token')])).stderr).toContain(
      'CAUCUS_UNAUTHORIZED',
    )
  })

  test('keeps its data directory to itself, and continues in it', async () => {
    const data = join(folder, 'data')
    const first = await startServer(['--data-dir', data])
    const { code, stderr } = await caucus(['serve', '--listen', 'tcp:0', '--data-dir', data])
    expect(stderr).toContain('CAUCUS_CONFLICT')
    expect(code).toBe(1)
    const generation = async (url: string) =>
      ((await (await fetch(`${url}/v1/status`)).json()) as { generation: number }).generation
    const before = await generation(first.url)
    await first.stop('SIGKILL')
    const second = await startServer(['--data-dir', data])
    expect(await generation(second.url)).toBeGreaterThan(before)
  })

  test('logs JSON on stderr for machines', async () => {
    const server = await startServer(['--log-format', 'json', '--log-level', 'debug'])
    await server.stop()
    const lines = server.stderr().trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'info', msg: `serving on ${server.url}`, exclusion: 'leased' }),
    )
  })
})

describe('status, members and watch', () => {
  test('show a server and its groups, to people and to scripts', async () => {
    // Renewed by nobody, and looked at by several processes one after the other.
    const server = await startServer(['--fresh', '-s', '0', '-t', '120'])
    await putMember(server.url, 'jobs', 'a')
    const env = { CAUCUS_SERVER: `http://127.0.0.1:1 ${server.url}` }
    const status = await waitFor('the group to settle', async () => {
      const { stdout } = await caucus(['status', '--json'], env)
      const found = JSON.parse(stdout)
      return found.groups.find(({ name }: { name: string }) => name === 'jobs').state === 'settled' && found
    })
    expect(Object.keys(status)).toEqual(['version', 'guarantees', 'groups'])
    expect(status).toMatchObject({
      version,
      guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
      groups: expect.arrayContaining([
        {
          name: 'jobs',
          state: 'settled',
          epoch: expect.any(Number),
          total: 1,
          share: 'index',
          members: [expect.objectContaining({ id: 'a', index: 1, metadata: { zone: 'z' } })],
        },
      ]),
    })
    expect((await caucus(['status'], env)).stdout).toMatch(/exclusion: leased[\s\S]*jobs +settled +1 +index/)
    expect((await caucus(['members', 'jobs'], env)).stdout).toMatch(/jobs +a +1 of 1 +\d+ +\{"zone":"z"\}/)
    const { stdout } = await caucus(['members', '--group', 'jobs', '--json'], env)
    expect(JSON.parse(stdout)).toMatchObject([{ group: 'jobs', id: 'a', index: 1 }])
    expect(await caucus(['members', 'jbs'], env)).toMatchObject({ code: 1, stderr: expect.stringContaining('"jobs"') })
  })

  test('follow a group over a restart of its server', async () => {
    // With a data directory, so that the second one's generation is another one even within the same second.
    const args = ['--fresh', '--data-dir', join(folder, 'watched')]
    const first = await startServer(args)
    const watch = startCaucus(['watch', 'jobs', '--json', '--server', first.url, '--log-level', 'debug'])
    await waitFor('it to watch', () => watch.stderr().includes('watching'))
    await putMember(first.url, 'jobs', 'a')
    const lines = () =>
      watch
        .stdout()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    const joined = (member: string) =>
      lines().some(({ event }) => event?.type === 'member.joined' && event.member === member)
    await waitFor('the first event', () => joined('a'))

    await first.stop('SIGKILL')
    await waitFor('it to notice', () => watch.stderr().includes('watching again'))
    const second = await startServer([...args, '--listen', first.address])
    await putMember(second.url, 'jobs', 'b')
    await waitFor('the next event', () => joined('b'))
    const between = lines().slice(lines().findIndex(({ event }) => event?.member === 'a') + 1)
    expect(between.some(({ type }) => type === 'gap')).toBe(true)
    expect(await watch.stop('SIGINT')).toBe(130)
  })

  test('wait for a server that is not there yet, and say so', async () => {
    const watch = startCaucus(['watch', 'jobs', '--server', 'http://127.0.0.1:1'])
    await waitFor('it to try again', () => watch.stderr().includes('still trying'))
    expect(watch.stderr()).not.toContain('the stream broke')
    expect(await watch.stop('SIGTERM')).toBe(0)
  })

  test('end at the first signal, however long nothing happened', async () => {
    const server = await startServer(['--fresh'])
    // What is held by nobody but fetch is collected at once, and not after some time.
    const collector = 'let n = 0; setInterval(() => { gc(); if (++n === 50) console.error("collected") }, 10).unref()'
    const args = ['bin/caucus.js', 'watch', 'jobs', '--server', server.url, '--log-level', 'debug']
    const watch = startNode(['--expose-gc', '--import', `data:text/javascript,${collector}`, ...args])
    await waitFor('it to watch', () => watch.stderr().includes('watching'))
    await waitFor('garbage to be collected', () => watch.stderr().includes('collected'))
    expect(await watch.stop('SIGTERM')).toBe(0)
  })

  test('end quietly when their reader has had enough', async () => {
    const server = await startServer(['--fresh'])
    const watch = startCaucus(['watch', 'jobs', '--server', server.url, '--log-level', 'debug'])
    await waitFor('it to watch', () => watch.stderr().includes('watching'))
    watch.child.stdout?.destroy()
    await putMember(server.url, 'jobs', 'a')
    await putMember(server.url, 'jobs', 'b')
    await waitFor('it to end', () => watch.child.exitCode !== null || watch.child.signalCode !== null)
    expect(watch.child.exitCode).toBe(0)
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../src/testing/trial/processes.ts'
import { endAll, type Running, type RunningServer, repository, startCaucus, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-topics-'))
const TOPIC = 'price list'
const PATH = '/v1/topics/price%20list'
let server: RunningServer
let answers: Running[] = []
beforeAll(async () => {
  server = await startServer(['--fresh'])
})
afterEach(async () => {
  await Promise.all(answers.map((each) => (each.ended() === undefined ? each.stop('SIGKILL') : null)))
  answers = []
  await waitFor('the topic to be empty', async () => (await fetch(`${server.url}${PATH}`)).status === 404)
})
afterAll(async () => {
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

const env = () => ({ CAUCUS_SERVER: server.url })
const ended = async (running: Running) => {
  const { code } = await waitFor('the command to end', () => running.ended())
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}
const ask = (...args: string[]) => startCaucus(['ask', TOPIC, ...args], env())
const asked = (...args: string[]) => ended(ask(...args))
/** `caucus answer` around a script of the shell, once it is on the roster. */
const answering = async (id: string, script: string, ...options: string[]): Promise<Running> => {
  const running = startCaucus(['answer', TOPIC, '--id', id, ...options, '--', 'sh', '-c', script], env())
  answers.push(running)
  await waitFor(`${id} to answer`, () => running.stderr().includes('answering') || running.ended())
  return running
}
const post = (body: string | Uint8Array, query = '', init: RequestInit = {}) =>
  fetch(`${server.url}${PATH}/requests${query}`, { method: 'POST', body, ...init })
const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

let pidFiles = 0
/** A script that writes down its process and a child of it, and where; both ignore SIGTERM if they are to. */
const sleeper = (stubborn = false) => {
  const file = join(folder, `pids-${++pidFiles}`)
  const trap = stubborn ? "trap '' TERM; " : ''
  const script = `${trap}sleep 300 & echo "$$ $!" > ${file}.new; mv ${file}.new ${file}; wait; wait; sleep 300`
  const pids = () => waitFor('the program to begin', () => existsSync(file) && readPids(file))
  return { script, pids }
}
const readPids = (file: string) => readFileSync(file, 'utf8').trim().split(' ').map(Number)
const gone = (pids: readonly number[]) =>
  waitFor('the program and its child to be gone', () => pids.every((pid) => !isAlive(pid)))

describe('caucus ask', () => {
  test('prints each answer as it arrives, and what became of everybody', async () => {
    await answering('shop-7', 'cat')
    await answering('shop-8', 'echo no such sku >&2; exit 3')
    const { code, stdout, stderr } = await asked('{"sku":"milk"}')
    expect(code).toBe(1)
    expect(stdout.split('\n').sort()).toEqual([
      '',
      'shop-7: {"sku":"milk"}',
      'shop-8: error: the program exited with 3: no such sku (CAUCUS_HANDLER_FAILED)',
    ])
    expect(stderr).toBe('caucus ask: 1 of 2 replied; 1 failed\n')
    expect(await asked('1', '--until', 'first')).toMatchObject({ code: 0 })
    expect(await asked('1', '--to', 'shop-7')).toEqual({
      ...{ code: 0, stdout: 'shop-7: 1\n', stderr: 'caucus ask: 1 of 1 replied\n' },
    })
  })

  test('says the same for scripts as HTTP does', async () => {
    await answering('shop-7', 'echo "{ \\"cents\\": 119 }"')
    const { code, stdout, stderr } = await asked('{}', '--json')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const summary = { type: 'summary', expected: 1, replied: 1, errors: 0, missing: [], late: 0, ending: 'met' }
    const rest = { refused: 0, left: [], released: [] }
    expect(linesOf(stdout)).toEqual([
      { type: 'reply', from: 'shop-7', value: { cents: 119 } },
      { ...summary, ...rest },
    ])
    expect(await (await post('{}')).text()).toBe(stdout)
  })

  test('takes its request from standard input', async () => {
    await answering('shop-7', 'cat')
    const child = spawn(process.execPath, ['bin/caucus.js', 'ask', TOPIC, '-'], {
      cwd: repository,
      env: { ...process.env, ...env() },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child.stdin.end('{"from":\n"a pipe"}\n')
    let out = ''
    child.stdout.on('data', (part) => {
      out += part
    })
    const [code] = await once(child, 'close')
    expect([code, out]).toEqual([0, 'shop-7: {"from":"a pipe"}\n'])
  })

  test('fails and says what to do when nobody is there, or nobody answers in time', async () => {
    const nobody = await asked('1')
    expect(nobody).toMatchObject({ code: 1, stdout: '' })
    expect(nobody.stderr).toMatch(/nobody answers on "price list"; .*caucus answer 'price list' -- COMMAND/)
    const { script } = sleeper()
    await answering('slow', script)
    const late = await asked('1', '--within', '200ms')
    expect(late).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing in time from slow \(CAUCUS_TIMEOUT\)/),
    })
  })

  test('that is interrupted stops those who work on it', async () => {
    const { script, pids } = sleeper()
    await answering('slow', script)
    const asking = ask('1', '--within', '5m')
    const working = await pids()
    expect(await asking.stop('SIGINT')).toBe(130)
    expect(asking.stderr()).toBe('')
    await gone(working)
  })

  test('without a server says that there is none', async () => {
    const alone = startCaucus(['ask', TOPIC, '1', '--server', 'http://127.0.0.1:1'])
    expect(await ended(alone)).toMatchObject({ code: 1, stderr: expect.stringMatching(/CAUCUS_UNAVAILABLE/) })
  })
})

describe('caucus answer', () => {
  test('tells its program what is asked, by whom, and how long somebody waits', async () => {
    await answering('shop-7', 'printf "%s|%s|%s|" "$CAUCUS_TOPIC" "$CAUCUS_FROM" "$CAUCUS_WITHIN_MS"; cat')
    const { stdout } = await asked('{"a":1}', '--within', '7s')
    const [, topic, from, within, request] = /^shop-7: "(.*)\|(.*)\|(.*)\|(.*)"\n$/.exec(stdout) ?? []
    expect([topic, request]).toEqual([TOPIC, '{\\"a\\":1}'])
    expect(from).toMatch(/^anybody#\d+$/)
    expect(Number(within)).toBeGreaterThan(0)
    expect(Number(within)).toBeLessThanOrEqual(7_000)
  })

  test('hands bytes on as they are, both ways', async () => {
    await answering('copier', 'cat')
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256)
    const response = await post(bytes, '', { headers: { 'content-type': 'application/octet-stream' } })
    const [reply] = linesOf(await response.text())
    expect(Buffer.from(String(reply?.base64), 'base64').equals(bytes)).toBe(true)
  })

  test('ends a program that says too much', async () => {
    await answering('endless', 'yes')
    const { code, stdout } = await asked('1', '--json')
    expect(code).toBe(1)
    expect(linesOf(stdout)[0]).toMatchObject({ type: 'error', from: 'endless', error: { code: 'CAUCUS_TOO_LARGE' } })
  })

  test('runs as many programs as it may, and starts the next one when one has ended', async () => {
    await answering(
      'busy',
      `mkdir ${folder}/at-work-$$; ls -d ${folder}/at-work-* | wc -l; sleep 0.2; rmdir ${folder}/at-work-$$`,
      '--concurrency',
      '2',
    )
    const responses = await Promise.all(Array.from({ length: 8 }, async () => (await post('1')).text()))
    const atWork = responses.map((text) => Number(linesOf(text)[0]?.value))
    expect(Math.max(...atWork)).toBe(2)
  })

  test('of several with one queue, one gets each request', async () => {
    await answering('a', 'echo a', '--queue', 'shops')
    await answering('b', 'echo b', '--queue', 'shops')
    const replies = await Promise.all([asked('1', '--json'), asked('1', '--json')])
    for (const { stdout } of replies) expect(linesOf(stdout).at(-1)).toMatchObject({ expected: 1, replied: 1 })
  })

  test.each([false, true])('ends all of a program whose asker has gone (ignores SIGTERM: %s)', async (stubborn) => {
    const { script, pids } = sleeper(stubborn)
    await answering('slow', script, '--grace', '300ms')
    const calledOff = new AbortController()
    const response = await post('1', '?within=300000', { signal: calledOff.signal })
    expect(response.status).toBe(200)
    const working = await pids()
    calledOff.abort()
    await gone(working)
  })

  test('that is killed is known to have left at once, and leaves no program behind', async () => {
    const { script, pids } = sleeper(true)
    const answer = await answering('slow', script, '--grace', '300ms')
    const asking = ask('1', '--within', '5m', '--json')
    const working = await pids()
    answer.signal('SIGKILL')
    const { code, stdout } = await ended(asking)
    expect(code).toBe(1)
    expect(linesOf(stdout)).toMatchObject([{ type: 'summary', missing: ['slow'], left: ['slow'], ending: 'exhausted' }])
    await gone(working)
  })

  test('finishes what runs when it is stopped, and takes no more', async () => {
    const go = join(folder, 'go')
    const begun = join(folder, 'begun')
    const answer = await answering('last', `: > ${begun}; while [ ! -e ${go} ]; do sleep 0.05; done; echo done`)
    const asking = ask('1', '--within', '1m')
    await waitFor('the program to begin', () => existsSync(begun))
    answer.signal('SIGTERM')
    await waitFor('it to be off the roster', async () => (await fetch(`${server.url}${PATH}`)).status === 404)
    expect(await asked('2')).toMatchObject({ code: 1, stderr: expect.stringContaining('CAUCUS_NO_RESPONDERS') })
    const stopped = spawn('touch', [go])
    await once(stopped, 'close')
    expect(await ended(asking)).toMatchObject({ code: 0, stdout: 'last: "done"\n' })
    expect(await ended(answer)).toMatchObject({ code: 0 })
  })

  test('that is stopped ends what takes too long, and at once when it is stopped again', async () => {
    const late = sleeper()
    const answer = await answering('late', late.script, '--drain', '200ms')
    const asking = ask('1', '--within', '5m')
    const working = await late.pids()
    answer.signal('SIGINT')
    expect(await ended(answer)).toMatchObject({ code: 130 })
    expect(await ended(asking)).toMatchObject({ code: 1, stderr: expect.stringContaining('late went away') })
    await gone(working)

    const stubborn = sleeper(true)
    const again = await answering('stubborn', stubborn.script, '--drain', '5m', '--grace', '5m')
    const asker = ask('1', '--within', '5m')
    const stuck = await stubborn.pids()
    again.signal('SIGTERM')
    await waitFor('it to say so', () => again.stderr().includes('finishing on SIGTERM'))
    again.signal('SIGTERM')
    expect(await ended(again)).toMatchObject({ code: 0 })
    await gone(stuck)
    expect(await ended(asker)).toMatchObject({ code: 1 })
  })

  test('ends when another one takes its id', async () => {
    const first = await answering('shop-7', 'echo first')
    await answering('shop-7', 'echo second')
    expect(await ended(first)).toMatchObject({ code: 1, stderr: expect.stringContaining('CAUCUS_FENCED') })
    expect(await asked('1')).toMatchObject({ code: 0, stdout: 'shop-7: "second"\n' })
  })

  test('waits for a server that is not there yet, and says of a program that is not there', async () => {
    const early = startCaucus(['answer', TOPIC, '--server', 'http://127.0.0.1:1', '--log-level', 'debug', '--', 'cat'])
    await waitFor('it to try', () => early.stderr().includes('connecting'))
    expect(await early.stop('SIGINT')).toBe(130)
    const none = startCaucus(['answer', TOPIC, '--', '/no/such/program'], env())
    expect(await ended(none)).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is no such program/) })
  })
})

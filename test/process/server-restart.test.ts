import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ErrorBody } from '../../src/errors.ts'
import type { RenewAnswer } from '../../src/wire/http.ts'
import { endAll, type RunningServer, repository, startCaucus, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caucus-server-'))
})
afterEach(async () => {
  await endAll()
  rmSync(directory, { recursive: true, force: true })
})

/** A member that speaks plain HTTP and remembers what it holds, as any client in any language could. */
class HttpMember {
  readonly #id: string
  #sequence = 0
  #answer: RenewAnswer | undefined

  constructor(id: string) {
    this.#id = id
  }

  get held(): readonly { id: number; epoch: number }[] {
    return this.#answer?.partitions ?? []
  }

  async renew({ url }: RunningServer): Promise<void> {
    const send = async (generation: number | undefined) => {
      const { incarnation, order } = this.#answer ?? {}
      const holding = this.held.map(({ id, epoch }) => ({ item: id, epoch }))
      const body = {
        bootId: `boot-${this.#id}`,
        sequence: ++this.#sequence,
        share: { partitions: 8 },
        holding,
        generation,
        incarnation,
        order: generation === this.#answer?.generation ? order : 0,
      }
      const response = await fetch(`${url}/v1/groups/g/members/${this.#id}`, {
        method: 'PUT',
        body: JSON.stringify(body),
      })
      return { status: response.status, json: (await response.json()) as RenewAnswer & { error: ErrorBody } }
    }
    let { status, json } = await send(this.#answer?.generation)
    // It was started within the same second without a store, and takes a later generation than the one it is shown.
    while (status === 503 && json.error.retriable) ({ status, json } = await send(this.#answer?.generation))
    // A new coordinator says its generation first; what is still held is then claimed under it.
    if (status === 409 && typeof json.error.details.generation === 'number') {
      ;({ status, json } = await send(json.error.details.generation))
    }
    if (status !== 200) throw new Error(JSON.stringify(json))
    this.#answer = json
  }
}

const TIMING = ['--timeout', '5', '--settle', '0.2']

const settled = async (server: RunningServer, members: readonly HttpMember[]): Promise<void> => {
  await waitFor('all partitions to be held', async () => {
    for (const member of members) await member.renew(server)
    return members.flatMap(({ held }) => held).length === 8 && members.every(({ held }) => held.length === 4)
  })
}

describe('a server that is killed and started again on its port', () => {
  test.each([
    ['with a data directory', () => ['--data-dir', join(directory, 'data')]],
    ['without one', () => []],
  ])('%s leaves every member what it holds, at the same epochs', async (_what, store) => {
    const first = await startServer([...TIMING, '--fresh', ...store()])
    const members = [new HttpMember('a'), new HttpMember('b')]
    await settled(first, members)
    const before = members.map(({ held }) => held)
    await first.stop('SIGKILL')
    const again = startCaucus(['serve', '--listen', first.address, ...TIMING, ...store()])
    await waitFor('the server to be back', () => again.stdout().startsWith('listening on '))
    const second: RunningServer = { ...again, url: first.url, address: first.address }
    for (const member of members) await member.renew(second)
    await settled(second, members)
    expect(members.map(({ held }) => held)).toEqual(before)
  })
})

/** As in a container: a process that sees other pids, by which it cannot tell who runs outside. */
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child']
const mayUnshare = spawnSync(UNSHARE[0] ?? '', [...UNSHARE.slice(1), 'true']).status === 0

describe('a data directory', () => {
  test('belongs to one server at a time, and to the next once that is killed', async () => {
    const data = join(directory, 'data')
    const first = await startServer(['--data-dir', data])
    const second = startCaucus(['serve', '--listen', '127.0.0.1:0', '--data-dir', data])
    await waitFor('the second to give up', () => second.ended())
    expect(second.ended()?.code).toBe(1)
    expect(second.stderr()).toContain(`in use by the process ${first.pid}`)
    const generation = () =>
      JSON.parse(readFileSync(join(data, 'foundation.json'), 'utf8')).record.foundation.generation
    const before = generation()
    await first.stop('SIGKILL')
    expect(existsSync(join(data, 'lock'))).toBe(true)
    const third = await startServer(['--data-dir', data])
    expect(generation()).toBeGreaterThan(before)
    expect(await third.stop('SIGTERM')).toBe(0)
    expect(existsSync(join(data, 'lock'))).toBe(false)
  })

  test('whose lock was removed is given up by its server, which says why', async () => {
    const data = join(directory, 'data')
    const server = await startServer(['--data-dir', data])
    rmSync(join(data, 'lock'))
    await waitFor('the server to give up', () => server.ended())
    expect(server.ended()?.code).toBe(1)
    expect(server.stderr()).toContain('is gone, so somebody else may be at work in the data directory')
  })

  test.runIf(mayUnshare)(
    'that is shared between containers belongs to one of them, and to a restarted one',
    async () => {
      const data = join(directory, 'data')
      const inContainer = (...more: string[]) => [...UNSHARE, process.execPath, ...more]
      const serve = ['bin/caucus.js', 'serve', '--listen', '127.0.0.1:0', '--data-dir', data]
      const first = await startServer(['--data-dir', data])
      const [command = '', ...args] = inContainer(...serve)
      const second = await promisify(execFile)(command, args, { cwd: repository, timeout: 30_000 }).catch(
        (error) => error,
      )
      expect(second).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`in use by the process ${first.pid} of another container or machine`),
      })
      await first.stop('SIGKILL')
      const lock = JSON.parse(readFileSync(join(data, 'lock'), 'utf8'))
      writeFileSync(join(data, 'lock'), JSON.stringify({ ...lock, pidNamespace: 'pid:[1]' }))
      const third = await startServer(['--data-dir', data])
      expect(await third.stop('SIGTERM')).toBe(0)
    },
  )
})

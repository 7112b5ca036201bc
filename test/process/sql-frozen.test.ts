import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fenceTable } from 'caucus/sql'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { POSTGRES, type PostgresServer, startPostgres } from '../../src/testing/servers/postgres.ts'
import { signalProcess } from '../../src/testing/trial/processes.ts'
import { lackFor } from './support/needs.ts'
import { endAll, type RunningServer, repository, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const LONG_MS = 240_000
vi.setConfig({ testTimeout: LONG_MS })

const WRITER = fileURLToPath(new URL('./support/sql-writer.mjs', import.meta.url))

interface Said {
  readonly type: 'leads' | 'begun' | 'written' | 'failed'
  readonly token?: number
  readonly entry?: string
  readonly code?: string
}

describe.skipIf(lackFor('leaders that are frozen before they write', [POSTGRES]))('a leader that is frozen', () => {
  let postgres: PostgresServer
  let server: RunningServer
  let observer: Client
  const writers: Writer[] = []

  /** A process that may lead, and writes when it is told to. */
  class Writer {
    readonly said: Said[] = []
    readonly #child: ChildProcess

    constructor(readonly id: string) {
      const args = [WRITER, server.url, postgres.url, id]
      this.#child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      this.#child.on('message', (said: Said) => this.said.push(said))
      writers.push(this)
    }

    tell(order: object): void {
      this.#child.send(order)
    }

    until(type: Said['type'], entry?: string): Promise<Said> {
      const isMeant = (said: Said) => said.type === type && said.entry === entry
      return waitFor(`${this.id} to say ${type} ${entry ?? ''}`, () => this.said.find(isMeant))
    }

    signal(signal: NodeJS.Signals): void {
      if (this.#child.pid !== undefined) signalProcess(this.#child.pid, signal)
    }

    async end(): Promise<void> {
      const over = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await over
    }
  }

  const journal = async () =>
    (await observer.query('SELECT entry FROM journal ORDER BY id')).rows.map(({ entry }) => entry)
  const untilWaiting = (id: string) =>
    waitFor(`${id} to wait for the lock`, async () => {
      const waiting = "SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
      return (await observer.query(waiting, [id])).rowCount === 1
    })

  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres?.close())
  let older: Writer
  let newer: Writer
  beforeEach(async () => {
    server = await startServer(['--fresh', '-t', '1', '-s', '0.1'])
    observer = new Client({ connectionString: postgres.url })
    await observer.connect()
    await observer.query(
      `DROP TABLE IF EXISTS caucus_fence, journal; ${fenceTable()}; CREATE TABLE journal (id serial, token bigint, entry text)`,
    )
    older = new Writer('older')
    await older.until('leads')
    older.tell({ type: 'write', entry: 'before' })
    await older.until('written', 'before')
    newer = new Writer('newer')
  })
  afterEach(async () => {
    await Promise.all(writers.splice(0).map((writer) => writer.end()))
    await observer?.end()
    await endAll()
  })

  /** Frozen past its lease, until the other one leads. */
  const freezeThrough = async () => {
    older.signal('SIGSTOP')
    const { token = 0 } = await newer.until('leads')
    expect(token).toBeGreaterThan((await older.until('leads')).token ?? Number.NaN)
  }

  test('before it writes changes nothing any more when it wakes up', async () => {
    await freezeThrough()
    newer.tell({ type: 'write', entry: 'newer' })
    await newer.until('written', 'newer')
    older.tell({ type: 'write', entry: 'older' })
    older.signal('SIGCONT')
    expect(await older.until('failed', 'older')).toMatchObject({
      code: 'CAUCUS_FENCED',
      message: expect.stringMatching(/^"jobs": token \d+ is older than \d+; stop writing$/),
    })
    newer.tell({ type: 'write', entry: 'newer again' })
    await newer.until('written', 'newer again')
    expect(await journal()).toEqual(['before', 'newer', 'newer again'])
  })

  test('between check and commit is waited for, and what it commits comes before anything newer', async () => {
    older.tell({ type: 'begin', entry: 'older' })
    await older.until('begun', 'older')
    await freezeThrough()
    newer.tell({ type: 'write', entry: 'newer' })
    await untilWaiting('newer')
    expect(newer.said.map(({ type }) => type)).toEqual(['leads'])
    older.tell({ type: 'commit' })
    older.signal('SIGCONT')
    await older.until('written', 'older')
    await newer.until('written', 'newer')
    expect(await journal()).toEqual(['before', 'older', 'newer'])
    older.tell({ type: 'write', entry: 'late' })
    expect(await older.until('failed', 'late')).toMatchObject({ code: 'CAUCUS_FENCED' })
  })

  test('between check and commit for too long loses its transaction, and lives to hear of it', async () => {
    older.tell({ type: 'begin', entry: 'older', idleMs: 300 })
    await older.until('begun', 'older')
    await freezeThrough()
    newer.tell({ type: 'write', entry: 'newer' })
    await newer.until('written', 'newer')
    older.tell({ type: 'commit' })
    older.signal('SIGCONT')
    await older.until('failed', 'older')
    older.tell({ type: 'write', entry: 'late' })
    expect(await older.until('failed', 'late')).toMatchObject({ code: 'CAUCUS_FENCED' })
    expect(await journal()).toEqual(['before', 'newer'])
  })
})

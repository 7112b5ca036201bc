import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { timing } from '../../config/timing.ts'
import { FileTails } from '../file-tails.ts'
import { Child } from '../trial/child.ts'
import type { House } from '../trial/house.ts'
import { usageOf } from '../trial/processes.ts'
import { waitFor } from '../trial/wait.ts'
import { secretIn } from './judge.ts'
import type { Target } from './line.ts'
import { CANARY, type Mode, TOKEN_FILE, TOKENS } from './world.ts'

/** What a fuzzer makes up is over soon. */
const SHORT = { ...timing.local, leaseMs: 800, drainLimitMs: 500, settleCapMs: 500, staticGraceMs: 900 }
/** What the canaries have must last through any moment in which the machine is busy. */
export const CANARY_TIMING = {
  ...timing.lan,
  leaseMs: 15_000,
  heartbeatMs: 1_000,
  stopMarginMs: 500,
  settleMs: 300,
  staticGraceMs: 16_000,
}

/** A server asks three times, each after 10 s, whether a client is there that says nothing. */
const QUIET_MS = 45_000
const LOOK_EVERY_MS = 200
/** So many before anything is sent. */
const LOOKS = 5

const ON_TOPICS = ['producers', 'listeners', 'asks', 'requests', 'streams']

/** What a server has when nobody asks anything of it. */
export interface Level {
  readonly heapBytes: number
  readonly files: number
  readonly links: number
  readonly streams: number
  readonly connections: number
  /** Producers, listeners, asks, requests and streams of topics, all together. */
  readonly onTopics: number
}

/** `caucus serve` as it is built, and everything that it says. */
export class FuzzedServer {
  readonly #child: Child
  readonly #mode: Mode
  readonly #log: FileTails
  readonly #faults: string[] = []
  #measured: ((bytes: number) => void) | undefined
  url = ''
  logLines = 0

  /** Resolves once it listens. */
  static async start(house: House, mode: Mode): Promise<FuzzedServer> {
    const server = new FuzzedServer(house, mode)
    try {
      server.url = await waitFor('the server to say where it listens', () => {
        if (!server.#child.isAlive) throw server.#child.endedTooEarly()
        return /^listening on (http:\/\/\S+)$/m.exec(server.#child.output)?.[1]
      })
      return server
    } catch (error) {
      await server.kill()
      throw error
    }
  }

  private constructor(house: House, mode: Mode) {
    this.#mode = mode
    this.#log = new FileTails(house.folder)
    const groups = {
      [CANARY.parts]: { share: { partitions: CANARY.partitions }, timing: CANARY_TIMING },
      [CANARY.slots]: { share: 'index', timing: CANARY_TIMING },
    }
    writeFileSync(house.path('server.json'), JSON.stringify({ cluster: 'fuzz', timing: SHORT, groups }))
    writeFileSync(house.path('tokens.json'), JSON.stringify(TOKEN_FILE))
    const config = ['--config', house.path('server.json'), '--data-dir', house.data, '--fresh']
    this.#child = new Child({
      name: 'the server',
      command: [
        ...[process.execPath, '--expose-gc', '--import', pathToFileURL(house.path('dist/testing/fuzz/probe.js')).href],
        ...[house.path('bin/caucus.js'), 'serve', '--listen', '127.0.0.1:0', '--log-format', 'json', ...config],
        ...(mode === 'closed' ? ['--token-file', house.path('tokens.json')] : []),
      ] as [string, ...string[]],
      output: house.path(this.logName),
    })
    this.#child.onMessage((message) => {
      const { type, bytes } = message as { readonly type?: unknown; readonly bytes?: unknown }
      if (type === 'measured') this.#measured?.(Number(bytes))
    })
  }

  get logName(): string {
    return `server-${this.#mode}.log`
  }

  get target(): Target {
    const { hostname, port } = new URL(this.url)
    return { host: hostname, port: Number(port) }
  }

  /** What has gone wrong so far in the server itself: its end, a line of its log that should not be. */
  faults(): readonly string[] {
    if (!this.#child.isAlive) {
      const { code = null, signal = null } = this.#child.ending ?? {}
      return [...this.#faults, `the server ended with ${signal ?? code}: ${this.#child.output.slice(-2_000)}`]
    }
    for (const line of this.#log.textOf(this.logName).split('\n')) {
      if (line === '') continue
      this.logLines++
      const secret = secretIn(line)
      if (secret !== undefined || line.includes('"level":"error"') || !isLine(line))
        this.#faults.push(`the log has a line that it should not: ${line.slice(0, 1_000)}`)
    }
    return this.#faults
  }

  /** Asks as an operator does. */
  async ask(path: string): Promise<string> {
    const headers = this.#mode === 'closed' ? { authorization: `Bearer ${TOKENS.operator}` } : {}
    const response = await fetch(`${this.url}${path}`, { headers, signal: AbortSignal.timeout(20_000) })
    return response.text()
  }

  /**
   * Resolves once nothing is left of all groups but those of the canaries, and says what the server has then. Connections that are over may take
   * a moment to be gone: of these it waits until there are no more than `before`, for a while.
   */
  async idle(before?: Level, quietMs = QUIET_MS): Promise<Level> {
    let left: readonly string[] = []
    await waitFor(
      () => `the groups of the fuzzer to be gone, of which ${left.length} are left: ${left.slice(0, 5).join(', ')}`,
      async () => {
        const { groups } = JSON.parse(await this.ask('/v1/status')) as { groups: { name: string; total: number }[] }
        left = groups.filter(({ name, total }) => total > 0 && !name.startsWith('canary-')).map(({ name }) => name)
        return left.length === 0
      },
      { everyMs: 100 },
    )
    let level = before === undefined ? await this.#quietest() : await this.#level()
    for (let leftMs = quietMs; leftMs > 0 && before !== undefined && isAbove(level, before); leftMs -= LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS)
      level = await this.#level()
    }
    return { ...level, heapBytes: await this.#measure() }
  }

  /** With as little on topics as it ever has: the canaries ask one another meanwhile. */
  async #quietest(): Promise<Level> {
    let quietest = await this.#level()
    for (let looks = 1; looks < LOOKS; looks++) {
      await sleep(LOOK_EVERY_MS)
      const level = await this.#level()
      if (level.onTopics < quietest.onTopics) quietest = level
    }
    return quietest
  }

  async #level(): Promise<Level> {
    const metrics = await this.ask('/metrics')
    const metric = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)?.[1])
    return {
      heapBytes: 0,
      files: usageOf(this.#child.pid)?.files ?? 0,
      links: metric('caucus_links'),
      streams: metric('caucus_streams'),
      connections: metric('caucus_connections'),
      onTopics: ON_TOPICS.reduce((sum, name) => sum + metric(`caucus_topic_${name}`), 0),
    }
  }

  #measure(): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the server does not say how much memory it has')), 20_000)
      this.#measured = (bytes) => {
        clearTimeout(late)
        resolve(bytes)
      }
      this.#child.signal('SIGUSR2')
    })
  }

  /** Throws when it does not end in good order. */
  async stop(): Promise<void> {
    const ending = await this.#child.stop('SIGTERM')
    if (ending.code !== 0) throw this.#child.endedTooEarly()
  }

  async kill(): Promise<void> {
    await this.#child.stop('SIGKILL')
  }
}

const isAbove = (level: Level, before: Level): boolean =>
  level.links > before.links ||
  level.onTopics > before.onTopics ||
  level.streams > before.streams ||
  level.files > before.files + 2

const isLine = (line: string): boolean => line.startsWith('{"') || line.startsWith('listening on http://')

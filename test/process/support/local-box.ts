import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalOptions } from 'caucus'
import { parseIntervals } from '../../../src/testing/intervals.ts'
import { Checker } from '../../../src/testing/trial/checker.ts'
import { signalProcess } from '../../../src/testing/trial/processes.ts'
import { repository } from './processes.ts'
import { waitFor } from './wait.ts'

/** Leases that a loaded machine keeps, and a wait of about two seconds for those of whoever was killed. */
export const TIMING = { leaseMs: 2_000, settleMs: 100 }
export const PARTITIONS = 12

interface Said {
  readonly type: string
  readonly id: string
  readonly pid: number
  readonly port?: number
  readonly state?: string
  readonly beliefs?: readonly { readonly what: string; readonly epoch: number }[]
}

/** What a worker said last. */
export interface Worker extends Said {
  readonly held: ReadonlyMap<string, number>
}

/** One machine: a directory, processes that find each other by it, and what each of them believed when. */
export class Box {
  readonly directory: string
  readonly #logs: string
  readonly #options: LocalOptions
  readonly #children = new Map<number, ChildProcess>()
  /** What these say on their way out is not said by whoever has their name next. */
  readonly #ending = new Set<number>()
  /** By id: what it said last. */
  readonly #workers = new Map<string, Worker>()
  readonly said: Said[] = []

  constructor(options: LocalOptions = {}) {
    const home = mkdtempSync(join(tmpdir(), 'caucus-box-'))
    this.#logs = mkdtempSync(join(home, 'logs-'))
    this.directory = join(home, 'shared')
    this.#options = { directory: this.directory, timing: TIMING, ...options }
  }

  /** Starts a process; what it is told is completed. Resolves once it has joined, or with `name` once its workers have. */
  async start(id: string): Promise<Worker> {
    const child = this.#fork('local-worker.mjs', { id })
    await waitFor(
      `${id} to join`,
      () => {
        if (child.exitCode !== null) throw new Error(`${id} ended with ${child.exitCode}`)
        return this.#workers.get(id)?.state === 'member'
      },
      { withinMs: 60_000 },
    )
    return this.worker(id)
  }

  /** Starts a cluster of workers. */
  async startCluster(workers: number): Promise<ChildProcess> {
    const primary = this.#fork('local-primary.mjs', { name: 'w', workers, port: 0 })
    await this.untilSaid('started')
    return primary
  }

  async untilSaid(type: string): Promise<Said> {
    return waitFor(`somebody to say ${type}`, () => this.said.find((each) => each.type === type), { withinMs: 90_000 })
  }

  worker(id: string): Worker {
    const worker = this.#workers.get(id)
    if (worker === undefined) throw new Error(`${id} has said nothing yet`)
    return worker
  }

  tell(id: string, message: object): void {
    this.#outdate(id)
    this.#children.get(this.worker(id).pid)?.send(message)
  }

  /** The pid of whoever has the last term, and its number. */
  serving(): { readonly pid: number; readonly term: number } {
    const terms = readdirSync(this.directory).flatMap((name) => /^term-(\d+)$/.exec(name)?.[1] ?? [])
    const term = Math.max(...terms.map(Number))
    return { pid: JSON.parse(readFileSync(join(this.directory, `term-${term}`), 'utf8')).pid, term }
  }

  /** Whoever has the last term, among those that run. */
  servingWorker(): Worker {
    const { pid } = this.serving()
    const found = [...this.#workers.values()].find((each) => each.pid === pid)
    if (found === undefined) throw new Error(`nobody of this box has the pid ${pid}`)
    return found
  }

  /** What it said before counts for nothing: it is asked for what it says after it was disturbed. */
  #outdate(id: string): void {
    this.#workers.set(id, { ...this.worker(id), held: new Map() })
  }

  /** Ends a process, and forgets it once it is over. */
  async end(id: string, signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.worker(id)
    const child = this.#children.get(pid)
    this.#workers.delete(id)
    this.#ending.add(pid)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  signal(id: string, signal: NodeJS.Signals): void {
    this.#outdate(id)
    signalProcess(this.worker(id).pid, signal)
  }

  /** Resolves once these, and nobody else of those that are asked, hold all partitions evenly, and one of them leads. */
  async whole(ids: readonly string[]): Promise<void> {
    const least = Math.floor(PARTITIONS / ids.length)
    await waitFor(
      `${ids.join(', ')} to hold everything`,
      () => {
        const held = ids.map((id) => [...(this.#workers.get(id)?.held.keys() ?? [])])
        const all = held.flat()
        const parts = held.map((each) => each.filter((what) => what.startsWith('g/')).length)
        // Once each: they say it one after the other, and what two say they have was handed over in between.
        const isOnceEach = all.length === PARTITIONS + 1 && new Set(all).size === all.length
        return isOnceEach && parts.every((each) => each >= least)
      },
      { withinMs: 60_000 },
    )
  }

  /** What the independent checker finds in all that was believed. */
  judge() {
    const checker = new Checker()
    for (const name of readdirSync(this.#logs))
      checker.add(parseIntervals(readFileSync(join(this.#logs, name), 'utf8'), name))
    return { ...checker.check(), claims: checker.claims }
  }

  async close(): Promise<void> {
    for (const child of this.#children.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    rmSync(join(this.directory, '..'), { recursive: true, force: true })
  }

  #fork(script: string, order: object): ChildProcess {
    const told = { log: join(this.#logs, 'ID'), local: this.#options, ...order }
    const file = join(repository, 'test/process/support', script)
    const child = fork(file, [JSON.stringify(told)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const { pid } = child
    if (pid === undefined) throw new Error(`${script} did not start`)
    this.#children.set(pid, child)
    child.on('message', (said: Said) => {
      if (said.type !== 'beliefs') return void this.said.push(said)
      if (this.#ending.has(said.pid)) return
      const held = new Map(said.beliefs?.map(({ what, epoch }) => [what, epoch]))
      this.#workers.set(said.id, { ...said, held })
    })
    return child
  }
}

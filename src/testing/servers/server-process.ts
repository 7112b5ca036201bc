import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalProcess } from '../trial/processes.ts'

/** How long a server may take until it answers; generous, since it bounds a hang and asserts no speed. */
const READY_WITHIN_MS = 60_000
/** What it said last, which an error quotes. */
const KEPT_CHARACTERS = 4_000

const running = new Set<ChildProcess>()
const directories = new Set<string>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A new folder, gone with this process if nobody removes it before. */
export const scratchFolder = (name: string): { readonly path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), `caucus-${name}-`))
  directories.add(path)
  const remove = () => {
    directories.delete(path)
    rmSync(path, { recursive: true, force: true })
  }
  return { path, remove }
}

/** Has the kernel kill the server when this process ends by SIGKILL too, where that can be had. */
const DIES_WITH_US: readonly string[] =
  spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0
    ? ['setpriv', '--pdeathsig', 'KILL']
    : []

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** Whom to run as. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** One server process of somebody else's making, which can be killed, frozen and started again with the same command. */
export class ServerProcess {
  readonly #name: string
  readonly #command: Command
  readonly #ready: () => Promise<boolean>
  #child: ChildProcess | undefined
  #over: Promise<void> = Promise.resolve()
  #said = ''

  /** `ready` is asked again and again until it says so; what it throws counts as not yet. */
  constructor(name: string, command: Command, ready: () => Promise<boolean>) {
    this.#name = name
    this.#command = command
    this.#ready = ready
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  /** What it has written to its log of late. */
  get said(): string {
    return this.#said
  }

  /** Starts it, and resolves without waiting until it answers. */
  launch(): void {
    if (this.#child !== undefined) throw new Error(`${this.#name} is running already`)
    const [file = '', ...args] = [...this.#asUser(), this.#command.file, ...this.#command.args]
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } })
    this.#child = child
    running.add(child)
    this.#said = ''
    const hear = (text: string) => {
      this.#said = (this.#said + text).slice(-KEPT_CHARACTERS)
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    this.#over = new Promise((resolve) => {
      const end = () => {
        running.delete(child)
        if (this.#child === child) this.#child = undefined
        resolve()
      }
      child.once('exit', end)
      child.once('error', (error) => {
        hear(error.message)
        end()
      })
    })
  }

  /** Resolves once it answers; rejects with what it said when it ends or takes too long. */
  async answers(): Promise<void> {
    const until = performance.now() + READY_WITHIN_MS
    while (!(await this.#ready().catch(() => false))) {
      if (this.#child === undefined) throw new Error(`${this.#name} ended before it answered: ${this.#said}`)
      if (performance.now() > until) throw new Error(`${this.#name} does not answer: ${this.#said}`)
      await sleep(20)
    }
  }

  async start(): Promise<void> {
    this.launch()
    await this.answers()
  }

  /** Resolves once it is over. One that is not running is no error. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child?.kill(signal)
    await this.#over
  }

  /** SIGSTOP, and it stands: its sockets stay, and the kernel goes on accepting for it. */
  freeze(): void {
    if (this.#child?.pid !== undefined) signalProcess(this.#child.pid, 'SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  #asUser(): readonly string[] {
    const { user } = this.#command
    if (user === undefined) return DIES_WITH_US
    if (DIES_WITH_US.length === 0) throw new Error(`${this.#name} runs as another user only where there is setpriv`)
    return [...DIES_WITH_US, `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
  }
}

/** `make` once more with other ports when somebody took them in between. */
export const withAnotherTry = async <T>(make: () => Promise<T>, tries = 3): Promise<T> => {
  try {
    return await make()
  } catch (error) {
    if (tries <= 1 || !/address already in use|Address in use/i.test(String(error))) throw error
    return withAnotherTry(make, tries - 1)
  }
}

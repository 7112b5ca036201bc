import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { CaucusError } from '../../errors.ts'
import { freeze, ownEnvironment } from './processes.ts'
import { waitFor } from './wait.ts'

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ChildOptions {
  readonly name: string
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly env?: NodeJS.ProcessEnv
  /** The file that its standard output and error are written to. */
  readonly output: string
}

const KEPT_OF_OUTPUT = 8_000

const running = new Set<Child>()
// The last resort, for errors that nobody caught.
process.once('exit', () => {
  for (const child of running) child.signal('SIGKILL')
})

/**
 * A process of a trial, with a channel to it. It ends when the trial does: the channel closes with the trial's process, and the module
 * `in-child` ends the child then.
 */
export class Child {
  readonly name: string
  readonly ended: Promise<Ending>
  readonly #process: ChildProcess
  #ending: Ending | undefined
  #output = ''
  #thaw: (() => void) | undefined

  constructor({ name, command: [file, ...args], env = {}, output }: ChildOptions) {
    this.name = name
    this.#process = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...ownEnvironment(), ...env },
    })
    const log = createWriteStream(output, { flags: 'a' })
    const keep = (text: string) => {
      this.#output = (this.#output + text).slice(-KEPT_OF_OUTPUT)
      log.write(text)
    }
    this.#process.stdout?.setEncoding('utf8').on('data', keep)
    this.#process.stderr?.setEncoding('utf8').on('data', keep)
    running.add(this)
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        if (this.#ending !== undefined) return
        this.#ending = ending
        running.delete(this)
        log.end()
        resolve(ending)
      }
      // Not `close`: a program under `caucus work` has the same output, and may outlive its wrapper until its lease ends.
      this.#process.once('exit', (code, signal) => end({ code, signal }))
      this.#process.once('error', (error) => {
        keep(`${error.message}\n`)
        if (this.#process.pid === undefined) end({ code: null, signal: null })
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  get isAlive(): boolean {
    return this.#ending === undefined
  }

  get ending(): Ending | undefined {
    return this.#ending
  }

  /** The end of what it said. */
  get output(): string {
    return this.#output
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#process.on('message', listener)
  }

  signal(signal: NodeJS.Signals): void {
    // By `ChildProcess.kill`, which knows when the process id may belong to somebody else by now.
    if (this.isAlive) this.#process.kill(signal)
  }

  /** Says something to it, if it is there to hear it. */
  send(message: object): void {
    // That it has ended meanwhile is seen by whoever waits for what it answers.
    if (this.#process.connected) this.#process.send(message, () => undefined)
  }

  /** Holds up its event loop for so long. Resolves once it goes on, or has ended. */
  async stall(ms: number, signal?: AbortSignal): Promise<void> {
    let isOver = false
    const hear = (message: { readonly type?: unknown } | null) => {
      if (message?.type === 'stalled') isOver = true
    }
    this.#process.on('message', hear)
    try {
      this.send({ type: 'stall', ms })
      await waitFor(`${this.name} to go on`, () => isOver || !this.isAlive, signal === undefined ? {} : { signal })
    } finally {
      this.#process.off('message', hear)
    }
  }

  /** Stops it in its tracks until `thaw`. */
  freeze(): void {
    if (this.#thaw !== undefined || !this.isAlive) return
    this.#thaw = freeze(this.pid)
  }

  thaw(): void {
    this.#thaw?.()
    this.#thaw = undefined
  }

  /** Sends `signal` and resolves with its end; SIGKILL follows when it takes longer than `withinMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', withinMs = 10_000): Promise<Ending> {
    this.thaw()
    this.signal(signal)
    const late = setTimeout(() => this.signal('SIGKILL'), withinMs)
    try {
      return await this.ended
    } finally {
      clearTimeout(late)
    }
  }

  /** For whoever needs it alive. */
  endedTooEarly(): CaucusError {
    const { code = null, signal = null } = this.#ending ?? {}
    return new CaucusError(
      'CAUCUS_BACKEND',
      `${this.name} ended with ${signal ?? code}. It said: ${this.#output.trim()}`,
    )
  }
}

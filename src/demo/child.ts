import { type ChildProcess, spawn } from 'node:child_process'
import { CaucusError } from '../errors.ts'

/** How a process ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const KEPT_OF_STDERR = 4_000

/**
 * A process of the demo with a channel to it. It ends when the demo does: the channel closes with the demo's process, and both
 * kinds of children end themselves then.
 */
export class Child {
  readonly name: string
  readonly ended: Promise<Ending>
  readonly #process: ChildProcess
  #ending: Ending | undefined
  #stderr = ''

  constructor(name: string, args: readonly string[]) {
    this.name = name
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: ownEnvironment() })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OF_STDERR)
    })
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        this.#ending ??= ending
        resolve(this.#ending)
      }
      // `close` and not `exit`: by then everything that it said is here.
      this.#process.once('close', (code, signal) => end({ code, signal }))
      // It could not be started; without a listener this would end the demo in the middle of its clearing up.
      this.#process.once('error', (error) => {
        this.#stderr += error.message
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

  /** The end of what it said on standard error. */
  get lastWords(): string {
    return this.#stderr.trim()
  }

  /** The first line of its standard output, or an error that quotes why there is none. */
  async firstLine(signal: AbortSignal): Promise<string> {
    const { stdout } = this.#process
    let text = ''
    let aborted = () => {}
    const whole = new Promise<void>((resolve) => {
      aborted = resolve
      stdout?.setEncoding('utf8').on('data', (more: string) => {
        // What it says after that line is nobody's business, but must not fill the pipe.
        if (!text.includes('\n')) text += more
        if (text.includes('\n')) resolve()
      })
      signal.addEventListener('abort', aborted, { once: true })
      void this.ended.then(() => resolve())
    })
    await whole
    signal.removeEventListener('abort', aborted)
    signal.throwIfAborted()
    if (!text.includes('\n')) throw this.endedTooEarly()
    return text.slice(0, text.indexOf('\n'))
  }

  endedTooEarly(): CaucusError {
    const { code = null, signal = null } = this.#ending ?? {}
    const again = 'and without it there is no check: run the demo again'
    if (signal !== null) {
      const who = 'The demo did not send that signal; if nobody else did, look whether the memory ran out'
      return new CaucusError('CAUCUS_BACKEND', `${this.name} was ended by ${signal}, ${again}. ${who}`)
    }
    const words = this.lastWords === '' ? '' : `. It said:\n${this.lastWords}`
    return new CaucusError('CAUCUS_BACKEND', `${this.name} ended with code ${code}, ${again}${words}`)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#process.on('message', listener)
  }

  /** Lost when it has ended, or is just ending. */
  send(message: object): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  signal(signal: NodeJS.Signals): void {
    // By `ChildProcess.kill`, which knows when the process id may belong to somebody else by now.
    if (this.isAlive) this.#process.kill(signal)
  }

  /** Asks it to end, in its own way, and makes it after `limitMs`. */
  async stop(ask: () => void, limitMs: number): Promise<void> {
    if (!this.isAlive) return
    const timer = setTimeout(() => this.signal('SIGKILL'), limitMs)
    try {
      ask()
      await this.ended
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Settings of a real cluster in the environment (a server, a token) are not meant for the demo's own. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAUCUS_')))

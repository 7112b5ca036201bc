import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Size } from '../../../src/cli/top/frame.ts'
import { TinyTerminal } from '../../unit/cli/top/tiny-terminal.ts'
import type { Need } from './needs.ts'
import { repository } from './processes.ts'
import { waitFor } from './wait.ts'

export const SCRIPT: Need = {
  what: 'the programs script and stty, which make a terminal and set it',
  howToGet: 'On Debian and Ubuntu: apt-get install bsdutils coreutils.',
  kind: 'tool',
  missing: () => {
    const { status, error, stdout } = spawnSync('script', ['-qefc', 'tty && stty -a', '/dev/null'], {
      encoding: 'utf8',
    })
    return status === 0 ? undefined : (error?.message ?? stdout.trim() ?? `exit ${status}`)
  },
}

const running = new Set<Pty>()

/** A shell with a terminal of its own, in which one command runs. */
export class Pty {
  readonly #terminal: TinyTerminal
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<unknown>
  #before = ''
  #raw = ''

  constructor(command: string, size: Size, env: NodeJS.ProcessEnv = {}) {
    this.#terminal = new TinyTerminal(size)
    const { columns, rows } = size
    // Which terminal it is, and how it is set, before and after.
    const shell = `tty; stty cols ${columns} rows ${rows}; stty -g; echo READY; ${command}; echo "ENDED $?"; stty -g`
    this.#child = spawn('script', ['-qefc', shell, '/dev/null'], {
      cwd: repository,
      env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh', ...env },
    })
    this.#closed = once(this.#child, 'close').then(() => running.delete(this))
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    // It has ended already.
    this.#child.stdin.on('error', () => undefined)
    running.add(this)
  }

  #take(text: string): void {
    this.#raw += text
    const start = this.#raw.indexOf(START)
    if (start < 0) return
    const said = this.#raw.slice(start + START.length)
    const end = said.indexOf('\r\nENDED ') < 0 ? said.indexOf('ENDED ') : said.indexOf('\r\nENDED ')
    const own = end < 0 ? said : said.slice(0, end)
    this.#terminal.write(own.slice(this.#before.length))
    this.#before = own
  }

  /** What the command wrote. */
  get said(): string {
    return this.#before
  }

  get screen(): TinyTerminal {
    return this.#terminal
  }

  press(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** As a window does that is dragged. */
  resize({ columns, rows }: Size): void {
    this.#terminal.resize({ columns, rows })
    const [, name = ''] = /^(\/dev\/\S+)/m.exec(this.#raw) ?? []
    spawnSync('stty', ['-F', name, 'cols', `${columns}`, 'rows', `${rows}`])
  }

  /** Resolves once somebody would see this. */
  shows(what: RegExp | string): Promise<string> {
    const found = () => {
      const { text } = this.#terminal
      return (typeof what === 'string' ? text.includes(what) : what.test(text)) ? text : undefined
    }
    return waitFor(`the screen to show ${String(what)}`, found).catch((cause) => {
      throw new Error(`${String(cause)}; it shows:\n${this.#terminal.text}`, { cause })
    })
  }

  /** The exit code of the command, and whether the terminal is set as it was. */
  async ended(): Promise<{ readonly code: number; readonly isAsBefore: boolean }> {
    await waitFor('the command to end', () => !running.has(this))
    const [, before] = /^\s*([0-9a-f:]{20,})\s*READY/m.exec(this.#raw) ?? []
    const [, code = 'none', after] = /ENDED (\d+)\s+([0-9a-f:]{20,})/.exec(this.#raw) ?? []
    return { code: Number(code), isAsBefore: before !== undefined && before === after }
  }

  /** As a window does that is closed. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

const START = 'READY\r\n'

/** Ends every shell that still runs, and with its terminal what runs in it. */
export const endPtys = async (): Promise<void> => {
  await Promise.all([...running].map((pty) => pty.kill()))
}

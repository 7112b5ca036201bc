import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { ownEnvironment } from '../../../src/testing/trial/processes.ts'
import { repository } from './processes.ts'
import { waitFor } from './wait.ts'

export interface ProgramOptions {
  readonly name: string
  /** What node is to run. */
  readonly args: readonly string[]
  /** The command that runs node, such as one that puts it into a namespace. */
  readonly prefix?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

const running = new Set<Program>()

/** A node process in surroundings of its own, which is told and says lines. */
export class Program {
  readonly name: string
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<unknown>
  readonly #listeners: ((line: string) => void)[] = []
  readonly #lines: string[] = []
  #stderr = ''
  #ended: string | undefined

  constructor({ name, args, prefix = [], env = {} }: ProgramOptions) {
    this.name = name
    const [file = '', ...rest] = [...prefix, process.execPath, ...args]
    this.#child = spawn(file, rest, { cwd: repository, env: { ...ownEnvironment(), ...env } })
    // It has ended, and `assertRuns` says so to whoever waits for its answer.
    this.#child.stdin.on('error', () => undefined)
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#lines.push(line)
      for (const listener of this.#listeners) listener(line)
    })
    running.add(this)
    this.#closed = once(this.#child, 'close').then(
      ([code, signal]) => this.#end(`ended with ${signal ?? code}`),
      (error: Error) => this.#end(error.message),
    )
  }

  #end(how: string): void {
    this.#ended = how
    running.delete(this)
  }

  onLine(listener: (line: string) => void): void {
    this.#listeners.push(listener)
  }

  tell(line: string): void {
    if (this.#ended === undefined) this.#child.stdin.write(`${line}\n`)
  }

  /** Throws when it has ended, since whoever asks needs it. */
  assertRuns(): void {
    if (this.#ended !== undefined) throw new Error(`${this.name} ${this.#ended}: ${this.#stderr}`)
  }

  /** Resolves with the first line. */
  firstLine(): Promise<string> {
    return waitFor(`the first line of ${this.name}`, () => {
      this.assertRuns()
      return this.#lines[0]
    })
  }

  /** Asks it to end, and resolves when it has. A killed one would leave libfaketime's shared memory behind. */
  async stop(): Promise<void> {
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5_000)
    await this.#closed
    clearTimeout(late)
  }
}

/** Ends every program that still runs. */
export const endPrograms = async (): Promise<void> => {
  await Promise.all([...running].map((program) => program.stop()))
}

/** Starts a server and resolves with it and its URL, once it listens. */
export const startServerProgram = async (options: ProgramOptions): Promise<{ program: Program; url: string }> => {
  const program = new Program(options)
  const line = await program.firstLine()
  const url = /^listening on (http:\S+)$/.exec(line)?.[1]
  if (url === undefined) throw new Error(`${program.name} began with: ${line}`)
  return { program, url }
}

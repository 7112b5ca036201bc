import { type ChildProcess, spawn } from 'node:child_process'
import type { Instant, Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import { type Command, gated } from '../work/gate.ts'
import { isGroupGone, signalGroup } from '../work/process-group.ts'
import { Tail } from './tail.ts'

/** How often it is looked whether what a program left behind is gone. */
const LOOK_MS: Millis = 10
/** Whatever is there so long after SIGKILL is another user's, or hangs in the kernel. */
const SURVIVES_MS: Millis = 1_000
/** How long output is waited for that somebody outside the process group holds open. */
const OUTPUT_MS: Millis = 500

export interface RunOptions {
  readonly command: Command
  readonly env: NodeJS.ProcessEnv
  readonly input: string | Uint8Array
  /** The most bytes of output. One more ends the program. */
  readonly outputBytes: number
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: Millis
  readonly clock: Clock
  /** Calls `known` once the process group will be ended whatever becomes of this process. */
  watch(pgid: number, known: () => void): void
  forget(pgid: number): void
  /** What the program says on its standard error. */
  said(chunk: Buffer): void
}

/** How a program ended, and what it said. */
export interface Ended {
  /** Without both it did not end: something of it could not be killed. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: Buffer
  /** It wrote more than it may. */
  readonly isTooLong: boolean
  /** The end of what it said on its standard error. */
  readonly errorTail: string
}

/** One run of somebody else's program for one request, in a process group of its own. It begins once it is known to whoever buries it. */
export class Run {
  /** Resolves once nothing of its process group is left; rejects when it could not be started. */
  readonly done: Promise<Ended>
  readonly #options: RunOptions
  readonly #child: ChildProcess
  readonly #output: Buffer[] = []
  readonly #errorTail = new Tail()
  #bytes = 0
  /** When it is killed, if it has been asked to end. */
  #killAt: Instant | undefined
  #killedAt: Instant | undefined
  #goneAt: Instant | undefined
  #exit: Pick<Ended, 'code' | 'signal'> | undefined
  #isClosed = false
  #isOver = false
  #timer: Timer | undefined
  #resolve: (ended: Ended) => void = () => undefined

  /** Throws when there can be no such process. */
  constructor(options: RunOptions) {
    const { command, env, input, watch, said } = options
    this.#options = options
    const behind = gated(command, env, 3)
    const child = spawn(behind.file, behind.args, {
      // A session of its own, hence a group of its own, which Ctrl-C in this terminal does not reach.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: behind.env,
    })
    this.#child = child
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      // With a process id the error is of a signal, and the process is there.
      child.once('error', (error) => child.pid === undefined && reject(error))
    })
    for (const stream of child.stdio) {
      // A program need not read its input, and may end before the gate is opened: its `exit` says what became of it.
      stream?.on('error', () => undefined)
    }
    child.stdin?.end(input)
    child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk))
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errorTail.add(chunk)
      said(chunk)
    })
    child.once('exit', (code, signal) => {
      this.#exit = { code, signal }
      this.#look()
    })
    child.once('close', () => {
      this.#isClosed = true
      this.#look()
    })
    const gate = child.stdio[3]
    if (child.pid !== undefined && gate && 'end' in gate) watch(child.pid, () => gate.end('\n'))
  }

  /** SIGTERM now, SIGKILL after the grace. */
  stop(): void {
    this.#ask()
    this.#look()
  }

  /** SIGKILL now. */
  kill(): void {
    this.#ask()
    this.#killAt = this.#options.clock.now()
    this.#look()
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#bytes <= this.#options.outputBytes) return void this.#output.push(chunk)
    // The rest is read and thrown away, so that it need not wait for its end.
    this.#output.length = 0
    this.stop()
  }

  #ask(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#isOver || this.#killAt !== undefined) return
    const { clock, graceMs } = this.#options
    this.#killAt = clock.now() + graceMs
    signalGroup(pid, 'SIGTERM')
    // A program that was stopped (SIGSTOP) could not hear that it should end.
    signalGroup(pid, 'SIGCONT')
  }

  /** Does whatever the clock and the state of the group ask for, and comes back when there will be more to do. */
  #look(): void {
    this.#timer?.clear()
    const { pid } = this.#child
    if (pid === undefined || this.#isOver) return
    const now = this.#options.clock.now()
    if (this.#exit !== undefined && isGroupGone(pid)) {
      this.#goneAt ??= now
      // What it wrote may still be on its way.
      if (this.#isClosed || now >= this.#goneAt + OUTPUT_MS) return this.#end(this.#exit)
      return this.#arm(this.#goneAt + OUTPUT_MS)
    }
    // What the program left behind in its group works for nobody.
    if (this.#exit !== undefined) this.#ask()
    if (this.#killAt === undefined) return
    if (now < this.#killAt) return this.#arm(this.#exit === undefined ? this.#killAt : now + LOOK_MS)
    signalGroup(pid, 'SIGKILL')
    this.#killedAt ??= now
    if (now >= this.#killedAt + SURVIVES_MS) return this.#end({ code: null, signal: null })
    this.#arm(now + LOOK_MS)
  }

  #arm(at: Instant): void {
    this.#timer = this.#options.clock.setTimer(at, () => this.#look())
  }

  #end({ code, signal }: Pick<Ended, 'code' | 'signal'>): void {
    this.#isOver = true
    for (const stream of this.#child.stdio) stream?.destroy()
    this.#options.forget(this.#child.pid as number)
    this.#resolve({
      code,
      signal,
      output: Buffer.concat(this.#output),
      isTooLong: this.#bytes > this.#options.outputBytes,
      errorTail: this.#errorTail.text(),
    })
  }
}

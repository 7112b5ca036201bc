import type { Millis } from '../../core/time.ts'
import type { Size } from './frame.ts'
import { type Key, keysIn } from './keys.ts'
import { ENTER, LEAVE } from './screen.ts'

/** What a terminal tells. */
export interface TerminalListener {
  key(key: Key): void
  /** What stands there is not what was written: the size is another one, or somebody else has written meanwhile. */
  stale(): void
}

type Output = Pick<NodeJS.WriteStream, 'write' | 'on' | 'off'> & {
  readonly columns?: number
  readonly rows?: number
  readonly writableNeedDrain: boolean
}

type Input = Pick<NodeJS.ReadStream, 'on' | 'off' | 'resume' | 'pause' | 'setEncoding'> & {
  readonly isTTY?: boolean
  setRawMode?(mode: boolean): unknown
}

const RESUME_MS: Millis = 100

/** The terminal, taken over for a while. However this process ends, short of `kill -9`, it is left as it was found. */
export class Terminal {
  readonly #output: Output
  readonly #input: Input
  readonly #listener: TerminalListener
  #isTaken = false
  #resume: NodeJS.Timeout | undefined

  constructor(output: Output, input: Input, listener: TerminalListener) {
    this.#output = output
    this.#input = input
    this.#listener = listener
  }

  /** Whether keys can be pressed. */
  get hasKeys(): boolean {
    return this.#input.isTTY === true && this.#input.setRawMode !== undefined
  }

  get isTaken(): boolean {
    return this.#isTaken
  }

  /** One that does not know its size says 0. */
  get size(): Size {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 }
  }

  /** It has not shown yet what it was given last, and is given nothing more. */
  get isBusy(): boolean {
    return this.#output.writableNeedDrain
  }

  write(text: string): void {
    if (text !== '') this.#output.write(text)
  }

  take(): void {
    if (this.#isTaken) return
    this.#isTaken = true
    process.on('exit', this.#give)
    process.on('SIGCONT', this.#continue)
    this.#output.on('resize', this.#stale)
    if (this.hasKeys) {
      this.#input.setRawMode?.(true)
      this.#input.setEncoding('utf8')
      this.#input.on('data', this.#take)
      this.#input.resume()
    }
    this.#output.write(ENTER)
    this.#listener.stale()
  }

  give(): void {
    clearTimeout(this.#resume)
    if (!this.#isTaken) return
    this.#give()
    process.off('exit', this.#give)
    process.off('SIGCONT', this.#continue)
    this.#output.off('resize', this.#stale)
    this.#input.off('data', this.#take)
    // Else it keeps the process alive.
    if (this.hasKeys) this.#input.pause()
  }

  readonly #give = (): void => {
    if (!this.#isTaken) return
    this.#isTaken = false
    this.#output.write(LEAVE)
    if (this.hasKeys) this.#input.setRawMode?.(false)
  }

  readonly #stale = (): void => this.#listener.stale()

  /** Ctrl-Z, as the terminal would do it by itself without raw mode. */
  suspend(): void {
    this.give()
    process.kill(0, 'SIGTSTP')
    // Soon after it goes on. Where there is nobody who could have it go on, the system does not stop it.
    this.#resume = setTimeout(() => this.take(), RESUME_MS)
  }

  /** Whoever was stopped from outside finds a terminal that the shell has had since. */
  readonly #continue = (): void => {
    if (!this.#isTaken) return
    if (this.hasKeys) this.#input.setRawMode?.(true)
    this.#output.write(ENTER)
    this.#listener.stale()
  }

  readonly #take = (data: unknown): void => {
    for (const key of keysIn(String(data))) this.#listener.key(key)
  }
}

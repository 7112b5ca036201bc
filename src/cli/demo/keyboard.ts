import type { Deed } from '../../demo/deeds.ts'

/** What a key means in the demo. */
export type DemoKey = { readonly deed: Deed } | 'freeze' | 'cut' | 'quit' | 'interrupt' | 'suspend'

/** Said below the picture. */
export const KEYS = 'k kill  f freeze/wake  c cut off/heal  a add  r rolling deploy  l kill the leader  q check and end'

const MEANINGS: Readonly<Record<string, DemoKey>> = {
  k: { deed: { do: 'kill' } },
  f: 'freeze',
  c: 'cut',
  a: { deed: { do: 'add' } },
  r: { deed: { do: 'deploy' } },
  l: { deed: { do: 'failover' } },
  q: 'quit',
  '\x03': 'interrupt',
  '\x1a': 'suspend',
}

/** A sequence that some key sends as a whole, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send them
const STROKE = /\x1b\[[0-?]*[ -/]*[@-~]|\x1bO[ -~]|./gsu

/** The keys in what a terminal sent. What means nothing here is passed over, and no part of it is taken for another key. */
export const demoKeysIn = (input: string): readonly DemoKey[] =>
  [...input.matchAll(STROKE)].flatMap(([stroke]) =>
    Object.hasOwn(MEANINGS, stroke) ? [MEANINGS[stroke] as DemoKey] : [],
  )

type Input = Pick<NodeJS.ReadStream, 'on' | 'off' | 'resume' | 'pause' | 'setEncoding'> & {
  readonly isTTY?: boolean
  setRawMode?(mode: boolean): unknown
}

const RESUME_MS = 100

/** Takes each key as it is pressed, without a line and without an echo. However this process ends, short of `kill -9`, the terminal is as before. */
export class Keyboard {
  readonly #input: Input
  readonly #pressed: (key: DemoKey) => void
  #isTaken = false
  #resume: NodeJS.Timeout | undefined

  /** `undefined` where there are no keys. */
  static of(input: Input, pressed: (key: DemoKey) => void): Keyboard | undefined {
    return input.isTTY === true && input.setRawMode !== undefined ? new Keyboard(input, pressed) : undefined
  }

  private constructor(input: Input, pressed: (key: DemoKey) => void) {
    this.#input = input
    this.#pressed = pressed
  }

  take(): void {
    if (this.#isTaken) return
    this.#isTaken = true
    process.on('exit', this.#restore)
    process.on('SIGCONT', this.#continue)
    this.#input.setRawMode?.(true)
    this.#input.setEncoding('utf8')
    this.#input.on('data', this.#read)
    this.#input.resume()
  }

  give(): void {
    clearTimeout(this.#resume)
    if (!this.#isTaken) return
    this.#restore()
    process.off('exit', this.#restore)
    process.off('SIGCONT', this.#continue)
    this.#input.off('data', this.#read)
    // Else it keeps the process alive.
    this.#input.pause()
  }

  readonly #restore = (): void => {
    this.#isTaken = false
    this.#input.setRawMode?.(false)
  }

  readonly #continue = (): void => {
    if (this.#isTaken) this.#input.setRawMode?.(true)
  }

  /** As the terminal would do it by itself: all processes of the demo stand still, and go on when they are told to. */
  #suspend(): void {
    this.give()
    process.kill(0, 'SIGTSTP')
    // Where there is nobody who could have it go on, the system does not stop it.
    this.#resume = setTimeout(() => this.take(), RESUME_MS)
  }

  readonly #read = (data: unknown): void => {
    for (const key of demoKeysIn(String(data))) {
      if (key === 'suspend') this.#suspend()
      else this.#pressed(key)
    }
  }
}

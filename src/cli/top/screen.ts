import type { Size } from './frame.ts'
import { colouredText, type Line, textOf } from './lines.ts'

/** Another screen than the one with the shell's lines, no cursor, and lines that end where the screen does. */
export const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J'
/** Everything as it was. */
export const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l'

/** What stands on a terminal, so that only what changes is written. */
export class Screen {
  readonly #colors: boolean
  #shown: readonly string[] = []
  #size: Size | undefined

  constructor(colors: boolean) {
    this.#colors = colors
  }

  /** The next frame begins with an empty screen. */
  forget(): void {
    this.#size = undefined
  }

  /** What to write so that these lines stand there; empty when they do. */
  change(lines: readonly Line[], size: Size): string {
    const isNew = this.#size === undefined || this.#size.columns !== size.columns || this.#size.rows !== size.rows
    const before = isNew ? [] : this.#shown
    const after = lines.map((line) => (this.#colors ? colouredText(line) : textOf(line)))
    let text = isNew ? '\x1b[0m\x1b[2J' : ''
    for (let row = 0; row < Math.max(before.length, after.length); row++) {
      const wanted = after[row] ?? ''
      // Each line has its own place, so that one whose width a terminal sees in another way moves no other.
      if (wanted !== (before[row] ?? '')) text += `\x1b[${row + 1};1H\x1b[2K${wanted}`
    }
    this.#shown = after
    this.#size = size
    return text
  }
}

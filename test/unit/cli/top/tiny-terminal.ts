import { columnsOf } from '../../../../src/cli/cells.ts'
import type { Size } from '../../../../src/cli/top/frame.ts'

/** A terminal that understands what `caucus top` says to one, and complains of everything else. */
export class TinyTerminal {
  #size: Size
  #rows: string[][] = []
  #row = 0
  #column = 0
  readonly #complaints: string[] = []
  readonly #modes = new Set<string>()
  #rest = ''
  isColoured = false

  constructor(size: Size) {
    this.#size = size
  }

  resize(size: Size): void {
    this.#size = size
  }

  /** What a person would see. */
  get lines(): readonly string[] {
    return Array.from({ length: this.#size.rows }, (_, row) => (this.#rows[row] ?? []).join('').trimEnd())
  }

  get text(): string {
    return this.lines.join('\n')
  }

  get complaints(): readonly string[] {
    return this.#complaints
  }

  /** Those that are on, such as `?1049` for the other screen. */
  get modes(): ReadonlySet<string> {
    return this.#modes
  }

  write(text: string): void {
    const input = `${this.#rest}${text}`
    // A sequence may come in two pieces.
    const end = PARTIAL.exec(input)?.index ?? input.length
    this.#rest = input.slice(end)
    for (const [token] of input.slice(0, end).matchAll(TOKEN)) this.#take(token)
  }

  #take(token: string): void {
    const [, private_ = '', numbers = '', command = ''] = SEQUENCE.exec(token) ?? []
    if (command === 'm') this.isColoured ||= /^3\d$/.test(numbers)
    else if (command === 'H') this.#move(numbers)
    else if (command === 'J') this.#rows = []
    else if (command === 'K') this.#rows[this.#row] = []
    else if (command === 'h') this.#modes.add(`${private_}${numbers}`)
    else if (command === 'l') this.#modes.delete(`${private_}${numbers}`)
    else if (CONTROL.test(token)) this.#complaints.push(JSON.stringify(token))
    else this.#print(token)
  }

  #move(numbers: string): void {
    const [row = 1, column = 1] = numbers.split(';').map(Number)
    this.#row = row - 1
    this.#column = column - 1
    if (row > this.#size.rows) this.#complaints.push(`there is no row ${row}`)
  }

  #print(character: string): void {
    const row = this.#rows[this.#row] ?? []
    this.#rows[this.#row] = row
    const width = columnsOf(character)
    if (this.#column + width > this.#size.columns) {
      this.#complaints.push(`row ${this.#row + 1} goes on after the last column`)
      return
    }
    if (width === 0) row[this.#column - 1] = `${row[this.#column - 1] ?? ''}${character}`
    else {
      while (row.length < this.#column) row.push(' ')
      row[this.#column] = character
      if (width === 2) row[this.#column + 1] = ''
    }
    this.#column += width
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is made of them
const TOKEN = /\x1b\[\??[\d;]*[A-Za-z]|./gsu
// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is made of them
const PARTIAL = /\x1b(?:\[\??[\d;]*)?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is made of them
const SEQUENCE = /^\x1b\[(\??)([\d;]*)([A-Za-z])$/
const CONTROL = /^[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]$/u

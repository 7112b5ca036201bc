export interface TraceLine {
  readonly at: number
  readonly who: string
  readonly what: string
  readonly detail: unknown
}

const KEPT = 200

/**
 * What happened, in order: the last lines to read, and a hash of all of them to compare two runs by.
 *
 * Lines become text only when somebody reads them, since most runs are never read.
 */
export class Trace {
  readonly #lines: TraceLine[] = []
  readonly #keepAll: boolean
  readonly #codes = new Map<string, number>()
  #next = 0
  #high = 0x811c9dc5
  #low = 0x9e3779b9

  constructor(keepAll = false) {
    this.#keepAll = keepAll
  }

  /** `key` stands for the detail in the hash. */
  note(at: number, who: string, what: string, detail: unknown, key: number): void {
    this.#mix(Math.floor(at * 1000) | 0)
    this.#mix(this.#code(who) ^ this.#code(what))
    this.#mix((key % 0x1_0000_0000) | 0)
    const line = { at, who, what, detail }
    if (this.#keepAll || this.#lines.length < KEPT) this.#lines.push(line)
    else this.#lines[this.#next++ % KEPT] = line
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193)
    this.#low = Math.imul(this.#low ^ (value + (this.#high >>> 15)), 0x85ebca6b)
  }

  #code(text: string): number {
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = 0x811c9dc5
      for (let i = 0; i < text.length; i++) code = Math.imul(code ^ text.charCodeAt(i), 0x01000193)
      this.#codes.set(text, code)
    }
    return code
  }

  get hash(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }

  /** The last lines, or all of them if they were kept, oldest first. */
  lines(): string[] {
    return this.entries().map(text)
  }

  entries(): readonly TraceLine[] {
    const from = this.#keepAll ? 0 : this.#next % KEPT
    return [...this.#lines.slice(from), ...this.#lines.slice(0, from)]
  }
}

const text = ({ at, who, what, detail }: TraceLine): string => {
  const rest = detail === undefined ? '' : typeof detail === 'string' ? ` ${detail}` : ` ${JSON.stringify(detail)}`
  return `${at.toFixed(3).padStart(12)}  ${who.padEnd(10)} ${what}${rest}`
}

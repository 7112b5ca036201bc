import { CaucusError } from '../errors.ts'

/** Deeper than anything that a person writes, and shallow enough for whoever walks the value afterwards. */
const MAX_DEPTH = 64

/**
 * The value of a JSON text that a person wrote. Stricter than `JSON.parse`: a key that stands twice in one object is refused (the
 * last would win in silence), so are `__proto__` as a key and nesting deeper than 64.
 *
 * Throws `CAUCUS_INVALID_CONFIG` with line and column, which `JSON.parse` does not always know. `what` names the text.
 */
export const parseJson = (given: string, what: string): unknown => {
  // Editors of some systems put a byte order mark in front, which nobody can see and JSON.parse refuses.
  const text = given.replace(/^\uFEFF/, '')
  const scanner = new Scanner(text)
  scanner.document()
  const { fault } = scanner
  if (fault === undefined) return JSON.parse(text)
  const before = text.slice(0, fault.at).split('\n')
  const line = before.length
  const column = (before.at(-1) ?? '').length + 1
  throw new CaucusError('CAUCUS_INVALID_CONFIG', `${what}, line ${line}, column ${column}: ${fault.message}`, {
    details: { line, column },
  })
}

/** Walks a JSON text (RFC 8259) until the first thing that is wrong with it, which then stands in `fault`. */
class Scanner {
  fault: { readonly at: number; readonly message: string } | undefined
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): void {
    if (this.#value(0) && this.#space() < this.#text.length) this.#fail('expected the end of the file')
  }

  #fail(message: string, at = this.#at): false {
    this.fault ??= { at, message }
    return false
  }

  #space(): number {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '.')) this.#at++
    return this.#at
  }

  /** What stands here, for a message. */
  #found(): string {
    const found = this.#text[this.#at]
    return found === undefined ? 'the file ends' : `found ${JSON.stringify(found)}`
  }

  #value(depth: number): boolean {
    this.#space()
    if (depth > MAX_DEPTH) return this.#fail(`nested deeper than ${MAX_DEPTH}`)
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string() !== undefined
      default:
        return this.#word()
    }
  }

  #word(): boolean {
    const word = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y
    word.lastIndex = this.#at
    const found = word.exec(this.#text)
    if (found === null) return this.#fail(`expected a value, ${this.#found()}`)
    this.#at = word.lastIndex
    return true
  }

  #string(): string | undefined {
    const from = this.#at
    // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these within a string
    const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y
    string.lastIndex = from
    if (string.test(this.#text)) {
      this.#at = string.lastIndex
      return JSON.parse(this.#text.slice(from, this.#at))
    }
    this.#fail('this string has no end, or holds a control character or an unknown escape')
    return undefined
  }

  #array(depth: number): boolean {
    this.#at++
    if (this.#text[this.#space()] === ']') return this.#take()
    for (;;) {
      if (!this.#value(depth + 1)) return false
      const next = this.#text[this.#space()]
      if (next === ']') return this.#take()
      if (next !== ',') return this.#fail(`expected "," or "]", ${this.#found()}`)
      this.#at++
    }
  }

  #object(depth: number): boolean {
    const keys = new Set<string>()
    this.#at++
    if (this.#text[this.#space()] === '}') return this.#take()
    for (;;) {
      const from = this.#space()
      if (this.#text[from] !== '"') return this.#fail(`expected a key in double quotes, ${this.#found()}`)
      const key = this.#string()
      if (key === undefined) return false
      if (key === '__proto__') return this.#fail('the key "__proto__" is not accepted', from)
      if (keys.has(key)) return this.#fail(`the key ${JSON.stringify(key)} stands here a second time`, from)
      keys.add(key)
      if (this.#text[this.#space()] !== ':') return this.#fail(`expected ":", ${this.#found()}`)
      this.#at++
      if (!this.#value(depth + 1)) return false
      const next = this.#text[this.#space()]
      if (next === '}') return this.#take()
      if (next !== ',') return this.#fail(`expected "," or "}", ${this.#found()}`)
      this.#at++
    }
  }

  #take(): true {
    this.#at++
    return true
  }
}

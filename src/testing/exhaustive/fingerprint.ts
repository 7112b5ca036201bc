import { invariant } from '../../core/machine.ts'

/** Left from the last step, and thrown away by the next. */
const DEAD = new Set(['private_effects'])
const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
const codes = new Map<string, number>()

const codeOf = (text: string): number => {
  let code = codes.get(text)
  if (code === undefined) {
    code = 0x811c9dc5
    for (let i = 0; i < text.length; i++) code = Math.imul(code ^ text.charCodeAt(i), 0x01000193)
    codes.set(text, code)
  }
  return code
}

/**
 * Reads a whole state, object by object, into 104 bits: two states with the same ones are the same state.
 *
 * It reads fields, so it needs classes without private ones: the explorer runs in a copy of the built code in which they are bared
 * (`bareCopy`). Maps and sets count in their order, which is part of the state.
 */
class Reader {
  #a = 0x9e3779b9
  #b = 0x85ebca6b
  #c = 0xc2b2ae35
  #d = 0x27d4eb2f
  readonly #seen = new Map<object, number>()

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x2c1b3c6d)
    this.#a ^= this.#a >>> 15
    this.#b = Math.imul(this.#b ^ word, 0x297a2d39)
    this.#b ^= this.#b >>> 13
    this.#c = Math.imul(this.#c + word, 0x1b56c4e9) ^ this.#a
    this.#c ^= this.#c >>> 16
    this.#d = (Math.imul(this.#d ^ word, 0x7feb352d) + this.#b) | 0
    this.#d ^= this.#d >>> 14
  }

  read(value: unknown): void {
    switch (typeof value) {
      case 'number':
        float[0] = value
        this.#mix(words[0] as number)
        return this.#mix(words[1] as number)
      case 'string':
        return this.#mix(codeOf(value))
      case 'boolean':
        return this.#mix(value ? 3 : 5)
      case 'undefined':
        return this.#mix(7)
      case 'object':
        return value === null ? this.#mix(11) : this.#readObject(value)
      default:
        // Functions do not change.
        return this.#mix(13)
    }
  }

  #readObject(value: object): void {
    const known = this.#seen.get(value)
    if (known !== undefined) return this.#mix(known + 64)
    this.#seen.set(value, this.#seen.size)
    if (Array.isArray(value)) {
      this.#mix(17 + value.length * 64)
      for (const item of value) this.read(item)
    } else if (value instanceof Map) {
      this.#mix(19 + value.size * 64)
      for (const [key, item] of value) {
        this.read(key)
        this.read(item)
      }
    } else if (value instanceof Set) {
      this.#mix(23 + value.size * 64)
      for (const item of value) this.read(item)
    } else this.#readFields(value)
  }

  #readFields(value: object): void {
    let fields = 0
    for (const key in value) {
      if (DEAD.has(key)) continue
      fields++
      this.#mix(codeOf(key))
      this.read((value as Record<string, unknown>)[key])
    }
    this.#mix(29 + fields * 64)
  }

  result(): readonly [number, number] {
    const first = (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11)
    const second = (this.#c >>> 0) * 2 ** 21 + (this.#d >>> 11)
    return [first, second]
  }
}

/** The state as two numbers of 53 bits. */
export const fingerprint = (state: unknown): readonly [number, number] => {
  const reader = new Reader()
  reader.read(state)
  return reader.result()
}

/** Fails where the fields of classes cannot be read: then different states would look the same. */
export const assertBared = (machine: object): void =>
  invariant(
    Object.keys(machine).some((key) => key.startsWith('private_')),
    'states are compared where private fields are bared (bareCopy)',
  )

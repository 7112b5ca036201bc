import { groupNameFault, idFault } from '../../core/ids.ts'
import { plainName } from './names.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const EMPTY = Buffer.alloc(0)

/**
 * Reads what a `ByteWriter` has written, from whoever claims to have used one. The first thing that is wrong is kept as `fault`; from
 * then on nothing is read, and what is given means nothing.
 */
export class ByteReader {
  fault: string | undefined = undefined
  readonly #bytes: Buffer
  readonly #end: number
  #at = 0

  constructor(frame: Uint8Array) {
    this.#bytes = Buffer.isBuffer(frame) ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    this.#end = frame.byteLength
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Keeps the first fault only. */
  fail(fault: string): void {
    this.fault ??= fault
    this.#at = this.#end
  }

  byte(): number {
    if (this.#at < this.#end) return this.#bytes[this.#at++] as number
    this.fail('it ends too soon')
    return 0
  }

  /** A byte with no other bits set than those of `known`. */
  flags(known: number): number {
    const flags = this.byte()
    if ((flags & ~known) !== 0) this.fail('it has a flag that is not known')
    return flags
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(): number {
    const first = this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0x80
    if (first < 0x80) {
      this.#at++
      return first
    }
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value <= Number.MAX_SAFE_INTEGER) return value
        break
      }
      scale *= 0x80
    }
    this.fail('a number is too large')
    return 0
  }

  /** Of something: so many bytes at most. */
  view(maxBytes: number, what: string): Buffer {
    const length = this.number()
    const from = this.#at
    if (length > maxBytes) this.fail(`${what} has ${length} bytes; at most ${maxBytes}`)
    else if (length > this.#end - from) this.fail('it ends too soon')
    if (this.fault !== undefined) return EMPTY
    this.#at = from + length
    return this.#bytes.subarray(from, from + length)
  }

  /** Of a topic, or of a queue on it. */
  topic(what: string): string {
    return this.#name(what, groupNameFault)
  }

  /** Of a producer. */
  id(what: string): string {
    return this.#name(what, idFault)
  }

  /** Printable ASCII. */
  plain(maxLength: number, what: string, mayBeEmpty = false): string {
    const text = this.view(maxLength, what).toString('latin1')
    if (!(/^[\x20-\x7e]+$/.test(text) || (mayBeEmpty && text === ''))) this.fail(`${what} is not printable ASCII`)
    return text
  }

  json(maxBytes: number, what: string): unknown {
    const text = textOf(this.view(maxBytes, what))
    if (this.fault !== undefined) return undefined
    try {
      if (text !== undefined) return JSON.parse(text)
    } catch {
      // The parser's own words quote the text, which may be long or hostile.
    }
    this.fail(`${what} is not JSON`)
    return undefined
  }

  #name(what: string, faultOf: (text: unknown, what: string) => string | undefined): string {
    const length = this.number()
    const from = this.#at
    if (length > this.#end - from) this.fail('it ends too soon')
    if (this.fault !== undefined) return ''
    this.#at = from + length
    const plain = plainName(this.#bytes, from, from + length)
    if (plain !== undefined) return plain
    const text = textOf(this.#bytes.subarray(from, from + length))
    const fault = text === undefined ? `${what} is not UTF-8` : faultOf(text, what)
    if (fault !== undefined) this.fail(fault)
    return text ?? ''
  }
}

/** `undefined`: it is not UTF-8. */
const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    // It says no more than that.
    return undefined
  }
}

/** Whether these bytes are JSON as it is sent: UTF-8 throughout. */
export const isJson = (bytes: Uint8Array): boolean => {
  const text = Buffer.isBuffer(bytes) ? bytes.toString() : Buffer.from(bytes).toString()
  try {
    JSON.parse(text)
  } catch {
    // What it is not is all that counts.
    return false
  }
  // It stands for what is no UTF-8, or for itself.
  return !text.includes('\ufffd') || textOf(bytes) !== undefined
}

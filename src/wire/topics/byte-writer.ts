/** What is shorter is copied byte by byte: a call into the engine costs more. */
const FEW_BYTES = 48

/**
 * Bytes that are written one after the other. Nothing in here looks whether there is room: `reserve` is called first, with at least what
 * follows can take.
 */
export class ByteWriter {
  #bytes: Buffer
  #at = 0

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafe(bytes)
  }

  /** How many there are. */
  get length(): number {
    return this.#at
  }

  reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value
  }

  /** A whole number from 0 to 2^53 - 1, in one to eight bytes of seven bits, the lowest first. */
  number(value: number): void {
    let rest = value
    // Beyond this, bits would be cut.
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  /** Its length and its bytes of UTF-8, of which there are at most three for each code unit. */
  text(text: string): void {
    const { length } = text
    if (length <= FEW_BYTES) {
      const start = this.#at
      this.#bytes[this.#at++] = length
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 0x7f) break
        this.#bytes[this.#at++] = code
      }
      if (i === length) return
      this.#at = start
    }
    this.number(Buffer.byteLength(text))
    this.#at += this.#bytes.write(text, this.#at, 'utf8')
  }

  /** Their number, and they themselves. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    this.number(length)
    if (length > FEW_BYTES) {
      this.#bytes.set(bytes, this.#at)
      this.#at += length
      return
    }
    for (let i = 0; i < length; i++) this.#bytes[this.#at++] = bytes[i] as number
  }

  /** What was written. Nothing more is written after it. */
  taken(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at)
    // A small part of it must not keep all of it.
    return this.#at < this.#bytes.length / 2 ? Buffer.from(bytes) : bytes
  }
}

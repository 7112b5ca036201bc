// WebSocket frames as bytes. Written out here because a client library would be measured instead of the server.

const TEXT = 0x81
/** Any mask does. A real one is drawn for each frame, and costs the server the same. */
const MASK = [0x37, 0xfa, 0x21, 0x3d]

/** A text frame as a client sends it, and where in it the text begins. */
export const clientFrame = (text) => {
  const body = Buffer.from(text)
  const head =
    body.length < 126 ? [TEXT, 0x80 | body.length] : [TEXT, 0x80 | 126, (body.length >> 8) & 0xff, body.length & 0xff]
  if (body.length > 0xffff) throw new Error(`a frame of ${body.length} bytes is longer than these helpers write`)
  const frame = Buffer.concat([Buffer.from([...head, ...MASK]), body])
  const at = head.length + 4
  for (let i = 0; i < body.length; i++) frame[at + i] ^= MASK[i & 3]
  return { frame, at }
}

/** Bytes with a number of ten digits in them, which can be set again and again without writing the rest anew. */
class Numbered {
  bytes
  #digitsAt
  #masked

  constructor(bytes, digitsAt, masked) {
    this.bytes = bytes
    this.#digitsAt = digitsAt
    this.#masked = masked
  }

  /** The bytes with `count` as their number. It is the same buffer each time, which the next call changes: a socket must have taken it. */
  numbered(count) {
    let rest = count
    for (let i = 9; i >= 0; i--) {
      const at = this.#digitsAt + i
      this.bytes[at] = this.#masked(i === 0 ? 0x31 : 0x30 + (rest % 10), at)
      rest = Math.floor(rest / 10)
    }
    return this.bytes
  }
}

/** What the numbers begin with: all have ten digits, and are higher than whatever was said before. */
const NUMBER = 1_000_000_000

/** A text frame with a number in it. `textOf(number)` gives the text; the number must be in it once. */
export const numberedFrame = (textOf) => {
  const text = textOf(NUMBER)
  const { frame, at } = clientFrame(text)
  const digitsAt = at + Buffer.byteLength(text.slice(0, text.indexOf(String(NUMBER))))
  return new Numbered(frame, digitsAt, (byte, place) => byte ^ MASK[(place - at) & 3])
}

/** A request with a number in it. */
export const numberedRequest = (textOf) => {
  const text = textOf(NUMBER)
  return new Numbered(Buffer.from(text), Buffer.byteLength(text.slice(0, text.indexOf(String(NUMBER)))), (byte) => byte)
}

/** Bytes that are the same each time, to be asked for in the same way. */
export const fixedRequest = (text) => {
  const bytes = Buffer.from(text)
  return { bytes, numbered: () => bytes }
}

/** Cuts what a server sends into frames. Calls `onText` with a view of each text, which is valid during the call. */
export class FrameReader {
  #rest
  #onText

  constructor(onText) {
    this.#onText = onText
  }

  push(chunk) {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (at + 2 <= bytes.length) {
      let length = bytes[at + 1] & 0x7f
      let begin = at + 2
      if (length === 126) {
        if (begin + 2 > bytes.length) break
        length = bytes.readUInt16BE(begin)
        begin += 2
      } else if (length === 127) {
        if (begin + 8 > bytes.length) break
        length = Number(bytes.readBigUInt64BE(begin))
        begin += 8
      }
      if (begin + length > bytes.length) break
      if ((bytes[at] & 0x0f) === 1) this.#onText(bytes.subarray(begin, begin + length))
      at = begin + length
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }
}

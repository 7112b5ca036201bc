import type { Random } from '../../core/random.ts'
import { oneOf, percent, weighted } from './draw.ts'

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** One frame of WebSocket (RFC 6455), right unless something else is said. */
export interface FrameShape {
  readonly opcode: number
  readonly payload: Buffer
  readonly fin?: boolean
  /** The three reserved bits. */
  readonly reserved?: number
  readonly masked?: boolean
  /** Said instead of the payload's own. */
  readonly length?: number | bigint
}

/** As a client writes it. */
export const frameOf = ({
  opcode,
  payload,
  fin = true,
  reserved = 0,
  masked = true,
  length = payload.length,
}: FrameShape): Buffer => {
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  const mask = masked ? 0x80 : 0
  const head =
    typeof length === 'bigint' || length > 0xffff
      ? [first, mask | 127, ...bytesOf(BigInt(length))]
      : length > 125
        ? [first, mask | 126, length >> 8, length & 0xff]
        : [first, mask | length]
  if (!masked) return Buffer.concat([Buffer.from(head), payload])
  // A key of zeros is a key, and leaves the payload readable for whoever has to look at it.
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}

const bytesOf = (length: bigint): readonly number[] =>
  Array.from({ length: 8 }, (_, at) => Number((length >> BigInt(8 * (7 - at))) & 0xffn))

/** The payload in two to four pieces, with a ping among them. */
export const fragmentsOf = (payload: Buffer, random: Random, opcode: number = OPCODE.text): Buffer => {
  const pieces: Buffer[] = []
  const count = oneOf(random, [2, 2, 3, 4])
  for (let n = 0; n < count; n++) {
    const from = Math.floor((payload.length * n) / count)
    const to = Math.floor((payload.length * (n + 1)) / count)
    pieces.push(
      frameOf({
        opcode: n === 0 ? opcode : OPCODE.continuation,
        payload: payload.subarray(from, to),
        fin: n === count - 1,
      }),
    )
    if (n < count - 1 && percent(random, 30))
      pieces.push(frameOf({ opcode: OPCODE.ping, payload: Buffer.from('between') }))
  }
  return Buffer.concat(pieces)
}

/** What no client that keeps to the protocol sends; the server has to end the link for it. */
export const brokenFrame = (payload: Buffer, random: Random): Buffer =>
  weighted<() => Buffer>(random, [
    [10, () => frameOf({ opcode: OPCODE.binary, payload })],
    [10, () => frameOf({ opcode: OPCODE.text, payload, masked: false })],
    [10, () => frameOf({ opcode: OPCODE.text, payload, reserved: oneOf(random, [1, 2, 4, 7]) })],
    [10, () => frameOf({ opcode: oneOf(random, [3, 4, 7, 11, 15]), payload })],
    [10, () => frameOf({ opcode: OPCODE.continuation, payload })],
    [5, () => frameOf({ opcode: OPCODE.ping, payload: Buffer.alloc(126) })],
    [5, () => frameOf({ opcode: OPCODE.ping, payload, fin: false })],
    [5, () => frameOf({ opcode: OPCODE.close, payload: Buffer.alloc(1) })],
    [
      10,
      () =>
        frameOf({
          opcode: OPCODE.close,
          payload: closeWith(oneOf(random, [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535])),
        }),
    ],
    [5, () => frameOf({ opcode: OPCODE.close, payload: Buffer.concat([closeWith(1000), Buffer.from([0xff, 0xfe])]) })],
    [10, () => frameOf({ opcode: OPCODE.close, payload: closeWith(oneOf(random, [1000, 1001, 3000, 4999])) })],
    [
      10,
      () =>
        frameOf({
          opcode: OPCODE.text,
          payload: Buffer.concat([
            payload,
            Buffer.from(oneOf(random, [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80]])),
          ]),
        }),
    ],
    [
      5,
      () =>
        frameOf({
          opcode: OPCODE.text,
          payload: Buffer.alloc(0),
          length: oneOf(random, [2n ** 63n, 2n ** 53n, 2n ** 32n, 2n ** 20n + 1n]),
        }),
    ],
    [
      5,
      () =>
        Buffer.concat([
          frameOf({ opcode: OPCODE.text, payload, fin: false }),
          frameOf({ opcode: OPCODE.text, payload }),
        ]),
    ],
    [3, () => frameOf({ opcode: OPCODE.text, payload: Buffer.alloc(2 ** 20 + 1, 0x20) })],
    [5, () => frameOf({ opcode: OPCODE.text, payload }).subarray(0, 1 + random.below(5))],
  ])()

const closeWith = (code: number): Buffer => Buffer.from([code >> 8, code & 0xff])

export interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** Splits what a server writes into frames. Throws for what no server may send. */
export class ServerFrames {
  #rest: Buffer

  constructor() {
    this.#rest = Buffer.alloc(0)
  }

  *take(chunk: Buffer): Generator<ServerFrame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      const [first, second] = this.#rest
      if (first === undefined || second === undefined) return
      const opcode = first & 0x0f
      if ((first & 0xf0) !== 0x80) throw new Error('the server sends a frame in pieces, or with reserved bits')
      if ((second & 0x80) !== 0) throw new Error('the server sends a frame with a mask')
      const short = second & 0x7f
      const from = short === 126 ? 4 : short === 127 ? 10 : 2
      if (this.#rest.length < from) return
      const length =
        short === 126 ? this.#rest.readUInt16BE(2) : short === 127 ? Number(this.#rest.readBigUInt64BE(2)) : short
      if (this.#rest.length < from + length) return
      const payload = this.#rest.subarray(from, from + length)
      this.#rest = this.#rest.subarray(from + length)
      yield { opcode, payload }
    }
  }
}

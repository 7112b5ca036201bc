import type { Random } from '../../core/random.ts'
import { LINK_PATH } from '../../wire/frames.ts'
import type { Setting } from './case.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { brokenFrame, frameOf, OPCODE } from './frames.ts'
import { HttpInputs } from './http-input.ts'
import { MemberFrames } from './member-frames.ts'
import { Memory } from './memory.ts'

/** What other programs say first, and what is said by nobody. */
const FOREIGN: readonly Buffer[] = [
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([
    0x16,
    0x03,
    0x01,
    0x00,
    0xa5,
    0x01,
    0x00,
    0x00,
    0xa1,
    0x03,
    0x03,
    ...Array.from({ length: 40 }, (_, n) => n),
  ]),
  Buffer.from('GET /healthz\r\n'),
  Buffer.from('EHLO evil.example\r\n'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  Buffer.from('\r\n\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  Buffer.from(`GET /healthz HTTP/1.1\r\n${'A: b\r\n'.repeat(3_000)}\r\n`),
  Buffer.from(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\n\r\n`),
  Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n'),
  Buffer.from('GET /healthz HTTP/1.1\nHost: localhost\n\n'),
  Buffer.from('GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n'),
  Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \0\r\n\r\n'),
  Buffer.alloc(1_000),
  Buffer.alloc(70_000, 0xff),
]

const put = (headers: string, body: string): Buffer =>
  Buffer.from(`PUT /v1/groups/fuzz-1/members/a HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`)

/** Two ways to read where a request ends, of which a server must not take one and something before it the other. */
const AMBIGUOUS: readonly Buffer[] = [
  put('Content-Length: 4\r\nTransfer-Encoding: chunked', '0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'),
  put('Transfer-Encoding: chunked\r\nContent-Length: 4', '5\r\n{"a":\r\n0\r\n\r\n'),
  put('Content-Length: 4\r\nContent-Length: 5', '{}{}{'),
  put('Content-Length: 5, 5', '{}{}{'),
  put('Content-Length: +4', '{} {'),
  put('Content-Length: 0x4', '{} {'),
  put('Content-Length: 9', '{}'),
  put('Transfer-Encoding: xchunked', '0\r\n\r\n'),
  put('Transfer-Encoding: chunked, identity', '0\r\n\r\n'),
  put('Transfer-Encoding:\tchunked', '0\r\n\r\n'),
  put('Transfer-Encoding : chunked', '0\r\n\r\n'),
  put('Transfer-Encoding: chunked', 'ffffffffffffffffff\r\n{}\r\n0\r\n\r\n'),
  put('Transfer-Encoding: chunked', '-2\r\n{}\r\n0\r\n\r\n'),
  put('Transfer-Encoding: chunked', '2;a=b;c="\r\n\r\n"\r\n{}\r\n0\r\nTrailer: x\r\n\r\n'),
  put('Transfer-Encoding: chunked', '2\r\n{}0\r\n\r\n'),
  put('Transfer-Encoding: chunked', `${'1\r\n{\r\n'.repeat(500)}0\r\n\r\n`),
  put('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'),
  put('Expect: 100-continue\r\nContent-Length: 2', '{}'),
  put('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2', '{}'),
]

/** What goes over one connection: right requests or frames with some bytes changed, or something else altogether. */
export class RawBytes {
  readonly #inputs: HttpInputs
  readonly #frames: MemberFrames
  readonly #setting: Setting

  constructor(setting: Setting) {
    const { api, world, target } = setting
    this.#setting = setting
    this.#inputs = new HttpInputs(api, world, `${target.host}:${target.port}`)
    this.#frames = new MemberFrames(api, world)
  }

  draw(): Buffer {
    const { random } = this.#setting
    const base = weighted<() => Buffer>(random, [
      [45, () => this.#requests()],
      [30, () => this.#link()],
      [15, () => oneOf(random, AMBIGUOUS)],
      [10, () => oneOf(random, FOREIGN)],
    ])()
    let bytes = percent(random, 10) ? Buffer.concat([base, oneOf(random, AMBIGUOUS), base]) : base
    for (let left = oneOf(random, [0, 1, 1, 2, 4]); left > 0; left--) bytes = damagedBytes(bytes, random)
    return bytes
  }

  #requests(): Buffer {
    const { random } = this.#setting
    const memory = new Memory()
    return Buffer.concat(Array.from({ length: between(random, 1, 4) }, () => this.#inputs.draw(random, memory).bytes))
  }

  #link(): Buffer {
    const { random, target, world } = this.#setting
    const memory = new Memory()
    const authorization = world.authorization(random)
    const head = [
      `GET ${LINK_PATH}?protocol=2 HTTP/1.1`,
      `Host: ${target.host}:${target.port}`,
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    ]
    const frames = Array.from({ length: between(random, 1, 6) }, () => {
      const payload = Buffer.from(this.#frames.draw(random, memory, 2))
      return percent(random, 70) ? frameOf({ opcode: OPCODE.text, payload }) : brokenFrame(payload, random)
    })
    // Frames that come with the handshake, before anybody has agreed to anything.
    return Buffer.concat([Buffer.from(head.join('\r\n')), ...frames])
  }
}

const PIECES: readonly Buffer[] = [
  '\r\n',
  '\r',
  '\n',
  '\0',
  ' ',
  ':',
  '\r\n\r\n',
  '0\r\n\r\n',
  '\xff',
  '\x80',
  'Content-Length: 7\r\n',
  'Transfer-Encoding: chunked\r\n',
  'HTTP/1.1',
].map((text) => Buffer.from(text, 'latin1'))

const damagedBytes = (bytes: Buffer, random: Random): Buffer => {
  const at = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + between(random, 1, 20))
  return weighted<() => Buffer>(random, [
    [30, () => flipped(bytes, Math.min(at, bytes.length - 1), random)],
    [20, () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])],
    [15, () => Buffer.concat([bytes.subarray(0, at), oneOf(random, PIECES), bytes.subarray(at)])],
    [10, () => Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])],
    [10, () => bytes.subarray(0, at)],
    [
      15,
      () =>
        Buffer.from(
          bytes
            .toString('latin1')
            .replace(
              /Content-Length: (\d+)/,
              (_, n) => `Content-Length: ${Number(n) + oneOf(random, [-1, 1, -5, 5, 100, 2 ** 20, 2 ** 40])}`,
            ),
          'latin1',
        ),
    ],
  ])()
}

const flipped = (bytes: Buffer, at: number, random: Random): Buffer => {
  const copy = Buffer.from(bytes)
  if (at >= 0) copy[at] = percent(random, 50) ? random.below(256) : (copy[at] ?? 0) ^ (1 << random.below(8))
  return copy
}

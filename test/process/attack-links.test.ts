import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/server/options.ts'
import { Arena } from './support/attack-arena.ts'
import { waitFor } from './support/wait.ts'

let arena: Arena
beforeAll(async () => {
  arena = await Arena.serve()
  await arena.watch()
})
afterAll(() => Arena.end())

const [PING, PONG, TEXT, MORE] = [0x9, 0xa, 0x1, 0x0]
/** One frame of a client, masked by zeros, which leave it as it is. `last`: nothing follows that belongs to it. */
const frame = (opcode: number, payload: Uint8Array = new Uint8Array(), { last = true } = {}): Buffer => {
  const long = payload.length > 125
  const head = Buffer.alloc(long ? 14 : 6)
  head[0] = opcode | (last ? 0x80 : 0)
  head[1] = 0x80 | (long ? 127 : payload.length)
  if (long) head.writeBigUInt64BE(BigInt(payload.length), 2)
  return Buffer.concat([head, payload])
}
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes))
const { controlsBurst, frameFragments, frameBytes } = DEFAULT_LIMITS

describe('a link that floods', () => {
  test.each([
    ['pings', PING],
    ['pongs', PONG],
  ])('with %s is told so, is not listened to any more, and is counted', async (_what, opcode) => {
    await arena.withstands(async () => {
      const flooding = await arena.metric('caucus_links_flooding_total')
      const links = await Promise.all(Array.from({ length: 10 }, () => arena.link()))
      const ends = links.map((link) => link.closed())
      // A megabyte of frames of six bytes from each.
      for (const { below } of links) below.write(times(175_000, frame(opcode)))
      for (const { code, reason } of await Promise.all(ends)) {
        expect([code, reason]).toEqual([1008, 'CAUCUS_OVERLOADED: too many pings and pongs; one a second is plenty'])
      }
      expect(await arena.metric('caucus_links_flooding_total')).toBe(flooding + 10)
    })
  })

  test('with pings and never reads the answers is cut all the same, and what it did not read is not kept', async () => {
    await arena.withstands(async () => {
      const links = await Promise.all(Array.from({ length: 10 }, () => arena.link()))
      for (const { below } of links) {
        below.pause()
        below.write(times(20_000, frame(PING, Buffer.alloc(125))))
      }
      // The witness has its own.
      await waitFor('the links to be cut', async () => (await arena.metric('caucus_links')) === 1)
    })
  })

  test('within what is bearable is answered', async () => {
    const link = await arena.link()
    let pongs = 0
    link.socket.on('pong', () => pongs++)
    link.below.write(times(controlsBurst, frame(PING)))
    await waitFor('an answer to each ping', () => pongs === controlsBurst)
    link.socket.terminate()
  })
})

describe('a frame', () => {
  test.each([
    ['in too many pieces', frameFragments + 1, new Uint8Array([0x20])],
    ['in as many empty pieces', frameFragments + 1, new Uint8Array()],
  ])('%s costs its link, and is counted', async (_how, pieces, piece) => {
    await arena.withstands(async () => {
      const refused = await arena.metric('caucus_frames_refused_total')
      const links = await Promise.all(Array.from({ length: 10 }, () => arena.link()))
      const ends = links.map((link) => link.closed())
      for (const { below } of links) {
        below.write(frame(TEXT, piece, { last: false }))
        below.write(times(pieces, frame(MORE, piece, { last: false })))
      }
      for (const { code } of await Promise.all(ends)) expect(code).toBe(1008)
      expect(await arena.metric('caucus_frames_refused_total')).toBe(refused + 10)
    })
  })

  test('that says that it will be too long is refused before it comes', async () => {
    await arena.withstands(async () => {
      const link = await arena.link()
      const end = link.closed()
      link.below.write(frame(TEXT, Buffer.alloc(frameBytes + 1)).subarray(0, 14))
      expect((await end).code).toBe(1009)
    })
  })

  test('that never ends, of a megabyte on each of many links, is kept only as long as they are there', async () => {
    await arena.withstands(async () => {
      const before = await arena.aliveBytes()
      const links = await Promise.all(Array.from({ length: 60 }, () => arena.link()))
      for (const { below } of links) below.write(frame(TEXT, Buffer.alloc(frameBytes, ' ')).subarray(0, -1))
      // This is what one can make a server keep, as docs/security.md says.
      await waitFor('it to be kept', async () => (await arena.aliveBytes()) > before + 50 * frameBytes)
    })
  })

  test('of more than it may say, of nothing, and of everything that is no message, changes nothing', async () => {
    await arena.withstands(async () => {
      for (const text of [
        '',
        '{',
        '[[]]',
        '[null]',
        `[${'{},'.repeat(2_000)}{}]`,
        '[{"type":"hello"}]',
        '['.repeat(500_000),
      ]) {
        const link = await arena.link()
        const end = link.closed()
        link.socket.send(text)
        expect([text.slice(0, 20), (await end).code]).toEqual([text.slice(0, 20), 1002])
      }
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hash, indexOf, partitionOf } from '../../../src/core/hash.ts'

/**
 * The published vectors: whoever computes the hash in another language must get these.
 * Those marked "SMHasher" and "murmur3 (Go)" are published by their authors; all were computed with SMHasher's own C code too.
 */
const VECTORS: ReadonlyArray<readonly [key: string, utf8: string, expected: number, why: string]> = [
  ['', '', 0x00000000, 'SMHasher: nothing'],
  ['!', '21', 0x72661cf4, 'SMHasher: a tail of one'],
  ['!C', '21 43', 0xa0f7b07a, 'SMHasher: a tail of two'],
  ['!Ce', '21 43 65', 0x7e4a8634, 'SMHasher: a tail of three'],
  ['\0', '00', 0x514e28b7, 'SMHasher: only the length tells zeros apart'],
  ['\0\0', '00 00', 0x30f4c306, 'SMHasher'],
  ['\0\0\0', '00 00 00', 0x85f0b427, 'SMHasher'],
  ['\0\0\0\0', '00 00 00 00', 0x2362f9de, 'SMHasher: one block of zeros'],
  ['a', '61', 0x3c2569b2, 'murmur3 (Go)'],
  ['hello', '68 65 6c 6c 6f', 0x248bfa47, 'murmur3 (Go): a block and a tail of one'],
  ['hello, world', '68 65 6c 6c 6f 2c 20 77 6f 72 6c 64', 0x149bbb7f, 'murmur3 (Go): whole blocks'],
  ['ab', '61 62', 0x9bbfd75f, 'a tail of two'],
  ['abc', '61 62 63', 0xb3dd93fa, 'a tail of three'],
  ['abcd', '61 62 63 64', 0x43ed676a, 'one block'],
  ['user-42', '75 73 65 72 2d 34 32', 0xb972dad0, 'a block and a tail of three'],
  ['__proto__', '5f 5f 70 72 6f 74 6f 5f 5f', 0x41b6a312, 'an ordinary key'],
  ['é', 'c3 a9', 0x10110787, 'two bytes'],
  ['aé', '61 c3 a9', 0x031a0ccf, 'two bytes, not at the start of a block'],
  ['€', 'e2 82 ac', 0x5b43fca5, 'three bytes'],
  ['日本', 'e6 97 a5 e6 9c ac', 0xc4d9f942, 'three bytes across two blocks'],
  ['ππππππππ', 'cf 80 cf 80 cf 80 cf 80 cf 80 cf 80 cf 80 cf 80', 0xec72b6e8, 'two bytes, eight times'],
  ['😀', 'f0 9f 98 80', 0xbeb42efa, 'four bytes: astral'],
  ['a😀', '61 f0 9f 98 80', 0xe325d8b4, 'astral from the second byte of a block'],
  ['ab😀', '61 62 f0 9f 98 80', 0x352f858b, 'astral from the third'],
  ['abc😀', '61 62 63 f0 9f 98 80', 0xdc1dac21, 'astral from the fourth'],
  ['\ud800', 'ef bf bd', 0xb69ca6c1, 'a lone high surrogate is U+FFFD'],
  ['a\udc00', '61 ef bf bd', 0xf844c329, 'a lone low surrogate is U+FFFD'],
  ['\udc00\ud800', 'ef bf bd ef bf bd', 0x8edd077a, 'two surrogates in the wrong order are two of them'],
]

/** The same function written the slow way, over bytes and in 64-bit arithmetic. Nothing is shared with the one under test. */
const reference = (bytes: Uint8Array, seed = 0): number => {
  const word = (value: bigint) => value & 0xffffffffn
  const rotate = (value: bigint, by: bigint) => word(value << by) | (value >> (32n - by))
  const scramble = (block: bigint) => word(rotate(word(block * 0xcc9e2d51n), 15n) * 0x1b873593n)
  const read = (from: number, to: number) => {
    let value = 0n
    for (let i = to - 1; i >= from; i--) value = (value << 8n) | BigInt(bytes[i]!)
    return value
  }
  const blocks = bytes.length - (bytes.length % 4)
  let h = BigInt(seed)
  for (let i = 0; i < blocks; i += 4) h = word(rotate(h ^ scramble(read(i, i + 4)), 13n) * 5n + 0xe6546b64n)
  h ^= scramble(read(blocks, bytes.length)) ^ BigInt(bytes.length)
  h = word((h ^ (h >> 16n)) * 0x85ebca6bn)
  h = word((h ^ (h >> 13n)) * 0xc2b2ae35n)
  return Number(h ^ (h >> 16n))
}

const utf8 = (text: string) => new TextEncoder().encode(text)
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
const mixedUnits = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0xd7f0, max: 0xe010 }),
  ),
  { maxLength: 40 },
)
const text = fc.oneof(anyUnits, mixedUnits).map((units) => String.fromCharCode(...units))

describe('the published hash', () => {
  it.each(VECTORS)('%j, bytes [%s], is %i (%s)', (key, bytes, expected) => {
    expect(hex(utf8(key))).toBe(bytes)
    expect(hash(key)).toBe(expected)
  })

  it('is judged by a reference that passes SMHasher: 256 keys of rising length, seeds falling, hashed once more', () => {
    const results = new Uint8Array(256 * 4)
    for (let length = 0; length < 256; length++) {
      const key = Uint8Array.from({ length }, (_, i) => i)
      new DataView(results.buffer).setUint32(length * 4, reference(key, 256 - length), true)
    }
    expect(reference(results)).toBe(0xb0f57ee3)
  })

  it('agrees with the reference on every string, well formed or not', () => {
    fc.assert(
      fc.property(text, (key) => {
        expect(hash(key)).toBe(reference(utf8(key)))
      }),
      { numRuns: 2000 },
    )
  })

  it('agrees with the reference on a long key', () => {
    const key = 'é😀a'.repeat(10_000)
    expect(hash(key)).toBe(reference(utf8(key)))
  })
})

describe('where a key belongs', () => {
  it('is a partition from 0, or an index from 1', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 100_000 }), (key, count) => {
        expect(partitionOf(key, count)).toBe(hash(key) % count)
        expect(indexOf(key, count)).toBe((hash(key) % count) + 1)
      }),
    )
  })

  it('is published too', () => {
    expect([partitionOf('user-42', 256), indexOf('user-42', 10)]).toEqual([208, 1])
  })

  it('spreads keys that differ only in a number evenly over 256 partitions', () => {
    const counts = new Array<number>(256).fill(0)
    for (let i = 0; i < 256_000; i++) counts[partitionOf(`user-${i}`, 256)]! += 1
    // Each count is close to Poisson of mean 1000, so six standard deviations are 190.
    expect(Math.min(...counts)).toBeGreaterThan(810)
    expect(Math.max(...counts)).toBeLessThan(1190)
  })
})

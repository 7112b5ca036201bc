/**
 * The published hash: MurmurHash3 x86_32 over the UTF-8 bytes of `key`, seed 0, as an unsigned 32-bit number.
 *
 * It will never change, since every member, in every version and language, must send a key to the same place.
 * Lone surrogates count as U+FFFD, as `TextEncoder` writes them. The string is walked without making the bytes.
 * Source: Austin Appleby, SMHasher, MurmurHash3.cpp (public domain); vectors in test/unit/core/hash.test.ts.
 */
export const hash = (key: string): number => {
  let state = 0
  // Up to three bytes that do not fill a block yet, the first one lowest, and how many bits of it are used.
  let block = 0
  let filledBits = 0
  let bytes = 0
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    let encoded = unit
    let size = 1
    if (unit >= 0x80) {
      const point = key.codePointAt(i)!
      if (point > 0xffff) i++
      encoded = utf8(point)
      size = point < 0x800 ? 2 : point <= 0xffff ? 3 : 4
    }
    bytes += size
    block |= encoded << filledBits
    const bits = filledBits + size * 8
    if (bits >= 32) {
      state = (rotate(state ^ scramble(block), 13) * 5 + 0xe6546b64) | 0
      // A shift by 32 is a shift by 0 in JavaScript, hence the case of its own.
      block = filledBits === 0 ? 0 : encoded >>> (32 - filledBits)
    }
    filledBits = bits & 31
  }
  return finish(state ^ scramble(block) ^ bytes)
}

/** The partition of `key`, from 0 to `partitions` − 1: the published hash modulo the number of partitions. */
export const partitionOf = (key: string, partitions: number): number => hash(key) % partitions

/** The index of `key` among `total`, from 1 to `total`: the published hash modulo the total, plus one. */
export const indexOf = (key: string, total: number): number => (hash(key) % total) + 1

/** The UTF-8 bytes of one code point from U+0080 on, the first byte lowest; a surrogate becomes U+FFFD. */
const utf8 = (point: number): number => {
  if (point < 0x800) return 0xc0 | (point >>> 6) | ((0x80 | (point & 0x3f)) << 8)
  if (point > 0xffff)
    return 0xf0 | (point >>> 18) | (tail(point >>> 12) << 8) | (tail(point >>> 6) << 16) | (tail(point) << 24)
  const scalar = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
  return 0xe0 | (scalar >>> 12) | (tail(scalar >>> 6) << 8) | (tail(scalar) << 16)
}

const tail = (bits: number): number => 0x80 | (bits & 0x3f)

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

// An empty block scrambles to 0, so a key that ends with a full block needs no case of its own.
const scramble = (block: number): number => Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)

const finish = (state: number): number => {
  const first = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return (second ^ (second >>> 16)) >>> 0
}

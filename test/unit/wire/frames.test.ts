import { describe, expect, test } from 'vitest'
import type { CoordinatorMessage, MemberMessage, Renew, ShareMessage } from '../../../src/core/group/messages.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrame, encodeFrames } from '../../../src/wire/frames.ts'
import { MAX_FRAME_BYTES, MAX_FRAME_MESSAGES, MAX_LIST_ITEMS } from '../../../src/wire/limits.ts'

const renew: Renew = {
  type: 'renew',
  group: 'indexers',
  member: 'a',
  bootId: 'b-1',
  sequence: 7,
  order: 3,
  incarnation: 2 ** 40,
  generation: 1_700_000_000,
  share: { partitions: 16 },
  metadata: { zone: 'Zürich', tags: ['x', null, 1.5] },
  holding: [
    { item: 3, epoch: 2 ** 50 },
    { item: 0, epoch: 9, of: undefined },
  ].map(({ item, epoch }) => ({ item, epoch })),
  draining: [],
  acknowledged: [{ item: 1, epoch: 5 }],
}

const share: ShareMessage = {
  type: 'share',
  group: 'indexers',
  member: 'a',
  bootId: 'b-1',
  generation: 1,
  incarnation: 2,
  sequence: 7,
  order: 4,
  state: 'settled',
  epoch: 9,
  leaseMs: 333.5,
  members: 2,
  share: 'index',
  holding: [{ item: 1, of: 2, epoch: 9 }],
  revoked: [],
}

const spoilt = (change: Record<string, unknown>): string => JSON.stringify([{ ...renew, ...change }])
const raw = (field: string, json: string): string => spoilt({ [field]: '@' }).replace('"@"', json)

describe('a frame', () => {
  test('of members comes back as it was', () => {
    const messages: MemberMessage[] = [
      renew,
      { type: 'leave', group: 'g', member: 'a', bootId: 'b', incarnation: 1, sequence: 8 },
    ]
    expect(decodeMemberFrame(encodeFrame(messages))).toEqual(messages)
  })

  test('of a coordinator comes back as it was', () => {
    const messages: CoordinatorMessage[] = [
      { type: 'hello', protocol: 2, clusterId: 'c', instanceId: 'i', generation: 1 },
      share,
      { type: 'refused', group: 'g', member: 'a', bootId: 'b', code: 'CAUCUS_FENCED', message: 'stop' },
      { type: 'left', group: 'g', member: 'a', bootId: 'b' },
    ]
    expect(decodeCoordinatorFrame(encodeFrame(messages))).toEqual(messages)
  })

  test('may be empty', () => {
    expect(decodeMemberFrame('[]')).toEqual([])
  })

  test('is not taken from the wrong side', () => {
    expect(decodeMemberFrame(encodeFrame([share]))).toBe('message 1 has the unknown type "share"')
    expect(decodeCoordinatorFrame(encodeFrame([renew]))).toBe('message 1 has the unknown type "renew"')
  })

  test('of another version says so, whatever else that version may say', () => {
    const fault = decodeCoordinatorFrame('[{"type":"hello","protocol":3,"novelty":true}]')
    expect(fault).toBe('the server speaks protocol 3, and this client speaks 1 and 2: upgrade caucus on this client')
  })

  test('is divided when there is too much for one', () => {
    const holding = Array.from({ length: MAX_LIST_ITEMS }, (_, item) => ({
      item,
      epoch: Number.MAX_SAFE_INTEGER - item,
    }))
    const largest = {
      ...renew,
      share: { partitions: MAX_LIST_ITEMS },
      holding,
      draining: holding,
      acknowledged: holding,
    }
    const messages: MemberMessage[] = Array.from({ length: 5 }, (_, i) => ({ ...largest, sequence: i }))
    const frames = encodeFrames(messages)
    expect(frames.length).toBeGreaterThan(1)
    for (const frame of frames) expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(MAX_FRAME_BYTES)
    expect(frames.flatMap((frame) => decodeMemberFrame(frame) as MemberMessage[])).toEqual(messages)
    expect(encodeFrames(new Array(MAX_FRAME_MESSAGES + 1).fill(share))).toHaveLength(2)
    expect(encodeFrames([])).toEqual(['[]'])
  })
})

describe('a frame is refused, and says why,', () => {
  test.each([
    ['no JSON', '{', 'the frame is not JSON'],
    ['NaN', raw('sequence', 'NaN'), 'the frame is not JSON'],
    ['no array', '{"type":"renew"}', 'the frame is not an array of messages'],
    ['a null', '[null]', 'message 1 has the unknown type "undefined"'],
    ['nested arrays', '['.repeat(100_000) + ']'.repeat(100_000), 'message 1 has the unknown type "undefined"'],
    ['a type of the prototype', '[{"type":"constructor"}]', 'message 1 has the unknown type "constructor"'],
    ['a hostile type', '[{"type":"\\u0007\\n"}]', 'message 1 has the unknown type "\\u0007\\n"'],
    ['a type that cannot be a text', '[{"type":{"toString":1}}]', 'message 1 has the unknown type "object"'],
    [
      'a type nested deeply',
      `[{"type":${'['.repeat(200_000)}${']'.repeat(200_000)}}]`,
      'message 1 has the unknown type "object"',
    ],
    ['too many messages', JSON.stringify(new Array(MAX_FRAME_MESSAGES + 1).fill(renew)), 'at most 1024'],
    ['an unknown field of a share', spoilt({ share: { partitions: 2, of: 1 } }), 'share must be'],
    ['an unknown field of an item', spoilt({ holding: [{ item: 1, epoch: 1, x: 1 }] }), 'an unknown field "x"'],
    ['a field that lacks', spoilt({ bootId: undefined }), 'lacks the field "bootId"'],
    ['a number as text', spoilt({ sequence: '7' }), 'sequence must be integer'],
    ['a negative number', spoilt({ sequence: -1 }), 'sequence must be >= 0'],
    ['a fraction', spoilt({ order: 0.5 }), 'order must be integer'],
    ['a huge number', raw('sequence', '1e308'), 'sequence must be <= 9007199254740991'],
    ['infinity', raw('sequence', '1e999'), 'sequence must be'],
    ['an unsafe integer', raw('sequence', '9007199254740993'), 'sequence must be <= 9007199254740991'],
    ['an impossible generation', spoilt({ generation: 2 ** 32 }), 'generation must be <= 4294967295'],
    ['an empty member id', spoilt({ member: '' }), 'member id is empty'],
    ['a long member id', spoilt({ member: 'x'.repeat(257) }), 'member id is longer than 256 bytes'],
    ['a control character', spoilt({ member: 'a\n' }), 'member id has a control character (U+000A)'],
    ['a name that no URL can have', spoilt({ group: '..' }), 'group name is "..", which no URL can name'],
    ['a lone surrogate', spoilt({ group: '\ud800' }), 'group name has a lone surrogate'],
    ['a long group name', spoilt({ group: 'é'.repeat(65) }), 'group name is longer than 128 bytes'],
    ['an empty bootId', spoilt({ bootId: '' }), 'bootId is empty'],
    [
      'an item twice',
      spoilt({ holding: [4, 2, 4].map((item) => ({ item, epoch: 1 })) }),
      'holding lists an item twice',
    ],
    ['an index beyond its total', spoilt({ holding: [{ item: 3, of: 2, epoch: 1 }] }), 'not from 1 to its total'],
    [
      'too long a list',
      spoilt({ draining: Array.from({ length: 4097 }, (_, item) => ({ item, epoch: 1 })) }),
      'draining must NOT have more than 4096 items',
    ],
    ['no such share', spoilt({ share: 'indexes' }), 'share must be "index", "tenure" or { "partitions": 1 to 4096 }'],
    ['too many partitions', spoilt({ share: { partitions: 4097 } }), 'share must be'],
    ['no partitions', spoilt({ share: { partitions: 0 } }), 'share must be'],
    ['long metadata', spoilt({ metadata: 'é'.repeat(2_100) }), 'metadata is longer than 4096 bytes'],
    ['deep metadata', raw('metadata', '['.repeat(17) + ']'.repeat(17)), 'metadata is nested deeper than 16'],
    ['very deep metadata', raw('metadata', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), 'nested deeper'],
    ['__proto__ in metadata', raw('metadata', '{"a":[{"__proto__":{"x":1}}]}'), 'metadata has a key "__proto__"'],
  ])('for %s', (_what, text, why) => {
    const fault = decodeMemberFrame(text)
    expect(fault).toBeTypeOf('string')
    expect(fault).toContain(why)
    expect(String(fault).length).toBeLessThan(300)
  })

  test('up to the last message of it, and none of the others is let through', () => {
    expect(decodeMemberFrame(JSON.stringify([renew, { ...renew, order: -1 }]))).toBe(
      'message 2 (renew): order must be >= 0',
    )
  })

  test('but metadata of sixteen levels is one', () => {
    expect(decodeMemberFrame(raw('metadata', '['.repeat(16) + ']'.repeat(16)))).toHaveLength(1)
  })
})

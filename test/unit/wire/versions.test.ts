import { describe, expect, test } from 'vitest'
import type { CoordinatorMessage, Refused, Renew, ShareMessage } from '../../../src/core/group/messages.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrame, encodeFrames } from '../../../src/wire/frames.ts'
import { helloFault, negotiated, offerFault, versionsIn } from '../../../src/wire/versions.ts'

const hello: CoordinatorMessage = { type: 'hello', protocol: 2, clusterId: 'c', instanceId: 'i', generation: 1 }
const share: ShareMessage = {
  type: 'share',
  group: 'g',
  member: 'a',
  bootId: 'b',
  generation: 1,
  incarnation: 2,
  sequence: 3,
  order: 4,
  state: 'settled',
  epoch: 5,
  leaseMs: 1_000,
  members: 1,
  share: 'index',
  holding: [{ item: 1, of: 1, epoch: 5 }],
  revoked: [],
}
const renew: Renew = {
  type: 'renew',
  group: 'g',
  member: 'a',
  bootId: 'b',
  sequence: 1,
  order: 0,
  holding: [],
  draining: [],
  acknowledged: [],
}
const newer = <Message extends object>(message: Message): Message => ({ ...message, novelty: [{ deep: true }] })

describe('the version of a link', () => {
  test('is the newest that both sides speak', () => {
    expect(negotiated([1])).toBe(1)
    expect(negotiated([1, 2])).toBe(2)
    expect(negotiated([7, 2, 1])).toBe(2)
    expect(negotiated([3, 0])).toBeUndefined()
    expect(negotiated([])).toBeUndefined()
  })

  test('is found among subprotocols of others, and nothing that only looks like it', () => {
    expect(
      versionsIn(['caucus.v2', 'mqtt', 'caucus.v1', 'caucus.v', 'caucus.v1.1', 'xcaucus.v1', 'caucus.v-1']),
    ).toEqual([2, 1])
    expect(versionsIn([''])).toEqual([])
  })

  test('when there is none, is a fault that names both sides and which of them to upgrade', () => {
    expect(offerFault([3])).toBe(
      'the client speaks protocol 3, and this server speaks 1 and 2: upgrade caucus on this server',
    )
    expect(offerFault([0])).toBe(
      'the client speaks protocol 0, and this server speaks 1 and 2: upgrade caucus on the client',
    )
    expect(helloFault(3)).toBe(
      'the server speaks protocol 3, and this client speaks 1 and 2: upgrade caucus on this client',
    )
    expect(helloFault(0)).toContain('upgrade caucus on the server')
    expect(helloFault({ toString: 1 })).toBe('the hello names the protocol "object", and this client speaks 1 and 2')
  })

  test('however many are offered, is a short fault', () => {
    expect(offerFault(Array.from({ length: 1_000 }, (_, i) => i + 3)).length).toBeLessThan(200)
  })
})

describe('a peer of version 1', () => {
  test('is greeted in its version, and a hello of either is understood', () => {
    const [frame = ''] = encodeFrames([hello], 1)
    expect(JSON.parse(frame)).toEqual([{ ...hello, protocol: 1 }])
    expect(decodeCoordinatorFrame(frame)).toEqual([{ ...hello, protocol: 1 }])
    expect(decodeCoordinatorFrame(encodeFrame([hello]), 1)).toEqual([hello])
  })

  test('is told what version 1 has, and nothing that came later', () => {
    expect(encodeFrames([share, renew], 1)).toEqual([encodeFrame([share, renew])])
    expect(encodeFrames([newer(share), newer(renew)], 1)).toEqual([encodeFrame([share, renew])])
  })

  test('hears of no weight and no static place, which version 2 has', () => {
    const special = { ...renew, weight: 3, static: true }
    expect(encodeFrames([special], 1)).toEqual([encodeFrame([renew])])
    expect(decodeMemberFrame(encodeFrames([special])[0] ?? '')).toEqual([special])
    expect(decodeMemberFrame(encodeFrame([special]), 1)).toContain('unknown field')
    expect(decodeMemberFrame(encodeFrame([{ ...special, weight: 1_001 }]))).toContain('weight')
  })

  test('is told a refusal that it does not know as one that it does: whether to try again is all it must know', () => {
    const refused = (code: string) => {
      const message = { type: 'refused', group: 'g', member: 'a', bootId: 'b', code, message: 'no' } as Refused
      const [told] = JSON.parse(encodeFrames([message], 1)[0] ?? '') as Refused[]
      return `${told?.code}: ${told?.message}`
    }
    expect(refused('CAUCUS_FENCED')).toBe('CAUCUS_FENCED: no')
    expect(refused('CAUCUS_FORBIDDEN')).toBe('CAUCUS_CONFLICT: CAUCUS_FORBIDDEN: no')
    expect(refused('CAUCUS_TIMEOUT')).toBe('CAUCUS_UNAVAILABLE: CAUCUS_TIMEOUT: no')
  })

  test('says nothing that version 1 does not have', () => {
    expect(decodeMemberFrame(encodeFrame([renew]), 1)).toEqual([renew])
    expect(decodeMemberFrame(encodeFrame([newer(renew)]), 1)).toBe('message 1 (renew): has an unknown field "novelty"')
  })
})

describe('a peer of version 2 that is newer', () => {
  test('may say more than is known here: it is left out, and the rest counts', () => {
    expect(decodeMemberFrame(encodeFrame([newer(renew)]))).toEqual([renew])
    expect(decodeCoordinatorFrame(encodeFrame([newer(hello), newer(share)]))).toEqual([hello, share])
    const hostile = `[{"__proto__":{"admin":true},"constructor":1,${JSON.stringify(renew).slice(1)}]`
    const [taken] = decodeMemberFrame(hostile) as Renew[]
    expect(taken).toEqual(renew)
    expect(Object.keys(taken ?? {})).toEqual(Object.keys(renew))
    expect((taken as unknown as Record<string, unknown>).admin).toBeUndefined()
  })

  test('says nothing new within an item or a share, or of a new type: these change what is meant', () => {
    expect(decodeMemberFrame(encodeFrame([{ ...renew, share: newer({ partitions: 2 }) }]))).toContain('share must be')
    expect(decodeMemberFrame(encodeFrame([{ ...renew, holding: [newer({ item: 1, epoch: 1 })] }]))).toContain(
      'holding.0 has an unknown field "novelty"',
    )
    expect(decodeMemberFrame('[{"type":"pause"}]')).toContain('unknown type')
  })
})

import { describe, expect, test } from 'vitest'
import type { Renew } from '../../../src/core/group/messages.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrame } from '../../../src/wire/frames.ts'
import { refusedFor1 } from '../../../src/wire/v1.ts'

const renew: Renew = {
  type: 'renew',
  group: 'election/e',
  member: 'a',
  bootId: 'b',
  sequence: 1,
  order: 0,
  share: 'tenure',
  holding: [],
  draining: [],
  acknowledged: [],
}

describe('version 1 of the link', () => {
  test('knows no tenure, in either direction', () => {
    expect(decodeMemberFrame(encodeFrame([renew]), 1)).toMatch(/^message 1 \(renew\): share must be/)
    const share = {
      ...renew,
      type: 'share',
      generation: 1,
      incarnation: 1,
      state: 'settled',
      epoch: 1,
      leaseMs: 1,
      members: 1,
    }
    const { draining: _draining, acknowledged: _acknowledged, ...told } = { ...share, revoked: [] }
    expect(decodeCoordinatorFrame(JSON.stringify([told]), 1)).toMatch(/^message 1 \(share\): share must be/)
    expect(decodeCoordinatorFrame(JSON.stringify([told]), 2)).toEqual([told])
  })

  test('is spared what would end its link, and the candidate is told', () => {
    expect(refusedFor1(renew)).toEqual({
      type: 'refused',
      group: 'election/e',
      member: 'a',
      bootId: 'b',
      code: 'CAUCUS_CONFLICT',
      message: 'the server speaks protocol 1, which knows no elections; upgrade caucus on the server',
    })
    expect(refusedFor1({ ...renew, share: 'index' })).toBeUndefined()
    expect(
      refusedFor1({ type: 'leave', group: 'election/e', member: 'a', bootId: 'b', incarnation: 1, sequence: 2 }),
    ).toBeUndefined()
  })
})

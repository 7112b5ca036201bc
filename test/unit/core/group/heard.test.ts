import { expect, it } from 'vitest'
import { Member } from '../../../../src/core/group/member.ts'
import type { Renew, ShareMessage } from '../../../../src/core/group/messages.ts'

const ITEM = { item: 3, epoch: 75 }

const member = () => {
  const it = new Member({
    group: 'g',
    member: 'm',
    bootId: 'b',
    metadata: 'here',
    heartbeatMs: 1_000,
    stopMarginMs: 100,
  })
  it.step({ type: 'linked', instanceId: 'i', generation: 7 }, 0)
  let order = 0
  const answer = (now: number, more: Partial<ShareMessage>) =>
    it.step(
      {
        type: 'received',
        message: {
          type: 'share',
          group: 'g',
          member: 'm',
          bootId: 'b',
          generation: 7,
          incarnation: 70,
          sequence: 1,
          order: ++order,
          state: 'settled',
          epoch: 75,
          leaseMs: 4_000,
          members: 1,
          share: { partitions: 8 },
          holding: [],
          revoked: [],
          ...more,
        },
      },
      now,
    )
  const said = (now: number): Renew | undefined =>
    it
      .step({ type: 'woke' }, now)
      .flatMap((effect) => (effect.type === 'send' && effect.message.type === 'renew' ? [effect.message] : []))[0]
  return { it, answer, said }
}

it('what was let go is said until it was heard, however long the lease has been renewed', () => {
  const { it: one, answer, said } = member()
  answer(10, { sequence: 1, heard: 1, holding: [ITEM] })
  answer(20, { sequence: 1, heard: 1, revoked: [ITEM] })
  one.step({ type: 'drained', items: [ITEM] }, 30)
  // Message 2 says so. Its reading renews the lease; nobody has processed it yet.
  answer(40, { sequence: 2, heard: 1, revoked: [ITEM] })
  expect(said(1_000)?.acknowledged).toEqual([ITEM])
  answer(1_010, { sequence: 3, heard: 2 })
  expect(said(2_000)).toMatchObject({ acknowledged: [ITEM] })
  answer(2_010, { sequence: 4, heard: 4 })
  expect(said(3_000)?.acknowledged).toEqual([])
})

it('metadata counts as heard once its words were, and not once its renewal was answered', () => {
  const { it: one, answer, said } = member()
  answer(10, { sequence: 1, heard: 0 })
  expect(one.view().isMetadataHeard).toBe(false)
  expect(said(1_000)?.metadata).toBe('here')
  answer(1_010, { sequence: 2, heard: 1 })
  expect(one.view().isMetadataHeard).toBe(true)
  expect(said(2_000)).not.toHaveProperty('metadata')
})

it('the lease runs from the renewal that was answered, whatever was heard', () => {
  const { it: one, answer, said } = member()
  answer(10, { sequence: 1, heard: 1, holding: [ITEM] })
  said(1_000)
  answer(1_010, { sequence: 2, heard: 1, holding: [ITEM] })
  expect(one.view().validUntil).toBe(1_000 + 4_000 - 100)
})

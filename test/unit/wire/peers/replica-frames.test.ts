import { describe, expect, test } from 'vitest'
import type { Sender } from '../../../../src/core/election/messages.ts'
import { replicaMessageFault } from '../../../../src/core/replication/message-fault.ts'
import type { Entry, ReplicaMessage } from '../../../../src/core/replication/messages.ts'
import {
  charterFault,
  decodePeerMessages,
  encodeReplicaMessage,
  isReplicaMessage,
} from '../../../../src/wire/peers/frames.ts'
import { MAX_CHARTER_BYTES, MAX_PEER_FRAME_LENGTH } from '../../../../src/wire/peers/limits.ts'
import { replicaRecordOf } from '../../../../src/wire/peers/replica-schemas.ts'

const sender: Sender = { id: 'a', bootId: 'boot', cluster: 'c', voters: '["a","b"]', storeId: 's' }
const greeting = { cluster: 'c', id: 'a', bootId: 'boot' }
const foundation = { generation: 1, defaultCeilingMs: 4_000, ceilingsMs: { g: 1_000.5 } }
const entry: Entry = {
  term: 2,
  version: 1,
  charter: {
    instanceId: 'i',
    foundation: {
      ...foundation,
      orders: { g: { frozen: true, pins: { 3: 'a' }, drained: ['boot'] } },
      roll: { g: ['boot', ''] },
    },
  },
}
const MESSAGES: readonly ReplicaMessage[] = [
  { type: 'collect', term: 2, round: 1, sender },
  { type: 'collected', term: 2, round: 1, sender },
  { type: 'collected', term: 2, round: 1, entry, sender },
  { type: 'store', round: 2, entry, sender },
  { type: 'stored', round: 2, term: 2, version: 1, sender },
  { type: 'superseded', term: 2, round: 1, promised: 3, sender },
  { type: 'recover', nonce: 'n', sender },
  { type: 'recovered', nonce: 'n', blank: true, promised: 0, sender },
  { type: 'recovered', nonce: 'n', blank: false, promised: 2, entry, sender },
]

test('every message about the charter comes back as it was, and is one to the machine', () => {
  for (const message of MESSAGES) {
    expect(decodePeerMessages(encodeReplicaMessage(message), greeting)).toEqual([message])
    expect([isReplicaMessage(message), replicaMessageFault(message)]).toEqual([true, undefined])
  }
  expect(isReplicaMessage({ type: 'observe', sender })).toBe(false)
})

describe('nothing of a frame is taken', () => {
  const store = (change: object) => JSON.stringify([{ ...MESSAGES[3], ...change }])
  const withFoundation = (change: object) =>
    store({ entry: { ...entry, charter: { instanceId: 'i', foundation: { ...foundation, ...change } } } })
  test.each([
    ['without an entry', store({ entry: undefined })],
    ['with a term that is no number', store({ entry: { ...entry, term: '2' } })],
    ['with a version below 0', store({ entry: { ...entry, version: -1 } })],
    ['with a generation of 0', withFoundation({ generation: 0 })],
    ['with a ceiling below 0', withFoundation({ ceilingsMs: { g: -1 } })],
    ['with a pin of no partition', withFoundation({ orders: { g: { pins: { x: 'a' } } } })],
    ['with a roll that is no list', withFoundation({ roll: { g: 'boot' } })],
    ['with a field that nobody knows', withFoundation({ extra: 1 })],
    ['of another sender', store({ sender: { ...sender, id: 'b' } })],
  ])('%s', (_, frame) => expect(decodePeerMessages(frame, greeting)).toBeTypeOf('string'))
})

test('the longest charter fits into a frame with everything around it, and a longer one is refused before', () => {
  const longest = (bytes: number) => {
    const roll = (length: number) => ({
      instanceId: 'i',
      foundation: { ...foundation, roll: { g: ['é'.repeat(length)] } },
    })
    const empty = JSON.stringify(roll(0)).length
    return roll(Math.floor((bytes - empty) / 2))
  }
  const charter = longest(MAX_CHARTER_BYTES)
  expect(charterFault(charter)).toBeUndefined()
  expect(charterFault(longest(MAX_CHARTER_BYTES + 2))).toContain('at most 524288')
  const frame = encodeReplicaMessage({ type: 'store', round: 1, entry: { term: 1, version: 1, charter }, sender })
  expect(new TextEncoder().encode(frame).length).toBeLessThan(MAX_PEER_FRAME_LENGTH)
})

test('what a file holds is a record, or is said to be none', () => {
  expect(replicaRecordOf({ storeId: 's', promised: 1, entry })).toMatchObject({ promised: 1 })
  for (const value of [
    {},
    { storeId: '', promised: 1 },
    { storeId: 's', promised: 1.5 },
    { storeId: 's', promised: 1, more: 1 },
  ])
    expect(replicaRecordOf(value)).toBeTypeOf('string')
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { messageFault } from '../../../../src/core/election/message-fault.ts'
import { MAX_TERM, type PeerMessage, type Sender } from '../../../../src/core/election/messages.ts'
import { replicaMessageFault } from '../../../../src/core/replication/message-fault.ts'
import {
  decodeGreeting,
  decodePeerMessages,
  encodeGreeting,
  encodePeerMessages,
  isReplicaMessage,
} from '../../../../src/wire/peers/frames.ts'
import { MAX_PEER_FRAME_LENGTH, MAX_PEER_MESSAGES } from '../../../../src/wire/peers/limits.ts'

const sender: Sender = { id: 'a', bootId: 'boot', cluster: 'c', voters: '["a","b"]', storeId: 's' }
const greeting = { cluster: 'c', id: 'a', bootId: 'boot' }
const founding = {
  base: 7,
  original: [{ id: 'a', storeId: 's' }],
  stores: [{ id: 'a', storeId: 's' }],
  retired: [],
}
const MESSAGES: readonly PeerMessage[] = [
  { type: 'new', base: 1, sender },
  { type: 'founding', founding, complete: true, sender: { ...sender, founding: '7/s' } },
  { type: 'rejoin', nonce: 'n', commit: false, sender },
  { type: 'admissible', nonce: 'n', sender },
  { type: 'rejoined', nonce: 'n', founding, term: 1, promiseMs: 0, sender },
  { type: 'preVote', term: 1, round: 1, sender },
  { type: 'preVoted', term: 1, round: 1, granted: true, ownTerm: 0, sender },
  { type: 'vote', term: 1, round: 1, sender },
  { type: 'vote', term: 2, round: 1, overriding: { id: 'b', bootId: 'x', term: 1 }, sender },
  { type: 'voted', term: 1, round: 1, granted: false, ownTerm: 2, sender },
  { type: 'beat', term: 1, round: 1, promiseMs: 150, leads: true, generation: 8, sender },
  { type: 'acked', term: 1, round: 1, promiseMs: 150, eligible: true, sender },
  { type: 'outranked', term: 1, round: 1, ownTerm: 3, sender },
  { type: 'timeoutNow', term: 1, sender },
  { type: 'observe', sender },
  { type: 'refused', because: 'otherVoters', sender },
]

test('every message of an election comes back as it was', () => {
  expect(decodePeerMessages(encodePeerMessages(MESSAGES), greeting)).toEqual(MESSAGES)
})

/** As somebody would write it who does not use this package. */
const raw = (change: string): string =>
  `[{"type":"vote","term":1,"round":1,"sender":${JSON.stringify(sender)}${change}}]`.replace(
    '"term":1,"round"',
    '"round"',
  )
const vote = (term: string) => raw(`,"term":${term}`)

describe('nothing of a frame is taken', () => {
  test.each([
    ['a term of 2^53', vote('9007199254740992')],
    ['a term above the largest', vote(String(MAX_TERM + 1))],
    ['a term that is no number', vote('NaN')],
    ['a term of 1e308', vote('1e308')],
    ['an infinite term', vote('1e999')],
    ['a negative term', vote('-1')],
    ['a term with a fraction', vote('1.5')],
    ['a term that is text', vote('"1"')],
    ['no term', raw('')],
    ['a field that nobody knows', raw(',"term":1,"extra":1')],
    ['a promise of nothing', JSON.stringify([{ ...MESSAGES[10], promiseMs: 0 }])],
    ['a promise for ever', JSON.stringify([{ ...MESSAGES[10], promiseMs: 1e300 }])],
    ['a leader that leads by 1', JSON.stringify([{ ...MESSAGES[10], leads: 1 }])],
    ['a type that nobody knows', JSON.stringify([{ type: 'toString', sender }])],
    ['a message without a sender', JSON.stringify([{ type: 'observe' }])],
    ['nothing in place of a message', '[null]'],
    ['no array', '{}'],
    ['no JSON', '['],
    ['too many messages', JSON.stringify(Array.from({ length: MAX_PEER_MESSAGES + 1 }, () => MESSAGES[14]))],
    ['a frame that is too long', `[${' '.repeat(MAX_PEER_FRAME_LENGTH)}]`],
  ])('with %s', (_what, frame) => {
    expect(decodePeerMessages(frame, greeting)).toEqual(expect.any(String))
  })

  test.each([1, 'true', 'yes', null, [], {}])('with a vote that is %j, and not true', (granted) => {
    const frame = JSON.stringify([MESSAGES[0], { ...MESSAGES[6], granted }])
    expect(decodePeerMessages(frame, greeting)).toEqual(expect.stringContaining('granted'))
  })

  test('of another voter than the one that said hello, or another process', () => {
    for (const other of [{ id: 'b' }, { bootId: 'other' }]) {
      const frame = encodePeerMessages([{ type: 'observe', sender: { ...sender, ...other } }])
      expect(decodePeerMessages(frame, greeting)).toBe('message 1 ("observe") is of another sender than the hello')
    }
  })
})

test('whatever comes, it is taken whole or not at all, and what is taken is what the election takes', () => {
  const fields = [...new Set(MESSAGES.flatMap((message) => Object.keys(message)))]
  const changed = fc
    .tuple(
      fc.constantFrom(...MESSAGES),
      fc.constantFrom(...fields),
      fc.oneof(fc.jsonValue(), fc.double(), fc.maxSafeInteger()),
    )
    .map(([message, field, value]) => ({ ...message, [field]: value }))
  fc.assert(
    fc.property(
      fc.array(fc.oneof(changed, fc.jsonValue(), fc.constantFrom(...MESSAGES)), { maxLength: 4 }),
      (frame) => {
        const taken = decodePeerMessages(JSON.stringify(frame), greeting)
        if (typeof taken === 'string') return
        expect(taken).toHaveLength(frame.length)
        for (const message of taken)
          expect(isReplicaMessage(message) ? replicaMessageFault(message) : messageFault(message)).toBeUndefined()
      },
    ),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(fc.string(), (text) => typeof decodePeerMessages(text, greeting) === 'string' || text.trim() === '[]'),
  )
})

describe('a hello', () => {
  test('says who is there, and what it says about itself', () => {
    const said = { ...greeting, metadata: { server_port: 8001 } }
    expect(decodeGreeting(encodeGreeting(said))).toEqual(said)
  })

  test.each([
    ['no message', '[]'],
    ['another message', encodePeerMessages([{ type: 'observe', sender }])],
    ['more than a hello', `${encodeGreeting(greeting).slice(0, -1)},1]`],
    ['an empty identifier', encodeGreeting({ ...greeting, id: '' })],
    ['an identifier with a line break', encodeGreeting({ ...greeting, id: 'a\nb' })],
    ['a long identifier', encodeGreeting({ ...greeting, id: 'a'.repeat(257) })],
    ['metadata that is too long', encodeGreeting({ ...greeting, metadata: 'x'.repeat(5_000) })],
    ['an unknown field', JSON.stringify([{ type: 'hello', ...greeting, admin: true }])],
  ])('is refused with %s', (_what, frame) => {
    expect(decodeGreeting(frame)).toEqual(expect.any(String))
  })
})

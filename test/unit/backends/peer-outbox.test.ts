import { describe, expect, test } from 'vitest'
import { PeerOutbox } from '../../../src/backends/peer/outbox.ts'
import type { PeerMessage, Sender } from '../../../src/core/election/messages.ts'
import type { ReplicaMessage } from '../../../src/core/replication/messages.ts'

const sender: Sender = { id: 'a', bootId: 'boot', cluster: 'c', voters: '', storeId: '' }
const beat = (round: number): PeerMessage => ({
  type: 'beat',
  term: 1,
  round,
  promiseMs: 100,
  leads: true,
  generation: 1,
  sender,
})
const foundation = { generation: 1, defaultCeilingMs: 1, ceilingsMs: {} }
const store = (version: number): ReplicaMessage => ({
  type: 'store',
  round: version,
  entry: { term: 1, version, charter: { instanceId: 'i', foundation } },
  sender,
})

class Carrier {
  open = true
  bufferedBytes = 0
  readonly sent: string[][] = []

  send(frame: string): void {
    const messages = JSON.parse(frame) as { type: string; round: number }[]
    this.sent.push(messages.map(({ type, round }) => `${type} ${round}`))
  }
}

describe('what peers have to say to each other', () => {
  test('heartbeats of a turn go in one frame, before what may be long', async () => {
    const [outbox, carrier] = [new PeerOutbox(), new Carrier()]
    outbox.add(store(1), carrier)
    outbox.add(beat(1), carrier)
    outbox.add(beat(2), carrier)
    await Promise.resolve()
    expect(carrier.sent).toEqual([['beat 1', 'beat 2'], ['store 1']])
  })

  test('of the charter only the newest waits, and it takes no place from a heartbeat', async () => {
    const [outbox, carrier] = [new PeerOutbox(), new Carrier()]
    carrier.bufferedBytes = 1e6
    for (let n = 1; n <= 100; n++) {
      outbox.add(store(n), carrier)
      outbox.add(beat(n), carrier)
      await Promise.resolve()
    }
    expect([carrier.sent, outbox.dropped]).toEqual([[], 36])
    carrier.bufferedBytes = 0
    outbox.add(beat(101), carrier)
    await Promise.resolve()
    expect(carrier.sent.map((frame) => [frame.length, frame.at(-1)])).toEqual([
      [64, 'beat 101'],
      [1, 'store 100'],
    ])
  })

  test('what is long for a socket that is full waits, and what was for a lost one is forgotten', async () => {
    const [outbox, carrier] = [new PeerOutbox(), new Carrier()]
    carrier.send = () => {
      carrier.sent.push([])
      carrier.bufferedBytes = 1e6
    }
    outbox.add(store(1), carrier)
    outbox.add({ type: 'recover', nonce: 'n', sender }, carrier)
    await Promise.resolve()
    expect(carrier.sent).toHaveLength(1)
    outbox.clear()
    carrier.bufferedBytes = 0
    outbox.add(beat(1), carrier)
    await Promise.resolve()
    expect(carrier.sent).toHaveLength(2)
  })
})

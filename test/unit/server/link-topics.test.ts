import { expect, test } from 'vitest'
import type { TopicsDown } from '../../../src/core/dispatch/link-messages.ts'
import type { AcceptedSocket } from '../../../src/ports/socket.ts'
import type { TopicsLink } from '../../../src/ports/topics-hosting.ts'
import { TopicsHost } from '../../../src/runtime/dispatch/topics-host.ts'
import { LinkTopics } from '../../../src/server/link-topics.ts'
import { Outbox } from '../../../src/server/outbox.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'

/** A link of a process that is told things, in turns that the test ends. */
const linked = (bufferBytes: number) => {
  const frames: Uint8Array[] = []
  const socket: Omit<AcceptedSocket, 'open'> & { open: boolean } = {
    open: true,
    bufferedBytes: 0,
    send: () => undefined,
    sendBytes: (frame: Uint8Array) => void frames.push(frame),
    ping: () => undefined,
    close: () => undefined,
    terminate: () => undefined,
  }
  let turn = () => {}
  let cuts = 0
  const link: TopicsLink = new LinkTopics({
    hosting: new TopicsHost({ clock: new SimulatedClock(0), onFault: (error) => expect(error).toBeUndefined() }),
    socket,
    gate: undefined,
    outbox: new Outbox((run) => {
      turn = run
    }),
    bufferBytes: () => bufferBytes,
    fault: (why) => expect(why).toBeUndefined(),
    unread: () => {
      cuts++
      socket.open = false
    },
  })
  return { link, frames, cuts: () => cuts, endTurn: () => turn() }
}

const heard: TopicsDown = {
  type: 'heard',
  listener: 1,
  from: 'p',
  payload: { kind: 'bytes', bytes: Buffer.alloc(1_000) },
}

test('a link that one turn has more to say to than may wait is cut at once, and nothing is kept for it', () => {
  const { link, frames, cuts, endTurn } = linked(10_000)
  for (let n = 1; n <= 5; n++) link.deliver(heard)
  expect([cuts(), link.bufferedBytes > 5_000]).toEqual([0, true])
  for (let n = 1; n <= 1_000; n++) link.deliver(heard)
  expect([cuts(), link.bufferedBytes]).toEqual([1, 0])
  endTurn()
  expect([cuts(), frames]).toEqual([1, []])
})

test('a link is told at the end of the turn what there is to say, in one frame', () => {
  const { link, frames, cuts, endTurn } = linked(10_000)
  for (let n = 1; n <= 5; n++) link.deliver(heard)
  expect(frames).toEqual([])
  endTurn()
  expect([cuts(), frames.length, link.bufferedBytes]).toEqual([0, 1, 0])
})

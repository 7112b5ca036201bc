import { expect, onTestFinished } from 'vitest'
import { RemoteTopics } from '../../../src/backends/remote/topics/topics.ts'
import { Topics } from '../../../src/client/topics.ts'
import type { Payload, TopicsDown, TopicsUp } from '../../../src/core/dispatch/link-messages.ts'
import type { Summary } from '../../../src/core/dispatch/messages.ts'
import { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { DownWriter } from '../../../src/wire/topics/down.ts'
import { decodeUp } from '../../../src/wire/topics/up.ts'

type Said<Type extends TopicsUp['type']> = Extract<TopicsUp, { type: Type }>

export const json = (value: unknown): Payload => ({ kind: 'json', bytes: Buffer.from(JSON.stringify(value)) })
export const contentOf = (payload: { kind: string; bytes?: Uint8Array }): unknown =>
  payload.kind === 'json' ? JSON.parse(String(payload.bytes)) : (payload.bytes ?? payload.kind)

export const summary = (more: Partial<Summary> = {}): Summary => ({
  expected: 0,
  replied: 0,
  errors: 0,
  refused: 0,
  missing: [],
  left: [],
  released: [],
  ending: 'met',
  ...more,
})

/** Lets everything happen that waits for no time. */
export const settled = () => new Promise<void>((resume) => setImmediate(resume))

/** The topics of a process, over a link whose other end is the test. */
export const linkedTopics = ({ open = true, hasTopics = true } = {}) => {
  const clock = new SimulatedClock(1_000)
  const said: TopicsUp[] = []
  let frames = 0
  let unsent = 0
  let later: (() => void)[] = []
  const remote = new RemoteTopics({
    clock,
    soon: (run) => void later.push(run),
    view: async () => undefined,
  })
  let ids = 0
  const topics = new Topics(() => ({ topics: remote, clocks: clock, newId: () => `id-${++ids}` }))
  /** The turn of the loop is over. */
  const turn = async () => {
    await settled()
    const due = later
    later = []
    for (const run of due) run()
    await settled()
  }
  const connect = () =>
    remote.opened({
      url: 'http://server',
      hasTopics,
      get bufferedBytes() {
        return unsent
      },
      sendBytes: (frame) => {
        frames++
        const messages = decodeUp(frame)
        if (typeof messages === 'string') expect.fail(messages)
        // What is decoded lies in the frame, as it would at a server.
        said.push(...messages)
      },
    })
  if (open) connect()
  onTestFinished(() => {
    remote.close()
    expect(clock.pending).toBe(0)
  })
  return {
    clock,
    topics,
    remote,
    connect,
    turn,
    lose: () => remote.lost('cable cut'),
    /** How many bytes the socket has not sent. */
    setUnsent: (bytes: number) => {
      unsent = bytes
    },
    get frames() {
      return frames
    },
    /** Everything that was said since it was asked for last. */
    heard: async (): Promise<readonly TopicsUp[]> => {
      await turn()
      return said.splice(0)
    },
    /** The next message of this type; what was said before it is passed over. */
    next: async <Type extends TopicsUp['type']>(type: Type): Promise<Said<Type>> => {
      for (let turns = 0; turns < 10; turns++) {
        await turn()
        for (let first = said.shift(); first !== undefined; first = said.shift()) {
          if (first.type === type) return first as Said<Type>
        }
      }
      throw new Error(`no ${type} was said`)
    },
    /** The server says this, in one frame. */
    hears: (...messages: TopicsDown[]) => {
      const writer = new DownWriter()
      for (const message of messages) writer.append(message)
      for (let frame = writer.take(); frame !== undefined; frame = writer.take()) {
        expect(remote.taken(frame)).toBe(undefined)
      }
    },
  }
}

import { RemoteTopics } from '../../../src/backends/remote/topics/topics.ts'
import { Topics } from '../../../src/client/topics.ts'
import { TopicsHost } from '../../../src/runtime/dispatch/topics-host.ts'
import type { SimulatedClock } from '../../../src/testing/simulated-clock.ts'
import { DownWriter } from '../../../src/wire/topics/down.ts'
import { decodeUp } from '../../../src/wire/topics/up.ts'

/** A host and processes linked to it, with the frames of the wire between them and no socket. */
export const topicsPipe = (clock: SimulatedClock) => {
  const host = new TopicsHost({
    clock,
    onFault: (error) => {
      throw error
    },
  })
  const join = (name: string) => {
    const soon = (run: () => void) => void setImmediate(run)
    const remote = new RemoteTopics({ clock, soon, view: async (topic) => host.topic(topic) })
    const writer = new DownWriter()
    let isFlushing = false
    const flush = () => {
      isFlushing = false
      for (let frame = writer.take(); frame !== undefined; frame = writer.take()) {
        const fault = remote.taken(frame)
        if (fault !== undefined) throw new Error(fault)
      }
    }
    const hosted = host.attach({
      name,
      bufferedBytes: 0,
      deliver: (message) => {
        writer.append(message)
        if (isFlushing) return
        isFlushing = true
        setImmediate(flush)
      },
      fault: (why) => {
        throw new Error(why)
      },
    })
    remote.opened({
      url: name,
      hasTopics: true,
      bufferedBytes: 0,
      sendBytes: (frame) => {
        const messages = decodeUp(frame)
        if (typeof messages === 'string') throw new Error(messages)
        hosted.receive(messages)
      },
    })
    let ids = 0
    const topics = new Topics(() => ({ topics: remote, clocks: clock, newId: () => `${name}-${++ids}` }))
    return {
      remote,
      topics,
      close: () => {
        remote.close()
        hosted.close()
      },
    }
  }
  return { host, join }
}

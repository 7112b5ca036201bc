import { handlersOf } from '../work.mjs'

/** What a responder without anything in between does with a message; the promise is of what it sends back, which may never come. */
export const answerOf = (number) => {
  const handlers = handlersOf(number)
  return async (text) => {
    const { ask, topic, request } = JSON.parse(text)
    return JSON.stringify({ ask, reply: await handlers[topic](request) })
  }
}

/** What anybody would write who has a socket to each responder: a number for each ask, a table, a time limit. */
export class Gathers {
  #send
  #pending = new Map()
  #last = 0

  /** `send(text)` sends to all of them. */
  constructor(send) {
    this.#send = send
  }

  ask(topic, request, { expected, withinMs }) {
    return new Promise((resolve) => {
      const ask = ++this.#last
      const replies = []
      const end = () => {
        this.#pending.delete(ask)
        resolve({ replies })
      }
      this.#pending.set(ask, { replies, expected, end, timer: setTimeout(end, withinMs) })
      this.#send(JSON.stringify({ ask, topic, request }))
    })
  }

  take(text) {
    const { ask, reply } = JSON.parse(text)
    const pending = this.#pending.get(ask)
    if (pending === undefined || pending.replies.push(reply) < pending.expected) return
    clearTimeout(pending.timer)
    pending.end()
  }
}

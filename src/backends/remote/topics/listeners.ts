import type { TopicsDown } from '../../../core/dispatch/link-messages.ts'
import { CaucusError } from '../../../errors.ts'
import type { ListenerPort, ListenerSink } from '../../../ports/topics.ts'
import { unreadable } from '../../../runtime/dispatch/stream-in.ts'
import { fromPayload } from '../../../wire/topics/payload.ts'
import type { Outbox } from './outbox.ts'

interface Registered {
  readonly topic: string
  readonly sink: ListenerSink
}

/** Who listens in this process. */
export class Listeners {
  readonly #outbox: Outbox
  readonly #listeners = new Map<number, Registered>()
  #last = 0

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  listen(topic: string, sink: ListenerSink): ListenerPort {
    const listener = ++this.#last
    this.#listeners.set(listener, { topic, sink })
    this.#outbox.say({ type: 'listen', listener, topic })
    return {
      close: () => {
        if (this.#listeners.delete(listener)) this.#outbox.say({ type: 'unlisten', listener })
      },
    }
  }

  opened(): void {
    for (const [listener, { topic }] of this.#listeners) this.#outbox.say({ type: 'listen', listener, topic })
  }

  /** What is said until there is a link again is missed, and nobody knows how much that is. */
  lost(): void {
    for (const { sink } of this.#listeners.values()) sink.missed?.(undefined)
  }

  heard({ listener, from, payload }: Extract<TopicsDown, { type: 'heard' }>): void {
    const sink = this.#listeners.get(listener)?.sink
    if (sink === undefined) return
    if (payload.kind === 'stream') return sink.heard({ type: 'reply', from, value: unreadable(elsewhere) })
    let value: unknown
    try {
      value = fromPayload(payload)
    } catch {
      // Somebody sent what is no JSON: one reply is missing.
      return sink.missed?.(1)
    }
    sink.heard({ type: 'reply', from, value })
  }

  missed(listener: number, dropped: number): void {
    this.#listeners.get(listener)?.sink.missed?.(dropped)
  }

  ended(listener: number, error: CaucusError | undefined): void {
    const sink = this.#listeners.get(listener)?.sink
    this.#listeners.delete(listener)
    sink?.ended(error)
  }

  endAll(error: CaucusError | undefined): void {
    for (const listener of [...this.#listeners.keys()]) this.ended(listener, error)
  }
}

const elsewhere = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_FOUND', 'what a reply streams goes to whoever asked; a listener only hears that it began')

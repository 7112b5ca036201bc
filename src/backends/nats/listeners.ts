import { CaucusError } from '../../errors.ts'
import type { ListenerPort, ListenerSink } from '../../ports/topics.ts'
import { unreadable } from '../../runtime/dispatch/stream-in.ts'
import { fromPayload } from '../../wire/topics/payload.ts'
import type { NatsMessage } from './messages.ts'
import type { Presence } from './presence.ts'

/** Who listens through this connection. */
export class Listeners {
  readonly #presence: Presence
  readonly #byTopic = new Map<string, Set<ListenerSink>>()

  constructor(presence: Presence) {
    this.#presence = presence
  }

  listen(topic: string, sink: ListenerSink): ListenerPort {
    const sinks = this.#byTopic.get(topic) ?? new Set()
    this.#byTopic.set(topic, sinks.add(sink))
    this.#presence.listen(topic, sinks.size)
    return { close: () => this.#close(topic, sink) }
  }

  opened(): void {
    for (const [topic, sinks] of this.#byTopic) this.#presence.listen(topic, sinks.size)
  }

  /** What is said until there is a server again is missed, and nobody knows how much that is. */
  lost(): void {
    for (const sinks of this.#byTopic.values()) for (const sink of sinks) sink.missed?.(undefined)
  }

  heard(topic: string, { from, payload }: Extract<NatsMessage, { type: 'heard' }>): void {
    for (const sink of [...(this.#byTopic.get(topic) ?? [])]) {
      if (payload.kind === 'stream') {
        sink.heard({ type: 'reply', from, value: unreadable(elsewhere) })
        continue
      }
      let value: unknown
      try {
        value = fromPayload(payload)
      } catch {
        // Somebody sent what is no JSON: one reply is missing.
        sink.missed?.(1)
        continue
      }
      sink.heard({ type: 'reply', from, value })
    }
  }

  endAll(error: CaucusError | undefined): void {
    for (const [topic, sinks] of [...this.#byTopic]) {
      for (const sink of [...sinks]) {
        this.#close(topic, sink)
        sink.ended(error)
      }
    }
  }

  #close(topic: string, sink: ListenerSink): void {
    const sinks = this.#byTopic.get(topic)
    if (sinks?.delete(sink) !== true) return
    if (sinks.size === 0) this.#byTopic.delete(topic)
    this.#presence.listen(topic, sinks.size)
  }
}

const elsewhere = (): CaucusError =>
  new CaucusError('CAUCUS_NOT_FOUND', 'what a reply streams goes to whoever asked; a listener only hears that it began')

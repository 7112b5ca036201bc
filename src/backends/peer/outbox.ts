import type { PeerMessage } from '../../core/election/messages.ts'
import { encodePeerMessages } from '../../wire/peers/frames.ts'
import { MAX_PEER_MESSAGES } from '../../wire/peers/limits.ts'

/** What may lie unread in a socket before more is kept back: a peer that stands still must not find an hour of heartbeats. */
const MAX_UNREAD_BYTES = 64 * 1024

interface Carrier {
  readonly open: boolean
  readonly bufferedBytes?: number
  send(frame: string): void
}

/**
 * What is to be said on one connection between peers. Everything of one turn goes in one frame. Where the other end does not read, a few
 * of the newest messages wait for the next turn, and the oldest go: in an election the latest word is the one that counts.
 */
export class PeerOutbox {
  #waiting: PeerMessage[] = []
  #asked = false
  dropped = 0

  add(message: PeerMessage, carrier: Carrier): void {
    this.#waiting.push(message)
    if (this.#waiting.length > MAX_PEER_MESSAGES) {
      this.#waiting.shift()
      this.dropped++
    }
    if (this.#asked) return
    this.#asked = true
    queueMicrotask(() => this.#flush(carrier))
  }

  clear(): void {
    this.#waiting = []
  }

  #flush(carrier: Carrier): void {
    this.#asked = false
    if (!carrier.open || this.#waiting.length === 0) return
    if ((carrier.bufferedBytes ?? 0) > MAX_UNREAD_BYTES) return
    const messages = this.#waiting
    this.#waiting = []
    carrier.send(encodePeerMessages(messages))
  }
}

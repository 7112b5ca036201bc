import type { PeerMessage } from '../../core/election/messages.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import {
  encodePeerMessages,
  encodeReplicaMessage,
  isReplicaMessage,
  type LinkMessage,
} from '../../wire/peers/frames.ts'
import { MAX_PEER_MESSAGES } from '../../wire/peers/limits.ts'

/** What may lie unread in a socket before more is kept back: a peer that stands still must not find an hour of heartbeats. */
const MAX_UNREAD_BYTES = 64 * 1024

interface Carrier {
  readonly open: boolean
  readonly bufferedBytes?: number
  send(frame: string): void
}

/**
 * What is to be said on one connection between peers. Everything about the election of one turn goes in one frame, and what is about the
 * charter in a frame each after it: that may be long, and a heartbeat must not wait for it. Where the other end does not read, a few of the
 * newest messages wait for the next turn, and the oldest go: in an election the latest word is the one that counts, and of the charter the
 * latest of each kind.
 */
export class PeerOutbox {
  #waiting: PeerMessage[] = []
  readonly #charters = new Map<ReplicaMessage['type'], ReplicaMessage>()
  #asked = false
  dropped = 0

  add(message: LinkMessage, carrier: Carrier): void {
    if (isReplicaMessage(message)) {
      // In the place of an earlier one; the last of those that wait.
      this.#charters.delete(message.type)
      this.#charters.set(message.type, message)
    } else {
      this.#waiting.push(message)
      if (this.#waiting.length > MAX_PEER_MESSAGES) {
        this.#waiting.shift()
        this.dropped++
      }
    }
    if (this.#asked) return
    this.#asked = true
    queueMicrotask(() => this.#flush(carrier))
  }

  clear(): void {
    this.#waiting = []
    this.#charters.clear()
  }

  #flush(carrier: Carrier): void {
    this.#asked = false
    if (this.#waiting.length > 0 && mayTake(carrier)) {
      const messages = this.#waiting
      this.#waiting = []
      carrier.send(encodePeerMessages(messages))
    }
    for (const message of this.#charters.values()) {
      if (!mayTake(carrier)) return
      this.#charters.delete(message.type)
      carrier.send(encodeReplicaMessage(message))
    }
  }
}

const mayTake = ({ open, bufferedBytes = 0 }: Carrier): boolean => open && bufferedBytes <= MAX_UNREAD_BYTES

import type { ElectionDesk, PeerAddress } from './io.ts'
import type { PeerMessage, RefusalReason } from './messages.ts'

/** Ids in messages that count for nothing may be anything. */
const MAX_STRANGERS = 64

/** Who refuses whom, told once for each reason and not with every message. */
export class Refusals {
  readonly #theirs = new Map<string, RefusalReason>()
  readonly #ours = new Map<string, RefusalReason>()

  /** By voter, why it refuses this one. */
  get ofUs(): ReadonlyMap<string, RefusalReason> {
    return this.#ours
  }

  refuse(from: PeerAddress, { sender, type }: PeerMessage, because: RefusalReason, desk: ElectionDesk): void {
    const said = typeof sender?.id === 'string' ? sender.id.slice(0, 256) : from
    this.#tell(said, because, desk)
    // Never an answer to a refusal: two that refuse each other would not end.
    if (type !== 'refused') desk.send(from, { type: 'refused', because })
  }

  #tell(peer: string, because: RefusalReason, { emit }: ElectionDesk): void {
    if (this.#theirs.get(peer) === because) return
    const [oldest] = this.#theirs.keys()
    if (this.#theirs.size >= MAX_STRANGERS && oldest !== undefined) this.#theirs.delete(oldest)
    this.#theirs.set(peer, because)
    emit({ type: 'peer.refused', peer, because })
  }

  weAre(by: string, because: RefusalReason, { emit }: ElectionDesk): void {
    if (this.#ours.get(by) === because) return
    this.#ours.set(by, because)
    emit({ type: 'voter.refused', by, because })
  }

  /** It says something that counts, so it does not refuse any more. */
  heard(peer: string): void {
    this.#theirs.delete(peer)
    this.#ours.delete(peer)
  }
}

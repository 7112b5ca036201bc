import type { ElectionEffect, ElectionInput } from '../../core/election/io.ts'
import { type Boot, type PeerMessage, sameBoot } from '../../core/election/messages.ts'
import type { TetherId } from '../../core/election/tethers.ts'
import type { Tick } from '../../core/machine.ts'
import { idOf, type Peer } from './peer.ts'
import { must } from './violation.ts'

/** Which tethers each peer may hold for open, by what it was told and what it did; and that it says nothing else of them. */
export class TethersTold {
  readonly #open = new Map<Peer, Map<TetherId, Boot>>()
  /** Whoever closes one in this step. */
  readonly #closing = new Set<Peer>()

  /** Once everybody else has looked at the step. */
  steps(peer: Peer, input: ElectionInput | Tick): void {
    if (input.type === 'tetherOpened') this.#of(peer).set(input.id, input.with)
    else if (input.type === 'tetherEnded' || input.type === 'tetherLost') this.#of(peer).delete(input.id)
  }

  isOpen(peer: Peer, id: unknown, far?: Boot): boolean {
    const known = typeof id === 'string' ? this.#of(peer).get(id) : undefined
    return known !== undefined && (far === undefined || sameBoot(known, far))
  }

  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick): void {
    if (effect.type === 'closeTether') {
      this.#of(peer).delete(effect.id)
      this.#closing.add(peer)
    }
    if (effect.type !== 'send') return
    const { message, to } = effect
    if (message.type === 'beat' && message.tether !== undefined)
      must(
        this.#of(peer).get(message.tether)?.id === idOf(to),
        'Tether',
        () => `${peer.bootId} names the tether ${message.tether} to ${to}, which is not open`,
      )
    if (message.type === 'acked' && message.tether !== undefined) this.#quotes(peer, message, input)
  }

  #quotes(peer: Peer, acked: Extract<PeerMessage, { type: 'acked' }>, input: ElectionInput | Tick): void {
    const beat = input.type === 'message' && input.message.type === 'beat' ? input.message : undefined
    must(
      beat?.tether === acked.tether && this.isOpen(peer, acked.tether, beat?.sender),
      'Tether',
      () => `${peer.bootId} quotes the tether ${acked.tether} to ${beat?.sender.bootId}, with which it has none`,
    )
  }

  stepped(peer: Peer): void {
    if (!this.#closing.delete(peer)) return
    must(
      peer.machine.view().role !== 'leader',
      'Tether',
      () => `${peer.bootId} closes a tether, and leads in term ${peer.machine.view().term}`,
    )
  }

  gone(peer: Peer): void {
    this.#open.delete(peer)
  }

  #of(peer: Peer): Map<TetherId, Boot> {
    let open = this.#open.get(peer)
    if (open === undefined) {
      open = new Map()
      this.#open.set(peer, open)
    }
    return open
  }
}

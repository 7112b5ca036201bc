import { type Boot, sameBoot } from './messages.ts'

/** Names one tether. Whoever opens it makes it up, and nobody ever uses it again. */
export type TetherId = string

/** What happens to a tether, as the process at one end of it sees it. */
export type TetherInput =
  /** It leads to this process itself, and to nothing in between. */
  | { readonly type: 'tetherOpened'; readonly id: TetherId; readonly with: Boot }
  /** The other end has ended it in order: read here, at an end that neither was closed nor failed. */
  | { readonly type: 'tetherEnded'; readonly id: TetherId }
  /** Any other end: reset, failed, or closed here. It proves nothing. */
  | { readonly type: 'tetherLost'; readonly id: TetherId }
  /** Lets go if this voter leads, and then closes every tether. No tether may be closed in order but by what this decides. */
  | { readonly type: 'untether' }

/** The addresses of a connection, as one end of it sees them: `host:port`. */
export interface TetherAddresses {
  readonly local: string
  readonly remote: string
}

/** Whether two ends are of one connection. Whatever stands between them and ends connections by itself has addresses of its own. */
export const isDirect = (own: TetherAddresses, other: TetherAddresses): boolean =>
  own.local === other.remote && own.remote === other.local

/**
 * The tethers of one process that are open as far as it knows. Whoever closes one has let go of whatever it led, so a leader that names one
 * in a heartbeat says: once this one has ended, I lead in this term no more.
 */
export class Tethers {
  readonly #open = new Map<TetherId, Boot>()

  take(input: Extract<TetherInput, { type: 'tetherOpened' | 'tetherLost' }>): void {
    if (input.type === 'tetherOpened') this.#open.set(input.id, input.with)
    else this.over(input.id)
  }

  /** False: it was not open here, so nothing follows from its end. */
  over(id: TetherId): boolean {
    return this.#open.delete(id)
  }

  /** All that were open, and none of them is any more. */
  closeAll(): readonly TetherId[] {
    const ids = [...this.#open.keys()]
    this.#open.clear()
    return ids
  }

  isOpen(id: TetherId, peer: Boot): boolean {
    return sameBoot(this.#open.get(id), peer)
  }

  /** The latest with a process of this voter, as a part of what is said to it. */
  with(voter: string): { readonly tether?: TetherId } {
    let tether: TetherId | undefined
    for (const [id, peer] of this.#open) if (peer.id === voter) tether = id
    return tether === undefined ? {} : { tether }
  }
}

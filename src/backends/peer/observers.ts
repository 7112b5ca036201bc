import type { PeerAddress } from '../../core/election/io.ts'
import type { Millis } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { SeenObserver } from '../../ports/peers.ts'
import type { PeerGreeting } from '../../wire/peers/schemas.ts'
import { reachableHost } from './hosts.ts'

export type ObserverEvent =
  | { readonly type: 'observer.joined'; readonly observer: string; readonly host: string; readonly port: number }
  | { readonly type: 'observer.left'; readonly observer: string }

export interface ObserversOptions {
  /** The grantor's. */
  readonly clock: Clock
  /** How long one is listed whose connection has gone. */
  readonly keptMs: Millis
  isVoter(id: string): boolean
  tell(event: ObserverEvent): void
  /** Ends the connection of one in whose place another one is now. */
  replaced(connection: PeerAddress): void
}

/** A connection on which somebody wants to observe. */
export interface ObserverConnection {
  readonly address: PeerAddress
  /** Who that is, for whoever guards the door. */
  readonly key: string
  /** From where it comes. */
  readonly host: string
}

interface Known {
  readonly seen: Omit<SeenObserver, 'connected'>
  readonly key: string
  connection: PeerAddress | undefined
  gone: Timer | undefined
}

/** More are refused, and come again. */
const MAX_OBSERVERS = 1_000

/** The peers without a vote that one peer knows of. */
export class Observers {
  readonly #options: ObserversOptions
  readonly #known = new Map<string, Known>()
  #closed = false

  constructor(options: ObserversOptions) {
    this.#options = options
  }

  get list(): readonly SeenObserver[] {
    return [...this.#known.values()].map(({ seen, connection }) => ({ ...seen, connected: connection !== undefined }))
  }

  /** Takes one in; or says why not. */
  admit({ id, observer, metadata }: PeerGreeting, { address, key, host }: ObserverConnection): string | undefined {
    if (this.#options.isVoter(id)) return 'CAUCUS_CONFLICT: a voter has that identifier; give this observer another one'
    const known = this.#known.get(id)
    if (known?.connection !== undefined && known.key !== key)
      return 'CAUCUS_CONFLICT: somebody else observes under that identifier; give this observer another one'
    if (known === undefined && !this.#hasRoom())
      return `CAUCUS_OVERLOADED: there are ${MAX_OBSERVERS} observers already`
    known?.gone?.clear()
    const { host: said, port } = observer ?? { host, port: 0 }
    const seen = { identifier: id, host: reachableHost(said, host), port, metadata: metadata ?? {} }
    this.#known.set(id, { seen, key, connection: address, gone: undefined })
    if (known === undefined) this.#options.tell({ type: 'observer.joined', observer: id, host: seen.host, port })
    // A process that has just been started again; its earlier connection may not have noticed yet.
    else if (known.connection !== undefined) this.#options.replaced(known.connection)
    return undefined
  }

  /** That connection has gone. */
  left(address: PeerAddress): void {
    const { clock, keptMs } = this.#options
    for (const [id, known] of this.#known) {
      if (known.connection !== address) continue
      known.connection = undefined
      if (!this.#closed) known.gone = clock.setTimer(clock.now() + keptMs, () => this.#forget(id), { ref: false })
    }
  }

  close(): void {
    this.#closed = true
    for (const { gone } of this.#known.values()) gone?.clear()
  }

  #hasRoom(): boolean {
    if (this.#known.size < MAX_OBSERVERS) return true
    const [id] = [...this.#known].find(([, { connection }]) => connection === undefined) ?? []
    if (id !== undefined) this.#forget(id)
    return id !== undefined
  }

  #forget(id: string): void {
    this.#known.get(id)?.gone?.clear()
    this.#known.delete(id)
    this.#options.tell({ type: 'observer.left', observer: id })
  }
}

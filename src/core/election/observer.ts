import type { Tick } from '../machine.ts'
import type { Instant } from '../time.ts'
import type { ElectionEvent, ElectionTiming, KnownLeader, PeerAddress } from './io.ts'
import { LeaderBook } from './leader-book.ts'
import { messageFault } from './message-fault.ts'
import type { PeerMessage, Sender, Term } from './messages.ts'
import type { Moment } from './record.ts'

export interface ObserverOptions {
  readonly cluster: string
  readonly id: string
  readonly bootId: string
  /** Whom it asks: any voters that it knows of. */
  readonly seeds: readonly PeerAddress[]
  readonly timing: Pick<ElectionTiming, 'electionMinMs' | 'electionMaxMs'>
}

export type ObserverInput =
  | { readonly type: 'started' }
  | { readonly type: 'message'; readonly from: PeerAddress; readonly message: PeerMessage }

export type ObserverEffect =
  | { readonly type: 'send'; readonly to: PeerAddress; readonly message: PeerMessage }
  | { readonly type: 'emit'; readonly event: ElectionEvent }

export interface ObserverView {
  readonly leader?: KnownLeader
  /** Until then `leader` counts, by the grantor's clock. */
  readonly leaderUntil: Instant
}

/** A peer without a vote that knows who leads. It asks again and again, since a new leader does not know of it. */
export class Observer {
  readonly #options: ObserverOptions
  readonly #sender: Sender
  readonly #book: LeaderBook
  #effects: ObserverEffect[] = []
  #at: Moment = { grantor: 0, holder: 0 }
  #askAt: Instant = Number.POSITIVE_INFINITY
  #term: Term = 0

  constructor(options: ObserverOptions) {
    this.#options = options
    const { cluster, id, bootId } = options
    this.#sender = { cluster, id, bootId, voters: '', storeId: '' }
    const at = () => this.#at
    this.#book = new LeaderBook({
      options,
      get at() {
        return at()
      },
      emit: (event) => void this.#effects.push({ type: 'emit', event }),
    })
  }

  step(input: ObserverInput | Tick, at: Moment): readonly ObserverEffect[] {
    this.#effects = []
    this.#at = at
    switch (input.type) {
      case 'started':
        this.#ask()
        break
      case 'message':
        this.#heard(input.message)
        break
      case 'woke':
        this.#woke()
        break
      case 'stalled':
        this.#book.wasStalled(input.forMs)
    }
    return this.#effects
  }

  wakeAt(): Instant | undefined {
    const at = Math.min(this.#askAt, this.#book.wakeAt)
    return at === Number.POSITIVE_INFINITY ? undefined : at
  }

  view(): ObserverView {
    const { known, until } = this.#book
    return { ...(known !== undefined && { leader: known }), leaderUntil: until }
  }

  #woke(): void {
    this.#book.forgetIfSilent()
    // Whatever term it was: a silent leader is none, and one message must not make this observer deaf.
    if (this.#book.known === undefined && this.#at.grantor >= this.#book.until) this.#term = 0
    if (this.#at.grantor >= this.#askAt) this.#ask()
  }

  #ask(): void {
    this.#askAt = this.#at.grantor + this.#options.timing.electionMinMs
    for (const to of this.#options.seeds)
      this.#effects.push({ type: 'send', to, message: { type: 'observe', sender: this.#sender } })
  }

  #heard(message: PeerMessage): void {
    if (messageFault(message) !== undefined || message.type !== 'beat') return
    if (message.sender.cluster !== this.#options.cluster || message.term < this.#term) return
    this.#term = message.term
    this.#book.heard(message)
  }
}

import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { PeerAddressed, Seat } from '../../ports/peers.ts'
import type { Caller } from '../access/caller.ts'

/** What is under way to another peer. */
export interface Pipe {
  readonly to: PeerAddressed
  readonly caller: Caller
  /** Whether it goes on until somebody ends it, as a link and a stream of events do. Anything else ends by itself. */
  readonly isEndless: boolean
  /** Ends both its ends. Who still waits for an answer is told. */
  cut(why: CaucusError): void
}

/** How long a peer that has lost its seat may at least take for the answers that it owes. */
const LAST_ANSWERS_MS: Millis = 2_000
/** For how long nobody may be known to lead until what is under way to whoever did is given up: a heartbeat that is late changes nothing. */
const DOUBT_MS: Millis = 1_000

/** All that is under way to other peers. */
export class Pipes {
  readonly #clock: Clock
  readonly #lastAnswersMs: Millis
  readonly #pipes = new Set<Pipe>()
  #doubt: Timer | undefined

  /** `patienceMs`: how long it may take until another one leads, which is what somebody may have asked for. */
  constructor(clock: Clock, patienceMs: Millis) {
    this.#clock = clock
    this.#lastAnswersMs = Math.max(LAST_ANSWERS_MS, patienceMs)
  }

  /** Gives what takes it away. */
  add(pipe: Pipe): () => void {
    this.#pipes.add(pipe)
    return () => void this.#pipes.delete(pipe)
  }

  get size(): number {
    return this.#pipes.size
  }

  /** Cuts what leads to a peer that does not serve any more. */
  moved(seat: Seat): void {
    this.#doubt?.clear()
    if (seat.type !== 'nobody') return this.#leave(seat)
    this.#doubt = this.#clock.setTimer(this.#clock.now() + DOUBT_MS, () => this.#leave(seat), { ref: false })
  }

  #leave(seat: Seat): void {
    const isEarlier = ({ to }: Pipe) => seat.type !== 'there' || to.identifier !== seat.peer.identifier
    const earlier = [...this.#pipes].filter(isEarlier)
    for (const pipe of earlier) if (pipe.isEndless) pipe.cut(notLeading(pipe.to))
    if (!earlier.some((pipe) => this.#pipes.has(pipe))) return
    const late = () => {
      for (const pipe of earlier) if (this.#pipes.has(pipe)) pipe.cut(notLeading(pipe.to))
    }
    this.#clock.setTimer(this.#clock.now() + this.#lastAnswersMs, late, { ref: false })
  }

  /** Cuts those whose caller may not have one any more. Gives how many these are. */
  review(faultOf: (caller: Caller) => CaucusError | undefined): number {
    let cut = 0
    for (const pipe of [...this.#pipes]) {
      const fault = pipe.isEndless ? faultOf(pipe.caller) : undefined
      if (fault === undefined) continue
      pipe.cut(fault)
      cut++
    }
    return cut
  }

  /** Ends what would not end by itself. */
  close(): void {
    this.#doubt?.clear()
    for (const pipe of [...this.#pipes]) if (pipe.isEndless) pipe.cut(stopping())
  }

  terminate(): void {
    for (const pipe of [...this.#pipes]) pipe.cut(stopping())
  }
}

const stopping = (): CaucusError => new CaucusError('CAUCUS_CONNECTION_LOST', 'this server is stopping')

/** It may have done what it was asked. */
const notLeading = ({ identifier }: PeerAddressed): CaucusError =>
  new CaucusError(
    'CAUCUS_CONNECTION_LOST',
    `${identifier}, who was asked, does not lead any more, and has not answered`,
  )

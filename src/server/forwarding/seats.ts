import type { Instant } from '../../core/time.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { PeersHosting, Seat } from '../../ports/peers.ts'

/** So many go on in one turn of the loop: thousands may have waited for the same moment. */
const AT_A_TIME = 100

interface Waiter {
  /** Whether that is what it waits for. */
  readonly goesOnAt: (seat: Seat) => boolean
  readonly goOn: () => void
  readonly timer: Timer
}

/** Who serves, and those who wait until somebody does. */
export class Seats {
  readonly #peers: Pick<PeersHosting, 'seat' | 'onSeat'>
  readonly #clock: Clock
  readonly #waiters = new Set<Waiter>()
  readonly #unwatch: () => void
  #turn: Timer | undefined

  /** `moved` is called whenever it may be somebody else, before anybody who waits goes on. */
  constructor(peers: Pick<PeersHosting, 'seat' | 'onSeat'>, clock: Clock, moved: (seat: Seat) => void) {
    this.#peers = peers
    this.#clock = clock
    this.#unwatch = peers.onSeat(() => {
      moved(this.now)
      this.release()
    })
  }

  /** Compared with the clock at every call. */
  get now(): Seat {
    return this.#peers.seat()
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.size
  }

  /** Calls `done` once: when the seat is such, or at this instant. Gives what ends the wait without a call. */
  wait(until: Instant, goesOnAt: (seat: Seat) => boolean, done: () => void): () => void {
    const end = () => {
      waiter.timer.clear()
      this.#waiters.delete(waiter)
    }
    const goOn = () => {
      end()
      done()
    }
    const waiter: Waiter = { goesOnAt, goOn, timer: this.#clock.setTimer(until, goOn) }
    this.#waiters.add(waiter)
    return end
  }

  /** Has those go on who may by now. */
  release(): void {
    if (this.#turn !== undefined) return
    const seat = this.now
    let left = AT_A_TIME
    for (const waiter of this.#waiters) {
      if (!waiter.goesOnAt(seat)) continue
      if (left-- === 0) {
        this.#turn = this.#clock.turn(() => {
          this.#turn = undefined
          this.release()
        })
        return
      }
      waiter.goOn()
    }
  }

  /** Whoever waits goes on at once. */
  close(): void {
    this.#unwatch()
    this.#turn?.clear()
    for (const waiter of [...this.#waiters]) waiter.goOn()
  }
}

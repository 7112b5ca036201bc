import type { Instant } from '../../../core/time.ts'
import type { Clock, Timer } from '../../../ports/clock.ts'
import type { LeaseId } from '../engine.ts'
import type { Asking, Connection, OpenStream } from './connection.ts'
import { cutOff, unanswered } from './failure.ts'

interface Answer {
  readonly ID: LeaseId
  /** In seconds; 0 for a lease that etcd does not know. */
  readonly TTL: string
}

/** All leases are kept alive by one stream, to the member that is asked at the time. */
export class KeepAlives {
  readonly #clock: Clock
  #line: Line | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** As `Connection.ask`. */
  ask(lease: LeaseId, connection: Connection, asking: Asking): Promise<boolean> {
    if (this.#line === undefined || this.#line.isOver || this.#line.connection !== connection) {
      this.#line?.end(cutOff('keeping a lease', 'another member of etcd is asked now'))
      this.#line = new Line(connection, asking.token, this.#clock)
    }
    return this.#line.ask(lease, asking)
  }
}

interface Waiter {
  answered(known: boolean): void
  failed(error: unknown): void
}

/** One stream. Answers carry the lease, and come in the order of the questions about it. */
class Line {
  readonly connection: Connection
  readonly #clock: Clock
  readonly #stream: OpenStream<{ ID: LeaseId }>
  readonly #waiting = new Map<LeaseId, Waiter[]>()
  #heardAt: Instant = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(connection: Connection, token: string | undefined, clock: Clock) {
    this.connection = connection
    this.#clock = clock
    this.#stream = connection.stream<{ ID: LeaseId }, Answer>('Lease', 'leaseKeepAlive', token, {
      heard: ({ ID, TTL }) => {
        this.#heardAt = clock.now()
        const [first, ...rest] = this.#waiting.get(ID) ?? []
        if (rest.length > 0) this.#waiting.set(ID, rest)
        else this.#waiting.delete(ID)
        first?.answered(Number(TTL) > 0)
      },
      ended: (error) => this.end(error),
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  ask(lease: LeaseId, { what, until, tryMs }: Asking): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const sentAt = this.#clock.now()
      let timer: Timer
      const waiter: Waiter = {
        answered: (known) => {
          timer.clear()
          resolve(known)
        },
        failed: (error) => {
          timer.clear()
          reject(error)
        },
      }
      const overdue = () => {
        const now = this.#clock.now()
        const isSilent = this.#heardAt <= sentAt
        if (!isSilent && now < until) return wait(until)
        const error = unanswered(what, `${this.connection.address.url} said nothing for ${Math.round(now - sentAt)} ms`)
        // Otherwise it keeps its place: its answer may still come, and is not the next one's.
        if (!isSilent) return waiter.failed(error)
        this.end(error)
        if (this.connection.isSilentSince(sentAt)) this.connection.close('it fell silent')
      }
      const wait = (at: Instant) => {
        timer = this.#clock.setTimer(at, () => {
          timer = this.#clock.turn(overdue)
        })
      }
      wait(Math.min(sentAt + tryMs, until))
      this.#waiting.set(lease, [...(this.#waiting.get(lease) ?? []), waiter])
      this.#stream.write({ ID: lease })
    })
  }

  end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream.cancel()
    const waiting = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    for (const waiter of waiting) waiter.failed(error)
  }
}

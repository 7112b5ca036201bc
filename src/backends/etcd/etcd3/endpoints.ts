import type { Instant, Millis } from '../../../core/time.ts'
import type { Clock } from '../../../ports/clock.ts'
import { Connection } from './connection.ts'
import { unreached } from './failure.ts'
import type { Address, CheckedEngine } from './options.ts'
import { byThen } from './wait.ts'

/** One member of etcd, with the connection to it if there is one. */
export class Endpoint {
  readonly address: Address
  readonly #clock: Clock
  readonly #open: () => Promise<Connection>
  #connection: Connection | undefined
  #opening: Promise<Connection> | undefined

  constructor(address: Address, options: CheckedEngine, connectMs: Millis, signal: AbortSignal) {
    this.address = address
    this.#clock = options.clock
    this.#open = () => Connection.open(address, options, connectMs, signal)
  }

  /** The one that stands, or another. Rejects with `CAUCUS_UNAVAILABLE`. */
  connection(until: Instant): Promise<Connection> {
    if (this.#connection !== undefined && !this.#connection.isOver) return Promise.resolve(this.#connection)
    const opening = this.#opening ?? this.#begin()
    return byThen(this.#clock, until, opening, () => unreached(`${this.address.url} does not answer`))
  }

  async close(): Promise<void> {
    this.#connection?.abandon()
    const late = await this.#opening?.catch(() => undefined)
    late?.abandon()
  }

  #begin(): Promise<Connection> {
    const opening = this.#open()
    this.#opening = opening
    opening
      .then((connection) => {
        this.#connection = connection
      })
      .catch(() => {
        // Whoever waits for it hears so; the next one tries again.
      })
      .finally(() => {
        this.#opening = undefined
      })
    return opening
  }
}

/** All members of etcd that we were told of, the one that is used first. */
export class Endpoints {
  #order: readonly Endpoint[]

  constructor(options: CheckedEngine, connectMs: Millis, signal: AbortSignal) {
    const { addresses, random } = options
    const all = addresses.map((address) => new Endpoint(address, options, connectMs, signal))
    const start = Math.floor(random() * all.length)
    this.#order = [...all.slice(start), ...all.slice(0, start)]
  }

  get size(): number {
    return this.#order.length
  }

  get first(): Endpoint {
    const [first] = this.#order
    if (first === undefined) throw new Error('there is always an endpoint')
    return first
  }

  /** It is tried again after all others. Of many calls that fail at once only the first one moves on. */
  failed(endpoint: Endpoint): void {
    if (this.first === endpoint) this.#order = [...this.#order.slice(1), endpoint]
  }

  async close(): Promise<void> {
    await Promise.all(this.#order.map((endpoint) => endpoint.close()))
  }
}

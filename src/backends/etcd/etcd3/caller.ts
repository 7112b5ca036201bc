import type { Millis } from '../../../core/time.ts'
import type { CaucusError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Asking, Connection, ServiceName } from './connection.ts'
import { Endpoints } from './endpoints.ts'
import { closedEngine, failureOf, isStaleToken, unreached } from './failure.ts'
import { Login } from './login.ts'
import type { CheckedEngine } from './options.ts'
import { pause } from './wait.ts'

export interface Manner {
  readonly what: string
  /** Doing it twice is as good as once: it may be tried at another member although the first may have done it. */
  readonly repeatable: boolean
}

/** A member may have forgotten a token again by the time the next call comes, but not for ever. */
const MAX_LOGINS = 3
/** How long a connection may take to be made: longer than anybody waits for it, so that a slow one is there for the next call. */
const CONNECT_MS = 10_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 500

/** Takes each call to some member of etcd that answers, within `requestMs`. */
export class Caller {
  readonly login: Login
  /** How long a member may take before the next one is asked: several fit into one call. */
  readonly #tryMs: Millis
  readonly #clock: Clock
  readonly #requestMs: Millis
  readonly #endpoints: Endpoints
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(options: CheckedEngine) {
    this.#clock = options.clock
    this.#requestMs = options.requestMs
    this.#tryMs = options.requestMs / Math.min(3, Math.max(2, options.addresses.length))
    this.login = new Login(options)
    this.#endpoints = new Endpoints(options, CONNECT_MS, this.#closing.signal)
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  call<Answer>(service: ServiceName, method: string, request: object, manner: Manner): Promise<Answer> {
    return this.run(manner, (connection, asking) => connection.ask<Answer>(service, method, request, asking))
  }

  /** Performs it on one member after the other until one answers. Rejects with what the failure means, with its own errors too. */
  run<T>(manner: Manner, perform: (connection: Connection, asking: Asking) => Promise<T>): Promise<T> {
    const running = this.#attempts(manner, perform)
    this.#underWay.add(running)
    const end = () => this.#underWay.delete(running)
    running.then(end, end)
    return running
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#endpoints.close()
    await Promise.allSettled(this.#underWay)
    // Node ends a socket in the turn after that in which its last stream ended.
    await new Promise<void>((resolve) => this.#clock.turn(() => this.#clock.turn(resolve)))
  }

  async #attempts<T>(
    { what, repeatable }: Manner,
    perform: (connection: Connection, asking: Asking) => Promise<T>,
  ): Promise<T> {
    const until = this.#clock.now() + this.#requestMs
    const several = this.#endpoints.size > 1
    let worst: CaucusError | undefined
    let logins = 0
    for (let failures = 0; ; ) {
      if (this.isClosed) throw closedEngine()
      if (this.#clock.now() >= until) throw worst ?? unreached('there was no time left')
      const endpoint = this.#endpoints.first
      let token: string | undefined
      try {
        const connection = await endpoint.connection(several ? Math.min(until, this.#clock.now() + this.#tryMs) : until)
        token = await this.login.token(connection, until, this.#tryMs)
        const givesUp = !repeatable ? 'never' : several ? 'early' : 'silence'
        return await perform(connection, { what, until, tryMs: this.#tryMs, givesUp, token })
      } catch (error) {
        if (this.isClosed) throw closedEngine()
        if (isStaleToken(error) && logins < MAX_LOGINS && this.login.refused(token)) {
          logins += 1
          continue
        }
        const failure = failureOf(what, error, endpoint.address.url)
        if (!mayGoOn(failure, repeatable)) throw failure
        // Of several failures the one is told after which it may have happened.
        if (worst === undefined || worst.definite) worst = failure
        this.#endpoints.failed(endpoint)
        failures += 1
        if (failures % this.#endpoints.size === 0) {
          const round = failures / this.#endpoints.size
          const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (round - 1))
          await pause(this.#clock, Math.min(pauseMs, Math.max(0, until - this.#clock.now())), this.#closing.signal)
        }
      }
    }
  }
}

const mayGoOn = ({ code }: CaucusError, repeatable: boolean): boolean =>
  code === 'CAUCUS_UNAVAILABLE' || (repeatable && (code === 'CAUCUS_TIMEOUT' || code === 'CAUCUS_CONNECTION_LOST'))

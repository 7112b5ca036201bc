import type { Instant, Millis } from '../../../core/time.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Asking, Connection } from './connection.ts'
import { failureOf, isAuthSwitchedOff, unanswered } from './failure.ts'
import type { CheckedEngine } from './options.ts'
import { byThen } from './wait.ts'

const WHAT = 'logging in'

/** The token that a user and a password are exchanged for. etcd forgets it when it is not used for a while, and when a member restarts. */
export class Login {
  readonly #login: CheckedEngine['login']
  readonly #clock: Clock
  #known: { readonly token: string | undefined } | undefined
  #asking: Promise<string | undefined> | undefined

  constructor({ login, clock }: CheckedEngine) {
    this.#login = login
    this.#clock = clock
    if (login === undefined) this.#known = { token: undefined }
  }

  /** `undefined` where none is needed. Rejects with what the failure means. */
  token(connection: Connection, until: Instant, tryMs: Millis): Promise<string | undefined> {
    if (this.#known !== undefined) return Promise.resolve(this.#known.token)
    this.#asking ??= this.#ask(connection, until, tryMs).finally(() => {
      this.#asking = undefined
    })
    return byThen(this.#clock, until, this.#asking, () => unanswered(WHAT, 'it took too long'))
  }

  /** It is not taken any more. Gives whether another one can be had. */
  refused(token: string | undefined): boolean {
    if (this.#login === undefined) return false
    if (this.#known?.token === token) this.#known = undefined
    return true
  }

  async #ask(connection: Connection, until: Instant, tryMs: Millis): Promise<string | undefined> {
    const asking: Asking = { what: WHAT, until, tryMs, givesUp: 'early', token: undefined }
    const request = { name: this.#login?.user, password: this.#login?.password }
    try {
      const { token } = await connection.ask<{ token: string }>('Auth', 'authenticate', request, asking)
      this.#known = { token }
      return token
    } catch (error) {
      if (!isAuthSwitchedOff(error)) throw failureOf(WHAT, error, connection.address.url)
      this.#known = { token: undefined }
      return undefined
    }
  }
}

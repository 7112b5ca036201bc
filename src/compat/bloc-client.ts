import { randomUUID } from 'node:crypto'
import { idFault } from '../core/ids.ts'
import { CaucusError } from '../errors.ts'
import { systemClocks } from '../runtime/system-clock.ts'
import { BlocHttp } from './bloc-http.ts'
import { BlocPoll } from './bloc-poll.ts'
import { LONGEST_MS } from './bloc-reply.ts'

/** Everything of a `BlocClient` that need not be said. */
export interface BlocClientOptions {
  /** This member's name, at most 256 bytes of UTF-8. No two clients may have the same one. Default: a random one. */
  readonly sessionId?: string
  /** Told why a poll failed, or the leave at the end; the slot is gone by then. Default: nobody is told, and the slot is `null`. */
  readonly onError?: (error: CaucusError) => void
}

/**
 * A member of a group on bloc's wire, by the names that bloc's own client has.
 *
 * `getIndexTotal()` never says a slot that another `BlocClient` of the same Caucus server may already have: it is compared with the clock
 * at each call, counted from when its poll was *sent*. Against the original server the slot is as good as that server's settings: it must
 * settle for at least two intervals (docs/limits.md).
 */
export class BlocClient implements AsyncDisposable {
  readonly sessionId: string
  readonly #server: URL
  readonly #intervalMs: number
  readonly #onError: (error: CaucusError) => void
  #poll: BlocPoll | undefined
  #left: Promise<void> = Promise.resolve()

  /** `server` is `host:port`, as for the original, or a URL. Bad arguments are `CAUCUS_INVALID_ARGUMENT`. */
  constructor(server: string, intervalSeconds: number, options: BlocClientOptions = {}) {
    this.#server = parseServer(server)
    this.#intervalMs = parseInterval(intervalSeconds)
    checkOptions(options)
    this.sessionId = options.sessionId ?? randomUUID()
    // Without a listener the slot itself says that something is wrong: it is null.
    this.#onError = options.onError ?? (() => {})
  }

  /** Joins and polls, until `stopService`; keeps the process alive meanwhile. Does nothing when it has been started already. */
  startService(): void {
    if (this.#poll !== undefined) return
    const poll = new BlocPoll({
      wire: new BlocHttp(this.#server, this.sessionId),
      intervalMs: this.#intervalMs,
      clock: systemClocks.holder,
      onError: this.#onError,
    })
    this.#poll = poll
    // A leave that is still on its way must not end the session that begins here.
    void this.#left.then(() => poll.begin())
  }

  /**
   * Leaves: from this call on there is no slot. Resolves when the server was told so, or after a second without an answer; it never rejects,
   * since the server drops a silent member anyway (`onError` is told).
   */
  stopService(): Promise<void> {
    const poll = this.#poll
    if (poll === undefined) return this.#left
    this.#poll = undefined
    this.#left = Promise.all([this.#left, poll.stop()]).then(() => {})
    return this.#left
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stopService()
  }

  /**
   * This member's index, from 1, and how many members there are; `null` while the group settles, out of touch or out of lease, and when not
   * started. Ask again before each piece of work.
   */
  getIndexTotal(): [index: number, total: number] | null {
    return this.#poll?.read() ?? null
  }
}

const OPTIONS = ['sessionId', 'onError']

const invalid = (message: string): CaucusError => new CaucusError('CAUCUS_INVALID_ARGUMENT', message)

const parseServer = (server: unknown): URL => {
  const refuse = (why: string) => invalid(`server: ${JSON.stringify(server)} ${why}; say "host:8989" or a URL`)
  if (typeof server !== 'string') throw refuse('is no string')
  const isUrl = server.includes('://')
  if (!isUrl && !/^[^/?#@]+:\d+$/.test(server)) throw refuse('has no port or is no address')
  if (/[\s\\]/.test(server)) throw refuse('has a space or a backslash in it')
  const url = URL.canParse(isUrl ? server : `http://${server}`)
    ? new URL(isUrl ? server : `http://${server}`)
    : undefined
  if (url === undefined) throw refuse('is no address')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('is neither http nor https')
  if (url.port === '0') throw refuse('has port 0')
  if (url.username !== '' || url.password !== '') throw refuse('has a user name in it')
  if (url.search !== '' || url.hash !== '') throw refuse('has a query or a fragment')
  return url
}

const parseInterval = (intervalSeconds: unknown): number => {
  const intervalMs = typeof intervalSeconds === 'number' ? intervalSeconds * 1_000 : Number.NaN
  if (intervalMs >= 1 && intervalMs <= LONGEST_MS) return intervalMs
  throw invalid(
    `intervalSeconds: ${String(intervalSeconds)} is not a number of seconds from 0.001 to ${LONGEST_MS / 1000}`,
  )
}

const checkOptions = (options: BlocClientOptions): void => {
  if (typeof options !== 'object' || options === null) throw invalid('options: not an object')
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (unknown !== undefined) throw invalid(`options: there is no "${unknown}"; there is ${OPTIONS.join(' and ')}`)
  const { sessionId, onError } = options
  if (onError !== undefined && typeof onError !== 'function') throw invalid('onError: not a function')
  if (sessionId !== undefined) checkSessionId(sessionId)
}

const checkSessionId = (sessionId: string): void => {
  const fault = idFault(sessionId, 'sessionId')
  if (fault !== undefined) throw invalid(fault)
  // HTTP drops white space around a header's value, so another id would arrive than the one given.
  if (sessionId !== sessionId.trim()) throw invalid('sessionId begins or ends with white space')
}

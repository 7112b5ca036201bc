import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import type { Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { systemClocks } from '../../runtime/system-clock.ts'
import { orAborted, sleep } from '../../runtime/wait.ts'
import type { Cable, CableSink, Came, OpenCable, Subscription } from './cable.ts'
import type { Login, SoundNats } from './options.ts'

/** How often a server is tried again, at first and once it was reached. */
const RETRY_MS: Millis = 250
/** How long one of several servers may take to answer. */
const DIAL_MS: Millis = 5_000
/** The client finds out within two of these that a server says nothing any more. */
const PING_INTERVAL_MS: Millis = 5_000
/** What may be on its way to the server before something is refused. */
const MAX_UNCONFIRMED_BYTES = 16 * 2 ** 20
/** So often the server is asked how far it is. */
const CONFIRM_EVERY_BYTES = 2 ** 20
/** A server that takes less could not carry what a producer says about itself, or an error. */
const LEAST_PAYLOAD_BYTES = 64 * 1024
const NO_RESPONDERS = 503

/** The real thing, over NATS' own client. */
export const natsCable =
  (options: SoundNats): OpenCable =>
  async (sink, { signal }) => {
    checkLogin(options.login)
    const connection = await reached(options, signal)
    const { max_payload: maxPayload = 0 } = connection.info ?? {}
    if (maxPayload < LEAST_PAYLOAD_BYTES) {
      await connection.close()
      const why = `the NATS server takes messages of at most ${maxPayload} bytes; set its max_payload to ${LEAST_PAYLOAD_BYTES} or more`
      throw new CaucusError('CAUCUS_INVALID_CONFIG', why)
    }
    return new NatsCable(connection, sink)
  }

class NatsCable implements Cable {
  readonly #connection: NatsConnection
  readonly #sink: CableSink
  readonly #subscriptions = new Set<Subscription>()
  #isUp = true
  #isClosed = false
  /** In bytes, since the server was reached; a confirmation is of all that was published before it was asked for. */
  #published = 0
  #confirmed = 0
  #askedAt = 0

  constructor(connection: NatsConnection, sink: CableSink) {
    this.#connection = connection
    this.#sink = sink
    void this.#watch()
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? LEAST_PAYLOAD_BYTES
  }

  get isFull(): boolean {
    return this.#published - this.#confirmed > MAX_UNCONFIRMED_BYTES
  }

  publish(subject: string, bytes: Uint8Array, replyTo?: string): void {
    if (!this.#isUp) return
    try {
      this.#connection.publish(subject, bytes, replyTo === undefined ? undefined : { reply: replyTo })
    } catch (error) {
      // Closed in this very moment, which `lost` is about to tell.
      return this.#sink.refused(told(error))
    }
    this.#published += bytes.length
    if (this.#published - this.#askedAt >= CONFIRM_EVERY_BYTES) void this.confirmed()
  }

  subscribe(subject: string, heard: (came: Came) => void): Subscription {
    const subscribed = this.#isUp
      ? this.#connection.subscribe(subject, {
          callback: (error, message) => {
            if (error === null) heard(new Message(message))
          },
        })
      : undefined
    const subscription = {
      end: () => {
        this.#subscriptions.delete(subscription)
        subscribed?.unsubscribe()
      },
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  async confirmed(): Promise<boolean> {
    if (!this.#isUp) return false
    const published = this.#published
    this.#askedAt = published
    try {
      await this.#connection.flush()
    } catch {
      // The connection was lost meanwhile, and says so by itself.
      return false
    }
    this.#confirmed = Math.max(this.#confirmed, published)
    return true
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    // What was said last is to arrive, but nobody waits long for a server that does not take it.
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, RETRY_MS)
    })
    await Promise.race([this.confirmed(), patience])
    clearTimeout(timer)
    await this.#connection.close()
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (this.#isClosed) return
      if (status.type === 'disconnect') this.#lost('the connection to NATS has ended')
      else if (status.type === 'staleConnection') this.#lost('NATS has said nothing for too long')
      else if (status.type === 'reconnect') this.#opened()
      else if (status.type === 'error') this.#sink.refused(told(status.error))
    }
    // It has given up for good, and says nothing more.
    if (!this.#isClosed) this.#lost("NATS' client has closed the connection")
  }

  #lost(reason: string): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#published = 0
    this.#confirmed = 0
    this.#askedAt = 0
    // The client would make them again by itself; what is needed is made anew under another number.
    for (const subscription of [...this.#subscriptions]) subscription.end()
    this.#sink.lost(reason)
  }

  #opened(): void {
    if (this.#isUp) return
    this.#isUp = true
    this.#sink.opened()
  }
}

/** There are a great many of them, and mostly nobody asks for more than the bytes. */
class Message implements Came {
  readonly #message: Msg

  constructor(message: Msg) {
    this.#message = message
  }

  get bytes(): Uint8Array {
    return this.#message.data
  }

  get isNobody(): boolean {
    return this.#message.data.length === 0 && this.#message.headers?.code === NO_RESPONDERS
  }

  get subject(): string {
    return this.#message.subject
  }
}

/** Tries until somebody answers; what no further attempt can mend is thrown at once. */
const reached = async (options: SoundNats, signal: AbortSignal | undefined): Promise<NatsConnection> => {
  const until = performance.now() + options.connectTimeoutMs
  for (;;) {
    const leftMs = until - performance.now()
    const dialMs = Math.min(Math.max(leftMs, RETRY_MS), DIAL_MS)
    const attempt = () => connect(connectionOptions(options, dialMs))
    try {
      return await orAborted(signal, attempt, (late) => void late.close())
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const failure = told(error, options)
      if (!failure.retriable || performance.now() + RETRY_MS >= until) throw failure
    }
    await sleep(systemClocks.grantor, RETRY_MS, { signal })
  }
}

const connectionOptions = ({ servers, login, tls, name }: SoundNats, timeoutMs: Millis): ConnectionOptions => ({
  servers: [...servers],
  timeout: timeoutMs,
  // Its attempts to get in again never end; ours to get in at all do.
  maxReconnectAttempts: -1,
  reconnectDelayHandler: () => RETRY_MS * (0.5 + Math.random()),
  ignoreAuthErrorAbort: true,
  pingInterval: PING_INTERVAL_MS,
  noAsyncTraces: true,
  ...(name !== undefined && { name }),
  ...loginOptions(login),
  ...(tls !== undefined && {
    tls: {
      ...(tls.ca !== undefined && { ca: String(tls.ca) }),
      ...(tls.cert !== undefined && { cert: String(tls.cert) }),
      ...(tls.key !== undefined && { key: String(tls.key) }),
    },
  }),
})

const loginOptions = (login: Login | undefined): ConnectionOptions => {
  if (login === undefined) return {}
  if ('token' in login) return { token: login.token }
  if ('credentials' in login) return { authenticator: credsAuthenticator(login.credentials) }
  if ('nkeySeed' in login) return { authenticator: nkeyAuthenticator(login.nkeySeed) }
  return { user: login.user, ...(login.password !== undefined && { pass: login.password }) }
}

/** What no server has to be asked for: whether a seed is one. Throws `CAUCUS_INVALID_ARGUMENT`, without a word of what was given. */
const checkLogin = (login: Login | undefined): void => {
  const { authenticator } = loginOptions(login)
  if (login === undefined || typeof authenticator !== 'function') return
  const what = 'credentials' in login ? 'credentials' : 'nkeySeed'
  try {
    authenticator('nonce')
  } catch {
    // Its words are about bytes of a secret.
    throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `nats({ ${what} }) is damaged: NATS' client cannot sign with it`)
  }
}

/** What NATS' client says, in our words. */
const told = (error: unknown, options?: SoundNats): CaucusError => {
  if (isCaucusError(error)) return error
  const why = error instanceof Error ? error.message : String(error)
  const where = options === undefined ? 'NATS' : `NATS at ${options.servers.join(', ')}`
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
    const advice = 'check user and password, token, credentials or nkeySeed'
    return new CaucusError('CAUCUS_UNAUTHORIZED', `${where} does not let us in (${why}); ${advice}`, { cause: error })
  }
  if (error instanceof PermissionViolationError) {
    const advice = 'let this user publish and subscribe to everything below the prefix'
    return new CaucusError('CAUCUS_FORBIDDEN', `${where} does not allow it: ${why}; ${advice}`, { cause: error })
  }
  if (isTlsFault(error)) {
    return new CaucusError(
      'CAUCUS_INVALID_CONFIG',
      `no secure connection to ${where}: ${why}; check tls.ca, and whether the server has TLS`,
      { cause: error },
    )
  }
  return new CaucusError('CAUCUS_UNAVAILABLE', `${where} cannot be reached: ${why}`, { cause: error })
}

/** A certificate that nobody here trusts, or TLS that only one side wants: trying again changes nothing. */
const isTlsFault = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string' && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code)) return true
  return /\btls\b/i.test(error.message) || (cause !== undefined && cause !== error && isTlsFault(cause))
}

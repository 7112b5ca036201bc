import type { CoordinatorMessage, Hello, MemberMessage } from '../../core/group/messages.ts'
import type { Instant, Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { LinkEvent } from '../../ports/backend.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { CoordinatorLink, LinkSink, TopicsSink } from '../../ports/link.ts'
import type { FrameSocket, OpenSocket, TlsOptions } from '../../ports/socket.ts'
import { BackOff } from '../../runtime/back-off.ts'
import { SilenceWatch } from '../../runtime/silence-watch.ts'
import { decodeCoordinatorFrame, encodeFrames, LINK_PATH } from '../../wire/frames.ts'
import { refusedFor1 } from '../../wire/v1.ts'
import { isSpoken, LINK_SUBPROTOCOLS, type Protocol } from '../../wire/versions.ts'

export interface RemoteLinkOptions {
  /** The servers' base URLs, without a slash at the end. */
  readonly urls: readonly string[]
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
  readonly clock: Clock
  readonly openSocket: OpenSocket
  /** In [0, 1). */
  random(): number
  /** The longest pause between two attempts. */
  readonly reconnectMaxMs: Millis
  /** How long nothing may be heard before the other side is asked; after two and a half times that it is taken for gone. */
  readonly heartbeatMs: Millis
  /** Who talks about topics over it. */
  readonly topics?: TopicsSink
  tell(event: LinkEvent): void
}

/** How long a server may take to close its side. */
const CLOSE_LIMIT_MS: Millis = 500
const HANDSHAKE_LIMIT_MS: Millis = 5_000

/**
 * One WebSocket to one of several servers, made again whenever it is lost, with full jitter so that a restarted server is not run
 * over by all its clients at once. Frames of one turn of the loop go out in one write.
 */
export class RemoteLink implements CoordinatorLink {
  readonly #options: RemoteLinkOptions
  readonly #sink: LinkSink
  #socket: FrameSocket | undefined
  #hello: Hello | undefined
  /** The version that the server chose: its hello says so. */
  #protocol: Protocol | undefined
  /** Of several servers only those of one cluster will do. */
  #clusterId: string | undefined
  #url = 0
  readonly #backOff: BackOff
  readonly #silence: SilenceWatch
  #pending: MemberMessage[] = []
  #openedAt: Instant = 0
  #retry: Timer | undefined
  /** Whether whoever talks about topics knows of this server. */
  #isTopicsTold = false
  /** From the first moment of closing on. */
  #closing = false
  #closed: Promise<void> | undefined

  constructor(options: RemoteLinkOptions, sink: LinkSink) {
    this.#options = options
    this.#sink = sink
    const { clock, random, reconnectMaxMs, heartbeatMs } = options
    this.#backOff = new BackOff(random, reconnectMaxMs)
    this.#silence = new SilenceWatch({
      clock,
      quietMs: heartbeatMs,
      ask: () => this.#socket?.ping(),
      silent: (forMs) =>
        this.#leave(
          new CaucusError('CAUCUS_CONNECTION_LOST', `${this.url} has said nothing for ${Math.round(forMs)} ms`),
          { fellSilent: true },
        ),
    })
    this.#connect()
  }

  /** The server that is talked to, or tried. */
  get url(): string {
    return this.#options.urls[this.#url] as string
  }

  get hello(): Hello | undefined {
    return this.#hello
  }

  send(messages: readonly MemberMessage[]): void {
    if (this.#hello === undefined) return
    if (this.#pending.length === 0) queueMicrotask(() => this.#flush())
    for (const message of messages) this.#pending.push(message)
  }

  reject(): void {
    const instanceId = this.#hello?.instanceId
    this.#leave(
      new CaucusError(
        'CAUCUS_CONFLICT',
        `${this.url} is another server (${instanceId}) than the one that this process still holds a share from; it is used once that has run out`,
      ),
    )
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing = true
    this.#retry?.clear()
    this.#silence.stop()
    this.#flush()
    const socket = this.#socket
    this.#socket = undefined
    this.#hello = undefined
    this.#closeTopics('it was closed by this side')
    if (socket === undefined) return
    const { clock } = this.#options
    await new Promise<void>((resolve) => {
      const limit = clock.setTimer(clock.now() + CLOSE_LIMIT_MS, () => socket.terminate())
      socket.close(() => {
        limit.clear()
        resolve()
      })
    })
  }

  #flush(): void {
    const messages = this.#pending
    this.#pending = []
    // Kept here: a socket that takes no more ends within the call, and with it what this link knows of it.
    const socket = this.#socket
    if (messages.length === 0 || socket === undefined) return
    const told = this.#protocol === 1 ? this.#tellable(messages) : messages
    if (told.length === 0) return
    for (const frame of encodeFrames(told, this.#protocol)) socket.send(frame)
  }

  /** Without what an older server would end the link for: that is refused in its place. */
  #tellable(messages: readonly MemberMessage[]): readonly MemberMessage[] {
    const refusals = messages.flatMap((message) => refusedFor1(message) ?? [])
    if (refusals.length === 0) return messages
    this.#sink.received(refusals)
    return messages.filter((message) => refusedFor1(message) === undefined)
  }

  #connect(): void {
    const { token, tls, openSocket } = this.#options
    this.#silence.heard()
    const socket: FrameSocket = openSocket(
      {
        url: `${this.url.replace(/^http/, 'ws')}${LINK_PATH}`,
        subprotocols: LINK_SUBPROTOCOLS,
        token,
        tls,
        handshakeTimeoutMs: HANDSHAKE_LIMIT_MS,
      },
      {
        opened: () => this.#silence.start(),
        heard: () => this.#silence.heard(),
        text: (frame) => {
          if (socket === this.#socket) this.#taken(frame)
        },
        bytes: (frame) => {
          if (socket === this.#socket) this.#taken(frame)
        },
        closed: (error) => {
          if (socket === this.#socket) this.#lost(error)
        },
      },
    )
    this.#socket = socket
  }

  /** Whatever a server sends, it ends no more than its own connection. */
  #taken(frame: string | Uint8Array): void {
    try {
      if (typeof frame === 'string') this.#take(frame)
      else this.#takeBytes(frame)
    } catch (cause) {
      this.#leave(new CaucusError('CAUCUS_PROTOCOL', `${this.url} sent what cannot be taken`, { cause }))
    }
  }

  #take(frame: string): void {
    const messages = decodeCoordinatorFrame(frame, this.#protocol)
    if (typeof messages === 'string') {
      this.#leave(new CaucusError('CAUCUS_PROTOCOL', `${this.url} cannot be understood: ${messages}`))
    } else if (this.#hello === undefined) this.#greet(messages)
    else this.#sink.received(messages)
  }

  #takeBytes(frame: Uint8Array): void {
    const { topics } = this.#options
    const fault =
      this.#isTopicsTold && topics !== undefined ? topics.taken(frame) : 'it sent bytes that nobody waits for'
    if (fault !== undefined) {
      this.#leave(new CaucusError('CAUCUS_PROTOCOL', `${this.url} cannot be understood: ${fault}`))
    }
  }

  #greet(messages: readonly CoordinatorMessage[]): void {
    const [hello, ...rest] = messages
    if (hello?.type !== 'hello') {
      return this.#leave(new CaucusError('CAUCUS_PROTOCOL', `${this.url} did not begin with a hello`))
    }
    const { urls, tell } = this.#options
    const expected = urls.length > 1 ? (this.#clusterId ?? hello.clusterId) : hello.clusterId
    if (expected !== hello.clusterId) {
      return this.#leave(
        new CaucusError(
          'CAUCUS_CONFLICT',
          `${this.url} belongs to the cluster "${hello.clusterId}" and not to "${expected}"; list the servers of one cluster only`,
        ),
      )
    }
    this.#clusterId = hello.clusterId
    this.#hello = hello
    this.#protocol = isSpoken(hello.protocol) ? hello.protocol : undefined
    this.#openedAt = this.#options.clock.now()
    tell({ type: 'link.opened', url: this.url, instanceId: hello.instanceId, generation: hello.generation })
    this.#sink.opened(hello)
    this.#openTopics()
    if (rest.length > 0) this.#sink.received(rest)
  }

  /** After the memberships, which may have found that this server will not do. */
  #openTopics(): void {
    const socket = this.#socket
    if (socket === undefined || this.#hello === undefined) return
    this.#isTopicsTold = true
    this.#options.topics?.opened({
      url: this.url,
      hasTopics: this.#protocol !== undefined && this.#protocol >= 2,
      get bufferedBytes() {
        return socket.bufferedBytes ?? 0
      },
      sendBytes: (frame) => socket.sendBytes(frame),
    })
  }

  #closeTopics(reason: string): void {
    if (!this.#isTopicsTold) return
    this.#isTopicsTold = false
    this.#options.topics?.lost(reason)
  }

  /** Away from a server that will not do, and on to the next one. */
  #leave(error: CaucusError, how: { readonly fellSilent?: boolean } = {}): void {
    const socket = this.#socket
    this.#lost(error, how)
    socket?.fail(error)
  }

  #lost(error: CaucusError, { fellSilent = false }: { readonly fellSilent?: boolean } = {}): void {
    const url = this.url
    const { tell, urls, clock, reconnectMaxMs } = this.#options
    const opened = this.#hello !== undefined
    const refused = !opened || error.code !== 'CAUCUS_CONNECTION_LOST'
    if (!refused && clock.now() - this.#openedAt > reconnectMaxMs) this.#backOff.reset()
    else if (opened) this.#backOff.lengthen()
    this.#socket = undefined
    this.#hello = undefined
    this.#pending = []
    this.#silence.stop()
    if (this.#closing) return
    this.#again()
    // The next server, unless it was this one that we had until now: it may be back at once. Not one that fell silent: it may stand still.
    if (!opened || error.code === 'CAUCUS_CONFLICT' || fellSilent) this.#url = (this.#url + 1) % urls.length
    tell(refused ? { type: 'link.refused', url, error } : { type: 'link.lost', url, reason: error.message })
    if (opened) this.#sink.closed(error.message)
    this.#closeTopics(error.message)
  }

  #again(): void {
    const { clock } = this.#options
    this.#retry?.clear()
    this.#retry = clock.setTimer(clock.now() + this.#backOff.nextPauseMs(), () => this.#connect())
  }
}

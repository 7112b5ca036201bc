import { setMaxListeners } from 'node:events'
import type { Timing } from '../../config/timing.ts'
import type { TopicView } from '../../core/dispatch/messages.ts'
import type { GroupView } from '../../core/group/view.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Backend, LinkEvent, Present } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { Guarantees, RecordedEvent } from '../../ports/hosting.ts'
import type { RegistryPort } from '../../ports/registry.ts'
import { History } from '../../runtime/history.ts'
import { MembershipDriver } from '../../runtime/membership-driver.ts'
import { sleep } from '../../runtime/wait.ts'
import { eventData } from './event-stream.ts'
import { failureOf } from './failure.ts'
import { RemoteLink } from './link.ts'
import { linked } from './linked.ts'
import type { checkedRemote } from './options.ts'
import { remoteRegistry } from './registry.ts'
import type { GetOptions, Surroundings } from './surroundings.ts'
import { RemoteTopics } from './topics/topics.ts'

type Told = RecordedEvent | { readonly type: 'gap'; readonly dropped: number | undefined }

/** A server tells its streams every 15 s that it is there. */
const STREAM_SILENCE_MS = 45_000
const ANSWER_SILENCE_MS = 10_000
/** Promised by every server, until it has said more. */
const LEAST: Guarantees = { exclusion: 'leased', survivesRestart: false, survivesPartition: false }

/** Resolves with a backend that has reached a server; otherwise nothing of it is left. */
export const openRemote = async (
  options: ReturnType<typeof checkedRemote>,
  around: Surroundings,
  signal: AbortSignal | undefined,
): Promise<Backend> => {
  const backend = new RemoteBackend(options, around)
  try {
    await backend.ready(options.connectTimeoutMs, signal)
    return backend
  } catch (error) {
    await backend.close()
    throw error
  }
}

export class RemoteBackend implements Backend {
  readonly clocks: Clocks
  readonly timing: Timing
  readonly topics: RemoteTopics
  readonly registry: RegistryPort
  readonly #around: Surroundings
  readonly #asking: Pick<GetOptions, 'token' | 'tls'>
  readonly #members: MembershipDriver
  readonly #events = new History<LinkEvent>()
  /** Ends requests that are under way when the backend is closed. */
  readonly #closing = new AbortController()
  readonly #urls: readonly string[]
  #link: RemoteLink | undefined
  #guarantees = LEAST
  #closed: Promise<void> | undefined

  constructor({ urls, token, tls, timing }: ReturnType<typeof checkedRemote>, around: Surroundings) {
    const { clocks, openSocket } = around
    this.clocks = clocks
    this.timing = timing
    this.#around = around
    this.#urls = urls
    this.#asking = { token, tls }
    // One for each request and each reader, released with it: their number is no leak.
    setMaxListeners(0, this.#closing.signal)
    const { heartbeatMs, reconnectMaxMs } = this.timing
    const random = () => around.random()
    this.topics = new RemoteTopics({
      clock: clocks.grantor,
      soon: around.soon ?? ((run) => void clocks.grantor.turn(run)),
      view: (topic, signal) => this.#found<TopicView>(`/v1/topics/${encodeURIComponent(topic)}`, signal),
    })
    this.registry = remoteRegistry((path, signal) => this.#getJson(path, signal))
    const { topics } = this
    const linkOptions = {
      urls,
      token,
      tls,
      clock: clocks.grantor,
      openSocket,
      random,
      heartbeatMs,
      reconnectMaxMs,
      topics,
    }
    this.#members = new MembershipDriver({
      clock: clocks.holder,
      open: (sink) => {
        this.#link = new RemoteLink({ ...linkOptions, tell: (event) => this.#events.record(event) }, sink)
        return this.#link
      },
    })
  }

  get guarantees(): Guarantees {
    return this.#guarantees
  }

  /** Resolves once a server has said hello and what it promises. */
  async ready(limitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const refusals = new Map<string, CaucusError>()
    const events = this.#events.events({ signal })
    const limit = this.clocks.grantor.setTimer(this.clocks.grantor.now() + limitMs, () => {
      events.fail(unreachable(this.#urls, limitMs, refusals))
    })
    try {
      for await (const event of events) {
        if (event.type === 'link.opened') break
        if (event.type !== 'link.refused') continue
        refusals.set(event.url, event.error)
        // Whoever was refused by all of them for good need not go on asking.
        if ([...refusals.values()].every(({ retriable }) => !retriable) && refusals.size === this.#urls.length) {
          throw event.error
        }
      }
    } finally {
      limit.clear()
    }
    try {
      const { guarantees } = (await this.#getJson('/healthz', signal)) as { guarantees?: Guarantees }
      this.#guarantees = guarantees ?? LEAST
    } catch {
      // The link is what counts. Whoever does not say what it promises is taken to promise the least.
      signal?.throwIfAborted()
    }
  }

  newId(): string {
    return this.#around.newId()
  }

  join(...[request, listener]: Parameters<Backend['join']>) {
    return this.#members.join(request, listener)
  }

  async groups({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<readonly GroupView[]> {
    const { groups } = (await this.#getJson('/v1/groups', signal)) as { groups?: readonly GroupView[] }
    if (Array.isArray(groups)) return groups
    throw new CaucusError('CAUCUS_PROTOCOL', `${this.#url} answered without groups; is it a caucus server?`)
  }

  async group(name: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<GroupView | undefined> {
    return this.#found<GroupView>(`/v1/groups/${encodeURIComponent(name)}`, signal)
  }

  async present(group: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Present> {
    const path = `/v1/groups/${encodeURIComponent(group)}/history?limit=1&view=true`
    type Past = { readonly view?: GroupView; readonly events?: readonly RecordedEvent[] }
    const past = await this.#found<Past>(path, signal)
    return { view: past?.view, revision: past?.events?.at(-1)?.revision }
  }

  /**
   * Goes on where it was when the stream breaks; a server that has forgotten that place says so with a `gap`. So does this when there
   * is no such place yet: what happened until the stream was open again was missed.
   */
  async *events({ group, after, signal }: Parameters<Backend['events']>[0]): AsyncGenerator<Told, undefined> {
    const ended = linked(this.#closing.signal, signal)
    let last = after
    try {
      for (let broken = false; ; broken = true) {
        try {
          for await (const told of this.#stream(group, last, broken && last === undefined, ended.signal)) {
            if ('revision' in told) last = told.revision
            yield told
          }
        } catch (error) {
          signal?.throwIfAborted()
          if (this.#closing.signal.aborted) return undefined
          if (!isCaucusError(error) || !error.retriable) throw error
        }
        await sleep(this.clocks.grantor, this.#around.random() * this.timing.reconnectMaxMs, { signal: ended.signal })
      }
    } catch (error) {
      if (this.#closing.signal.aborted && !signal?.aborted) return undefined
      throw error
    } finally {
      ended.release()
    }
  }

  async *#stream(
    group: string,
    after: string | undefined,
    missed: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Told, undefined> {
    const url = `${this.#url}/v1/groups/${encodeURIComponent(group)}/events`
    const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': after }) }
    const answer = await this.#around.http.get(url, { ...this.#asking, headers, signal, silenceMs: STREAM_SILENCE_MS })
    try {
      if (missed) yield { type: 'gap', dropped: undefined }
      for await (const data of eventData(answer)) {
        const told = JSON.parse(data) as RecordedEvent | { type: 'gap'; dropped: number | null }
        yield 'revision' in told ? told : { type: 'gap', dropped: told.dropped ?? undefined }
      }
    } catch (error) {
      throw failureOf(url, error, signal)
    } finally {
      answer.destroy()
    }
    return undefined
  }

  linkEvents(options: Parameters<Backend['linkEvents']>[0]) {
    return this.#events.events(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort(new CaucusError('CAUCUS_CLOSED', 'this connection has been closed'))
    this.#events.close()
    this.topics.close()
    await this.#members.close()
  }

  get #url(): string {
    return this.#link?.url ?? (this.#urls[0] as string)
  }

  /** What is there, or `undefined`. */
  async #found<View>(path: string, signal: AbortSignal | undefined): Promise<View | undefined> {
    try {
      return (await this.#getJson(path, signal)) as View
    } catch (error) {
      if (isCaucusError(error) && error.code === 'CAUCUS_NOT_FOUND') return undefined
      throw error
    }
  }

  async #getJson(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    const ended = linked(this.#closing.signal, signal)
    try {
      const asking = { ...this.#asking, signal: ended.signal, silenceMs: ANSWER_SILENCE_MS }
      return await this.#around.http.getJson(`${this.#url}${path}`, asking)
    } finally {
      ended.release()
    }
  }
}

const unreachable = (urls: readonly string[], limitMs: number, refusals: ReadonlyMap<string, CaucusError>) => {
  const why = [...refusals.values()].map(({ message }) => message).join('; ')
  return new CaucusError(
    'CAUCUS_UNAVAILABLE',
    `no server of ${urls.join(', ')} could be reached within ${limitMs} ms: ${why || 'no answer'}`,
    { details: { urls } },
  )
}

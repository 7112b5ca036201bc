import type { GroupSettings } from '../../core/group/book.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { FoundationStore } from '../../ports/store.ts'
import type { Telemetry } from '../../ports/telemetry.ts'
import type { TopicsHosting } from '../../ports/topics-hosting.ts'
import { hostCoordinator } from '../../runtime/coordinator-host.ts'
import { TopicsHost } from '../../runtime/dispatch/topics-host.ts'
import { Links } from '../../server/links.ts'
import { silentLogger } from '../../server/logger.ts'
import { STREAM_WINDOW_BYTES } from '../../wire/limits.ts'
import { negotiated, offerFault, type Protocol, versionsIn } from '../../wire/versions.ts'
import type { EventLoop } from './event-loop.ts'
import { COORDINATOR } from './network.ts'
import { tapped } from './topic-tap.ts'
import type { Findings } from './violation.ts'
import type { WebServer } from './web.ts'
import type { Door, FarEnd } from './wire.ts'

export interface ServerSettings {
  readonly group: GroupSettings
  /** Shares that the operator has fixed. */
  readonly shares: ReadonlyMap<string, ShareKind>
  /** The operator's word that nobody holds anything from before. */
  readonly fresh: boolean
  readonly pingMs: Millis
  /** How much may wait for a link that is not read. */
  readonly linkBufferBytes: number
  /** The newest version of the links' protocol that it speaks: an older one is that of an older server. */
  readonly protocol: Protocol
}

export interface ServerProcessOptions {
  readonly loop: EventLoop
  readonly store: FoundationStore
  readonly settings: ServerSettings
  readonly findings: Findings
  /** By how much timers come late. */
  readonly lateMs: Millis
  wallMs(): number
  happened(event: GroupEvent): void
  /** A fault that it ends of. */
  failed(error: unknown): void
}

/** The coordinator's process, as `caucus serve` puts it together: the product's own host and links, without the sockets of a real machine. */
export class ServerProcess implements FarEnd, WebServer {
  readonly loop: EventLoop
  readonly counts = { links: 0, linksCut: 0, framesRefused: 0, framesDropped: 0 }
  readonly #links: Links
  readonly #protocol: Protocol
  readonly #ending = new AbortController()
  readonly hosting: CoordinatorHosting
  readonly topics: TopicsHosting
  readonly #findings: Findings
  #closed: Promise<void> | undefined

  /** Resolves once it may take links; rejects with what the store says. */
  static async start(options: ServerProcessOptions): Promise<ServerProcess> {
    const { loop, store, settings, wallMs, happened, failed } = options
    const groups = [...settings.shares].map(([name, share]) => [name, { ...settings.group, share }] as const)
    const hosting = await hostCoordinator({
      clock: loop.grantor,
      wallMs,
      store,
      defaults: settings.group,
      groups: new Map(groups),
      fresh: settings.fresh,
      limits: { groups: 100, membersPerGroup: 1_000, eventsPerGroup: 200 },
      telemetry: telling(happened),
      onFault: failed,
    })
    return new ServerProcess(options, hosting)
  }

  private constructor(options: ServerProcessOptions, hosting: CoordinatorHosting) {
    const { loop, settings, findings, lateMs, failed } = options
    this.loop = loop
    this.hosting = hosting
    this.#findings = findings
    const { pingMs, linkBufferBytes, protocol } = settings
    this.#protocol = protocol
    const limits = { linkBytes: linkBufferBytes / 2, streamBytesPerLink: linkBufferBytes / 4 }
    const host = new TopicsHost({
      clock: loop.grantor,
      limits: { ...limits, streamWindowBytes: STREAM_WINDOW_BYTES },
      onFault: failed,
    })
    this.topics = tapped(host, { loop, findings, lateMs })
    this.#links = new Links({
      hosting,
      topics: this.topics,
      clock: loop.grantor,
      limits: { pingMs, linkBufferBytes },
      soon: (run) => void loop.soon(run),
      counts: this.counts,
      logger: silentLogger,
    })
  }

  knocked(door: Door): void {
    if (this.#closed !== undefined) {
      return door.refuse(new CaucusError('CAUCUS_UNAVAILABLE', 'this server is stopping; try again later'))
    }
    const spoken = this.#spokenWith(door.subprotocols)
    if (spoken !== undefined) return door.accept((connect) => this.#links.accept(connect, spoken))
    door.refuse(new CaucusError('CAUCUS_PROTOCOL', offerFault(versionsIn(door.subprotocols))))
  }

  #spokenWith(subprotocols: readonly string[]): Protocol | undefined {
    return negotiated(versionsIn(subprotocols).filter((version) => version <= this.#protocol))
  }

  answer(path: string): unknown {
    if (path === '/healthz') return { ok: true, version: 'simulated', guarantees: this.hosting.guarantees }
    if (path === '/v1/groups') return { groups: this.hosting.view().groups }
    const topic = /^\/v1\/topics\/([^/]+)$/.exec(path)?.[1]
    if (topic !== undefined) {
      const there = this.topics.topic(decodeURIComponent(topic))
      if (there !== undefined) return there
      throw new CaucusError('CAUCUS_NOT_FOUND', 'nobody is on this topic')
    }
    const group = /^\/v1\/groups\/([^/]+)$/.exec(path)?.[1]
    const view = group === undefined ? undefined : this.hosting.viewOf(decodeURIComponent(group))
    if (view === undefined) throw new CaucusError('CAUCUS_NOT_FOUND', 'there is no such group; nothing changed')
    return view
  }

  async *stream(path: string, after: string | undefined, signal: AbortSignal): AsyncGenerator<string> {
    const group = decodeURIComponent(/^\/v1\/groups\/([^/]+)\/events$/.exec(path)?.[1] ?? '')
    const ended = new AbortController()
    const end = () => ended.abort(new CaucusError('CAUCUS_CLOSED', 'the stream has ended'))
    for (const each of [signal, this.#ending.signal]) {
      if (each.aborted) end()
      else each.addEventListener('abort', end, { once: true })
    }
    try {
      const events = this.hosting.events({ group, signal: ended.signal, ...(after !== undefined && { after }) })
      for await (const told of events) yield `data: ${JSON.stringify(told)}\n\n`
    } finally {
      for (const each of [signal, this.#ending.signal]) each.removeEventListener('abort', end)
    }
  }

  /** As on SIGTERM: links are sent away first. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** P4: where there is no link, there is nothing. */
  #checkEmpty(): void {
    const left = Object.entries(this.topics.sizes()).filter(([, count]) => count > 0)
    if (this.#links.size > 0 || left.length === 0) return
    const what = left.map(([name, count]) => `${count} ${name}`).join(', ')
    this.#findings.add('P4', COORDINATOR, `everybody has gone, and the coordinator keeps ${what}`)
  }

  async #close(): Promise<void> {
    this.#ending.abort(new CaucusError('CAUCUS_CLOSED', 'the server is stopping'))
    this.#links.close()
    const { grantor } = this.loop
    await new Promise<void>((resume) => grantor.setTimer(grantor.now() + DRAIN_MS, resume))
    this.#links.terminate()
    // Sockets that are cut are gone a moment later.
    await new Promise<void>((resume) => grantor.turn(resume))
    this.#checkEmpty()
    this.topics.close()
    this.topics.close()
    await Promise.all([this.hosting.close(), this.hosting.close()])
  }
}

/** How long its links are given to close. */
const DRAIN_MS: Millis = 1_000

const telling = (happened: (event: GroupEvent) => void): Telemetry => ({
  event: (event) => happened(event as GroupEvent),
  count: () => undefined,
  gauge: () => undefined,
  duration: () => undefined,
  log: () => undefined,
})

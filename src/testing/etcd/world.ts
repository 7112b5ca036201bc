import { Keys } from '../../backends/etcd/keys.ts'
import type { Timing } from '../../config/timing.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import { DEFAULT_DRIFT, type Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Bench } from '../cluster/bench.ts'
import { SimulatedMember } from '../cluster/member.ts'
import type { MemberProcess, ProcessParts } from '../cluster/member-process.ts'
import { type Coordinating, healingMs, pendingOf } from '../cluster/pending.ts'
import type { Handlers } from '../cluster/program.ts'
import { Rejections } from '../cluster/rejections.ts'
import { benchOn } from '../cluster/setup.ts'
import { ROWS } from '../peers/programs.ts'
import { commitText } from './commit-text.ts'
import type { EtcdConditions } from './conditions.ts'
import { type SimulatedEngine, SimulatedEtcd } from './engine.ts'
import { EventBook } from './event-book.ts'
import { EtcdHost, type Machine, machineOf } from './host.ts'
import { clockOf, EtcdNetwork } from './network.ts'
import { openOnEtcd } from './open.ts'
import { EtcdOracle } from './oracle.ts'
import { etcdPrograms } from './programs.ts'
import type { Commit } from './store.ts'

/** What a program has begun when everything is closed may still end. */
const LAST_PIECE_MS: Millis = 1_000
/** Leases of etcd that nobody keeps alive any more are gone by then. */
const LEASES_OVER_MS: Millis = 30_000
/** Whom the group of hosts is for. */
const HOSTS = 'hosts'

/** Processes on a simulated etcd: the product's own SDK, backend and coordinator in each of them. Only etcd, the ways there and time are made up. */
export class EtcdWorld implements Coordinating {
  readonly conditions: EtcdConditions
  readonly keys = new Keys('caucus/')
  readonly etcd: SimulatedEtcd
  readonly bench: Bench<EtcdNetwork>
  readonly oracle: EtcdOracle
  readonly hosts: readonly EtcdHost[]
  readonly #spectator: EtcdHost
  readonly #members: SimulatedMember[] = []
  readonly #handlers: Handlers
  readonly #rejections: Rejections
  readonly #listeners = new Set<(event: GroupEvent) => void>()
  readonly #events: EventBook
  #views: readonly GroupView[] = []
  /** Nothing goes wrong any more. */
  healed = false

  constructor(conditions: EtcdConditions, keepTrace: boolean) {
    this.conditions = conditions
    const { cluster, etcd } = conditions
    this.bench = benchOn(cluster, keepTrace, ({ timeline, random }) => {
      const { requestMs, progressMs, expiryLagMs, jitterMs } = etcd
      const simulated = new SimulatedEtcd({
        clock: clockOf(timeline),
        random,
        delayMs: cluster.delayMs,
        requestMs,
        progressMs,
        onCommit: (commit, by) => {
          this.#note(commit, by)
          this.oracle.committed(commit, by)
        },
      })
      simulated.expiryLagMs = expiryLagMs
      return new EtcdNetwork(simulated, jitterMs)
    })
    const { bench } = this
    this.etcd = bench.network.etcd
    this.oracle = new EtcdOracle({ keys: this.keys, findings: bench.findings, etcd: () => this.etcd })
    this.#handlers = etcdPrograms(bench, conditions)
    this.#rejections = new Rejections(bench.findings)
    const open = (parts: ProcessParts) => this.#open(parts)
    this.hosts = Array.from(
      { length: conditions.hosts },
      (_, n) => new EtcdHost({ bench, id: `h${n + 1}`, group: HOSTS, open }),
    )
    this.#spectator = new EtcdHost({ bench, id: 'spectator', open })
    this.#events = new EventBook(bench, cluster.group, (event) => {
      for (const listener of this.#listeners) listener(event)
    })
    for (const host of [...this.hosts, this.#spectator]) host.start()
    for (let n = 1; n <= conditions.members; n++) this.join(`m${n}`)
  }

  #open(parts: ProcessParts) {
    const { network, conditions, timeline } = this.bench
    return openOnEtcd({
      ...parts,
      engine: network.openEngine(parts.id, parts.loop),
      url: network.urls[0] ?? '',
      prefix: this.keys.prefix,
      timing: conditions.timing,
      requestMs: this.conditions.etcd.requestMs,
      wallMs: () => parts.loop.machine.wallMs(timeline.nowMs),
    })
  }

  #note(commit: Commit, by: SimulatedEngine | undefined): void {
    const { chronicle, timeline } = this.bench
    chronicle.mixText(JSON.stringify(commit))
    const what = () => commitText(commit, this.keys.prefix)
    chronicle.note({ at: timeline.nowMs, who: by?.name ?? 'etcd', what })
  }

  get network(): EtcdNetwork {
    return this.bench.network
  }

  get nowMs(): Millis {
    return this.bench.timeline.nowMs
  }

  get members(): readonly SimulatedMember[] {
    return this.#members
  }

  join(id = `m${this.#members.length + 1}`): SimulatedMember {
    const { bench } = this
    const open = (parts: ProcessParts) => this.#open(parts)
    const member = new SimulatedMember({ bench, id, handlers: this.#handlers, web: () => undefined, open })
    this.#members.push(member)
    member.start()
    return member
  }

  /** Whose key says at this instant that it coordinates, whatever its process knows of it. */
  get coordinating(): Machine | undefined {
    const name = this.etcd.granteeOf(this.keys.coordinator)?.name
    const member = this.#members.find(({ id }) => id === name)
    return member === undefined ? this.hosts.find(({ id }) => id === name) : machineOf(member)
  }

  onEvent(listener: (event: GroupEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get state(): 'up' | 'starting' | 'down' {
    if (!this.etcd.isUp) return 'down'
    const nobodyIsThere = this.hosts.length + this.#processes().length === 0
    return this.coordinating === undefined && !nobodyIsThere ? 'starting' : 'up'
  }

  get settings(): Timing {
    return this.bench.conditions.timing
  }

  get longestLeaseMs(): Millis {
    return this.settings.leaseMs
  }

  view(name: string): GroupView | undefined {
    return this.#views.find((view) => view.name === name)
  }

  /** Of the groups whose members stay, as they were read last. */
  views(): readonly GroupView[] {
    return this.#views.filter(({ name }) => name === this.bench.conditions.group || name === ROWS)
  }

  async play(ms: Millis): Promise<void> {
    await this.bench.timeline.play(this.nowMs + ms)
  }

  async wait<T>(promise: Promise<T>, { withinMs }: { readonly withinMs: Millis }): Promise<T> {
    let over = false
    const settled = promise.finally(() => {
      over = true
    })
    // Whoever waits gets it below; meanwhile nobody else may take it for unhandled.
    settled.catch(() => undefined)
    await this.bench.timeline.play(this.nowMs + withinMs, () => over)
    if (over) return settled
    throw new CaucusError('CAUCUS_TIMEOUT', `waited ${withinMs} ms of simulated time`)
  }

  /** Reads what there is to see, as anybody may who is connected. */
  async look(): Promise<void> {
    const { loop, backend } = this.#spectator
    if (loop === undefined || backend === undefined) return
    this.#events.listen(loop, backend)
    try {
      this.#views = await this.wait(
        loop.run(() => backend.groups()),
        { withinMs: this.conditions.etcd.requestMs * 3 },
      )
    } catch (error) {
      if (!isCaucusError(error)) throw error
      this.#views = []
    }
  }

  /** What is missing until one coordinates, and every group is whole, by what was read last. */
  pending(): readonly string[] {
    const found = [...pendingOf(this.bench, this, this.#members)]
    for (const { name, state } of this.#views) if (state !== 'settled') found.push(`"${name}" is still settling`)
    if (found.length > 0 || this.state !== 'up') return found
    return [...found, ...this.#strays()]
  }

  /** Sessions and shares in etcd that nobody is behind, and the other way round. */
  #strays(): string[] {
    const { store } = this.etcd
    const sessions = new Set(store.list(this.keys.sessions).map(({ key }) => key.slice(this.keys.sessions.length)))
    const shares = new Set(store.list(this.keys.shares).map(({ key }) => key.slice(this.keys.shares.length)))
    const found = [...shares].filter((key) => !sessions.has(key)).map((key) => `a share of nobody is left at ${key}`)
    const alive = new Set([
      ...this.#processes().map(({ id }) => id),
      ...this.hosts.filter(({ alive }) => alive).map(({ id }) => id),
    ])
    for (const key of sessions) {
      const seat = this.keys.seatOf(`${this.keys.sessions}${key}`)
      if (seat === undefined || !alive.has(seat.member)) found.push(`a session of nobody is left at ${key}`)
    }
    return found
  }

  /** All that are there: also one that another of its id has taken the place of, and has gone since. */
  #processes(): readonly MemberProcess[] {
    const all = this.#members.flatMap(({ processes }) => processes)
    return all.filter(({ state }) => state !== 'ended' && state !== 'crashed')
  }

  get healingMs(): Millis {
    const { leaseMs } = this.settings
    const { requestMs } = this.conditions.etcd
    // Leases of etcd that run out one after the other, and calls that are waited for in vain.
    const etcdMs = 3 * (10_000 + 2 * leaseMs) + 10 * requestMs
    return healingMs(this.bench, this) + etcdMs / (1 - this.bench.conditions.drift)
  }

  /** Resolves with what is still missing. */
  async untilWhole(): Promise<readonly string[]> {
    const end = this.nowMs + this.healingMs
    const stepMs = Math.max(1, this.settings.heartbeatMs / 5)
    await this.look()
    let left = this.pending()
    while (left.length > 0 && this.nowMs < end) {
      await this.play(stepMs)
      await this.look()
      left = this.pending()
    }
    return left
  }

  heal(): void {
    this.healed = true
    this.etcd.start()
    for (const member of this.#members) member.heal()
    for (const host of this.hosts) host.heal()
  }

  /** Everything is told to stop, and time passes until it has, or until it should have. */
  async close(): Promise<void> {
    try {
      await this.#stop()
    } finally {
      for (const process of this.#processes()) process.crash(true)
      for (const host of [...this.hosts, this.#spectator]) host.crash()
      this.bench.work.close()
      this.#rejections.close()
    }
  }

  async #stop(): Promise<void> {
    const { findings, topics } = this.bench
    this.heal()
    this.#events.close()
    const waiting = new Map<Promise<void>, string>()
    const until = async (what: string, end: Promise<void>) => {
      waiting.set(end, what)
      try {
        await end
      } catch (error) {
        findings.add('U3', what, `${what} could not be stopped: ${String(error)}`)
      }
      waiting.delete(end)
    }
    const processes = this.#processes()
    for (const process of processes) void until(process.who, process.stop())
    for (const host of [...this.hosts, this.#spectator]) void until(host.id, host.leave())
    await this.bench.timeline.play(this.nowMs + this.healingMs, () => waiting.size === 0)
    for (const what of waiting.values()) findings.add('U1', what, `${what} was told to stop, and has not`)
    await this.play(LAST_PIECE_MS)
    topics.close()
    for (const { who, programRuns } of processes)
      if (programRuns) findings.add('U1', who, `${who} has closed everything, and its loops over it have not ended`)
    await this.#checkLeft()
  }

  /** Everybody is gone: nothing may lie in etcd that says that somebody is there. */
  async #checkLeft(): Promise<void> {
    const { store } = this.etcd
    await this.play(LEASES_OVER_MS)
    const left = [...store.list(this.keys.sessions), ...store.list(this.keys.coordinator)].map(({ key }) => key)
    if (left.length > 0)
      this.bench.findings.add('U1', undefined, `everybody has left, and etcd still has ${left.join(', ')}`)
  }

  /** Every clock runs within what is promised. */
  get isPromised(): boolean {
    return this.bench.conditions.drift <= DEFAULT_DRIFT
  }
}

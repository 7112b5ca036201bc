import { checkMemberId } from '../../client/options.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import { type DiagramOptions, diagram } from '../diagram.ts'
import { checkMs, checkMsIfGiven } from './arguments.ts'
import type { Bench } from './bench.ts'
import { SimulatedCoordinator } from './coordinator.ts'
import { SimulatedMember } from './member.ts'
import type { Network } from './network.ts'
import { healingMs, pendingOf } from './pending.ts'
import type { Handlers } from './program.ts'
import { Rejections } from './rejections.ts'
import { type ClusterOptions, conditionsOf, memberIdsOf, newBench } from './setup.ts'
import { inPlay } from './timeline.ts'
import type { ClusterViolation } from './violation.ts'

/** What a program has begun when everything is closed may still end. */
const LAST_PIECE_MS: Millis = 1_000

/**
 * A whole cluster in this process: the product's own SDK, remote backend, links and coordinator, each member in a process of its own with
 * its own clocks. Only the network, the disk and time are made up, and time moves when it is told to.
 */
export class MemoryCluster implements AsyncDisposable {
  readonly coordinator: SimulatedCoordinator
  readonly #bench: Bench<Network>
  readonly #handlers: Handlers
  readonly #members: SimulatedMember[] = []
  readonly #rejections: Rejections
  readonly #listeners = new Set<(event: GroupEvent) => void>()
  /** Programs of ours end by themselves once everything is closed. */
  readonly #programsEnd: boolean
  #closed: Promise<void> | undefined

  /** Use `memoryCluster()`. `programs`: what is run when no handlers are given. */
  constructor(options: ClusterOptions = {}, programs: (bench: Bench) => Handlers = () => () => undefined) {
    const conditions = conditionsOf(options)
    this.#bench = newBench(conditions, options.keepTrace ?? true, () => this.coordinator?.keptGeneration ?? 0)
    this.#handlers = options.handlers ?? programs(this.#bench)
    this.#programsEnd = options.handlers === undefined
    this.#rejections = new Rejections(this.#bench.findings)
    this.coordinator = new SimulatedCoordinator(this.#bench, (event) => {
      for (const listener of this.#listeners) listener(event)
    })
    this.coordinator.start()
    for (const id of memberIdsOf(options)) this.join(id)
  }

  /** What everything in it shares: for whoever builds on it. */
  get bench(): Bench<Network> {
    return this.#bench
  }

  /** How much simulated time has passed. */
  get nowMs(): Millis {
    return this.#bench.timeline.nowMs
  }

  /** How much has happened: each entry of the timeline is one. */
  get events(): number {
    return this.#bench.timeline.entries
  }

  /** In the order in which they were made; those that have ended stay. */
  get members(): readonly SimulatedMember[] {
    return this.#members
  }

  /** Throws `CAUCUS_NOT_FOUND` when there is none of this id. */
  member(id: string): SimulatedMember {
    const member = this.#members.find((candidate) => candidate.id === id)
    if (member !== undefined) return member
    const ids = this.#members.map((candidate) => candidate.id).join(', ')
    throw new CaucusError('CAUCUS_NOT_FOUND', `there is no member "${id}"; there are ${ids}`)
  }

  /** Another member, whose process starts at once. */
  join(id = `m${this.#members.length + 1}`): SimulatedMember {
    this.#checkOpen()
    checkMemberId(id)
    if (this.#members.some((member) => member.id === id)) {
      throw new CaucusError('CAUCUS_CONFLICT', `"${id}" is there already; start() it again, or take another id`)
    }
    const web = () => this.coordinator.process
    const member = new SimulatedMember({ bench: this.#bench, id, handlers: this.#handlers, web })
    this.#members.push(member)
    member.start()
    return member
  }

  /** Lets `ms` of simulated time pass. Resolves after some real milliseconds. */
  async play(ms: Millis): Promise<void> {
    this.#checkOpen()
    checkMs('play(ms)', ms)
    await this.#bench.timeline.play(this.nowMs + ms)
  }

  /**
   * Lets time pass until `promise` has settled, and gives what it gave. Rejects with `CAUCUS_TIMEOUT` after `withinMs` of simulated time
   * (default 60 000): time stands still while a test awaits something by itself.
   */
  async wait<T>(promise: PromiseLike<T> | T, { withinMs = 60_000 }: { readonly withinMs?: Millis } = {}): Promise<T> {
    this.#checkOpen()
    checkMs('wait({ withinMs })', withinMs)
    let over = false
    const settled = Promise.resolve(promise).finally(() => {
      over = true
    })
    // Whoever waits gets it below; meanwhile nobody else may take it for unhandled.
    settled.catch(() => undefined)
    await this.#bench.timeline.play(this.nowMs + withinMs, () => over)
    if (over) return settled
    throw new CaucusError(
      'CAUCUS_TIMEOUT',
      `waited ${withinMs} ms of simulated time for a promise that has not settled`,
    )
  }

  /**
   * Lets time pass until the group is whole: everybody who runs is a member, every partition is owned, and each knows what it has. Rejects
   * with `CAUCUS_NOT_SETTLED`, and what is missing, when that takes longer than it may (`withinMs`, by default what follows from the timing).
   */
  async settled({ withinMs }: { readonly withinMs?: Millis } = {}): Promise<void> {
    this.#checkOpen()
    checkMsIfGiven('settled({ withinMs })', withinMs)
    const { timeline } = this.#bench
    const limitMs = withinMs ?? healingMs(this.#bench, this.coordinator)
    const end = this.nowMs + limitMs
    // Not at every event: to ask everybody costs more than most events do.
    const stepMs = Math.max(1, this.#bench.conditions.timing.heartbeatMs / 10)
    while (this.pending().length > 0) {
      if (this.nowMs >= end) {
        throw new CaucusError(
          'CAUCUS_NOT_SETTLED',
          `not whole after ${Math.round(limitMs)} ms: ${this.pending().join('; ')}`,
        )
      }
      await timeline.play(Math.min(end, this.nowMs + stepMs))
    }
  }

  /** What is missing until the group is whole, each with its reason. */
  pending(): readonly string[] {
    return pendingOf(this.#bench, this.coordinator, this.#members)
  }

  /** How long it may take until the group is whole, once nothing goes wrong any more. */
  get healingMs(): Millis {
    return healingMs(this.#bench, this.coordinator)
  }

  /** Everything starts to work again: the network carries, who stands still goes on, and the coordinator is started. */
  heal(): void {
    for (const member of this.#members) member.heal()
    this.coordinator.heal()
  }

  /** Calls `listener` with whatever the coordinator records about its groups, until the returned function is called. */
  onEvent(listener: (event: GroupEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The group, as the coordinator sees it. */
  views(): readonly GroupView[] {
    const view = this.coordinator.view()
    return view === undefined ? [] : [view]
  }

  /** What was found broken so far, in order. Empty is good. */
  check(): readonly ClusterViolation[] {
    return this.#bench.findings.list
  }

  /** What happened, line by line. */
  trace(): readonly string[] {
    return this.#bench.chronicle.lines()
  }

  /** Of everything that happened, in order: two runs of one seed with the same calls have the same. */
  get hash(): string {
    return this.#bench.chronicle.hash
  }

  /** A space-time diagram in text: one column per process, time downwards, and arrows where messages arrive. */
  diagram(options: DiagramOptions = {}): string {
    return diagram(this.#bench.chronicle.events(), options)
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) {
      throw new CaucusError('CAUCUS_CLOSED', 'this cluster was closed; make another one with memoryCluster()')
    }
  }

  /** Everything is told to stop, and time passes until it has, or until it should have. Nothing is thrown: `check()` says what is left. */
  close({ coordinatorFirst = false }: { readonly coordinatorFirst?: boolean } = {}): Promise<void> {
    if (this.#bench.timeline.playing) return Promise.reject(inPlay())
    this.#closed ??= this.#close(coordinatorFirst)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(coordinatorFirst: boolean): Promise<void> {
    try {
      await this.#stop(coordinatorFirst)
    } finally {
      for (const member of this.#members) member.crash()
      this.coordinator.crash()
      this.#bench.work.close()
      this.#rejections.close()
    }
  }

  async #stop(coordinatorFirst: boolean): Promise<void> {
    const { timeline, findings } = this.#bench
    this.heal()
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
    const isOver = () => waiting.size === 0
    const stopCoordinator = () => until('coordinator', this.coordinator.stop())
    // Whoever leaves must be able to do so without anybody to say it to.
    if (coordinatorFirst) {
      void stopCoordinator()
      await timeline.play(this.nowMs + this.healingMs, isOver)
    }
    const processes = this.#members.flatMap((member) => (member.alive ? member.processes : []))
    for (const process of processes) void until(process.who, process.stop())
    await timeline.play(this.nowMs + this.healingMs, isOver)
    if (!coordinatorFirst) void stopCoordinator()
    await timeline.play(this.nowMs + this.healingMs, isOver)
    for (const what of waiting.values()) findings.add('U1', what, `${what} was told to stop, and has not`)
    await timeline.play(this.nowMs + LAST_PIECE_MS)
    this.#bench.topics.close()
    for (const { who, programRuns } of this.#programsEnd ? processes : []) {
      if (programRuns) findings.add('U1', who, `${who} has closed everything, and its loops over it have not ended`)
    }
  }
}

/** A cluster of real parts in made-up surroundings, for tests: resolves once its processes have been started. Nothing has happened yet. */
export const memoryCluster = async (options: ClusterOptions = {}): Promise<MemoryCluster> => {
  const cluster = new MemoryCluster(options)
  await cluster.play(0)
  return cluster
}

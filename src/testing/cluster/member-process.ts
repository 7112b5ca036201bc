import { getEventListeners } from 'node:events'
import { openRemote } from '../../backends/remote/backend.ts'
import { checkedRemote } from '../../backends/remote/options.ts'
import { type Caucus, connect } from '../../client/connect.ts'
import type { RevokeHandler } from '../../client/drains.ts'
import type { Membership } from '../../client/membership.ts'
import type { Moved } from '../../client/share.ts'
import { type Holding, itemsIn } from '../../core/group/messages.ts'
import { partitionOf } from '../../core/hash.ts'
import type { Epoch } from '../../core/lease.ts'
import type { Random } from '../../core/random.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Backend } from '../../ports/backend.ts'
import { sleep } from '../../runtime/wait.ts'
import type { Protocol } from '../../wire/versions.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { checkItem, within } from './arguments.ts'
import { type Bench, faultText, newLoop } from './bench.ts'
import { DrainBook } from './drain-book.ts'
import type { EventLoop } from './event-loop.ts'
import { holdingsText } from './frame-text.ts'
import { BrokenPromise, checkProgram, DeliberateFailure, type Handlers, type ProgramContext } from './program.ts'
import { type WatchedMembership, watchedBackend } from './watched-backend.ts'
import { Web, type WebServer } from './web.ts'

/** What a process of a member makes its backend of. */
export interface ProcessParts {
  readonly who: string
  readonly id: string
  readonly loop: EventLoop
  readonly signal: AbortSignal
  /** In [0, 1). */
  random(): number
  newId(): string
}

/** A loop that never waits is one that has asked so often. */
const MOST_QUESTIONS = 1_000_000

export interface MemberProcessOptions {
  readonly bench: Bench
  readonly who: string
  readonly id: string
  readonly machine: MachineClock
  readonly random: Random
  readonly handlers: Handlers
  /** The newest version of the links' protocol that it speaks. */
  readonly protocol: Protocol
  readonly weight?: number
  web(url: string): WebServer | undefined
  /** Connects it. Default: over the network, to whoever coordinates. */
  open?(parts: ProcessParts): Promise<Backend>
}

/** One process of a member: the product's own SDK over its own remote backend, and the user's program on it. */
export class MemberProcess {
  readonly who: string
  readonly id: string
  readonly loop: EventLoop
  readonly #options: MemberProcessOptions
  readonly #web: Web
  /** Given to the SDK at every call that takes one: no listener may be left on it. */
  readonly #sdkSignal = new AbortController()
  /** Given to the program. */
  readonly #stopping = new AbortController()
  readonly #drains: DrainBook
  readonly #epochs = new Map<number, Epoch>()
  #programTimers = 0
  #programRuns = false
  #ids = 0
  /** Whether it was told to stop. */
  #told = false
  #state: 'starting' | 'runs' | 'stopping' | 'ended' = 'starting'
  #caucus: Caucus | undefined
  #membership: Membership | undefined
  #main: WatchedMembership | undefined
  #stopped: Promise<void> | undefined
  readonly #started: Promise<void>

  constructor(options: MemberProcessOptions) {
    const { bench, who, id, machine, random } = options
    this.#options = options
    this.who = who
    this.id = id
    this.#drains = new DrainBook(bench, who, (what, detail) => this.#note(what, detail))
    this.loop = newLoop(bench, who, machine, random.fork('late'))
    const wayTo = (url: string) => bench.network.wayTo(id, url)
    this.#web = new Web({ timeline: bench.timeline, loop: this.loop, wayTo, server: options.web })
    this.#started = this.loop.run(() => this.#start())
  }

  get state(): 'starting' | 'runs' | 'stopping' | 'ended' | 'crashed' {
    return this.loop.state === 'over' ? 'crashed' : this.#state
  }

  /** Whether its main loop has not ended yet. */
  get programRuns(): boolean {
    return this.#programRuns
  }

  get caucus(): Caucus | undefined {
    return this.#caucus
  }

  get membership(): Membership | undefined {
    return this.#membership
  }

  async #start(): Promise<void> {
    const { bench, id } = this.#options
    const { group, share, configured, statics } = bench.conditions
    const { weight } = this.#options
    const traits = { ...(weight !== undefined && { weight }), ...(statics.includes(id) && { static: true }) }
    const { signal } = this.#sdkSignal
    try {
      this.#caucus = await connect(async () => this.#backend(signal), { signal })
      const membership = await this.#caucus.group(group).join({ id, signal, ...traits, ...(!configured && { share }) })
      this.#membership = membership
      if (this.#main !== undefined) this.#main.membership = membership
      if (this.#state !== 'starting') return
      this.#state = 'runs'
      this.#note('joined', `incarnation ${membership.incarnation}`)
      void this.#run(membership, this.#caucus)
    } catch (error) {
      if (signal.aborted) return
      // A twin that was quicker is no fault of anybody.
      const fenced = isCaucusError(error) && error.code === 'CAUCUS_FENCED'
      if (!fenced) this.#failed('could not start', error)
      this.#state = 'ended'
      await this.#caucus?.close()
    }
  }

  async #backend(signal: AbortSignal) {
    const { bench, who, id, random, open } = this.#options
    const chance = random.fork('sdk')
    const parts: ProcessParts = {
      who,
      id,
      loop: this.loop,
      signal,
      random: () => chance.next(),
      newId: () => `${who}-${++this.#ids}-${chance.below(1e9)}`,
    }
    const backend = await (open === undefined ? this.#remote(parts) : open(parts))
    return watchedBackend(backend, {
      joined: (watched) => {
        this.#main ??= watched
        bench.beliefs.track(who, this.loop, watched)
      },
      granted: (watched, items) => this.#granted(watched, items),
      lost: (watched, items, because) => {
        this.#note('lost', `${holdingsText(items)} (${because})`)
        bench.onLost(who, watched, items, because)
      },
      drains: (_watched, items) => this.#note('drains', holdingsText(items)),
      drained: (_watched, items) => this.#drains.letGo(items),
      ended: (_watched, why) => this.#note('membership ended', why),
    })
  }

  #remote({ who, id, loop, signal, random, newId }: ProcessParts): Promise<Backend> {
    const { network, conditions } = this.#options.bench
    const { timing } = conditions
    const checked = checkedRemote(network.urls, { timing, connectTimeoutMs: 2 ** 31 - 1 })
    const openSocket = network.opener(id, who, loop, this.#options.protocol)
    return openRemote(checked, { clocks: loop, random, newId, openSocket, http: this.#web }, signal)
  }

  #granted(watched: WatchedMembership, items: readonly Holding[]): void {
    this.#options.bench.epochs.granted(this.who, watched, items)
    if (watched === this.#main)
      for (const { item, epoch, of } of items) this.#epochs.set(of === undefined ? item : 0, epoch)
    this.#note('granted', holdingsText(items), 'holds')
  }

  async #run(membership: Membership, caucus: Caucus): Promise<void> {
    this.#programRuns = true
    try {
      const program = checkProgram(this.#options.handlers(this.#context(membership, caucus)))
      const { onRevoke } = program
      if (onRevoke !== undefined) membership.onRevoke((moved, context) => this.#drain(onRevoke, moved, context))
      await program.run?.()
    } catch (error) {
      if (!this.#isExpected(error)) this.#failed('its program failed', error)
    } finally {
      this.#programRuns = false
    }
  }

  async #drain(drain: RevokeHandler, moved: Moved, context: { readonly signal: AbortSignal }): Promise<void> {
    const record = this.#drains.begin(moved, context.signal, this.#main?.drains ?? [])
    try {
      await drain(moved, context)
    } catch (error) {
      // Whoever is told to stop may well say so; and what fails on purpose is a test of ours.
      if (!context.signal.aborted && !(error instanceof DeliberateFailure)) this.#failed('its onRevoke failed', error)
      throw error
    } finally {
      record.over = true
    }
  }

  #context(membership: Membership, caucus: Caucus): ProgramContext {
    const { bench, random } = this.#options
    const { loop, who, id } = this
    const chance = random.fork('program')
    bench.topics.begins(membership, loop)
    this.#watchLoops()
    return {
      id,
      membership,
      caucus,
      signal: this.#stopping.signal,
      random: () => chance.next(),
      clock: {
        nowMs: () => loop.grantor.now(),
        wallMs: () => loop.machine.wallMs(bench.timeline.nowMs),
        sleep: (ms, options) => this.#sleep(ms, options?.signal),
      },
      store: {
        read: (key) => bench.resource.read(key),
        write: (key, value, epoch) => bench.resource.write(who, loop, key, value, epoch, this.#epochOf(key)),
      },
      work: (item, epoch) => bench.work.begin(who, loop, this.#drains.records, checkItem(item), epoch),
      log: (message) => this.#note('says', message),
    }
  }

  /** A loop that asks its signal again and again, and never waits, would end no test: time stands still meanwhile. */
  #watchLoops(): void {
    const { timeline } = this.#options.bench
    const { signal } = this.#stopping
    let entry = -1
    let asked = 0
    const aborted = () => {
      asked = timeline.entries === entry ? asked + 1 : 0
      entry = timeline.entries
      if (asked < MOST_QUESTIONS) return this.#told
      throw new CaucusError(
        'CAUCUS_CONFLICT',
        `${this.who} asked signal.aborted ${MOST_QUESTIONS} times at one instant: let its loop wait with await clock.sleep(ms)`,
      )
    }
    Object.defineProperty(signal, 'aborted', { configurable: true, get: aborted })
  }

  /** The latest epoch at which this process had what `key` belongs to. */
  #epochOf(key: string): Epoch | undefined {
    const { share } = this.#options.bench.conditions
    return this.#epochs.get(share === 'index' ? 0 : partitionOf(key, itemsIn(share)))
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    within('clock.sleep(ms)', ms, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    this.#programTimers++
    try {
      await sleep(this.loop.grantor, ms, { signal })
    } finally {
      this.#programTimers--
    }
  }

  /** SIGTERM, as a program should take it: it leaves, and closes its connection. Resolves once nothing of it runs any more. */
  stop(): Promise<void> {
    this.#stopped ??= this.loop.run(() => this.#stop())
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping'
    const reason = new CaucusError('CAUCUS_CLOSED', `${this.who} was told to stop`)
    this.#told = true
    this.#stopping.abort(reason)
    if (this.#membership === undefined) this.#sdkSignal.abort(reason)
    await this.#started
    await this.#membership?.leave()
    const caucus = this.#caucus
    if (caucus !== undefined) {
      const closed = caucus.close()
      // Whoever closes what is being closed waits for the same end.
      await Promise.all([caucus[Symbol.asyncDispose](), this.#membership?.leave()])
      await this.#turn()
      const leftBySecond = this.#left()
      await closed
      await caucus.close()
      await this.#turn()
      if (this.#left() === '') this.#checkLeft('U3', leftBySecond)
    }
    this.#state = 'ended'
    this.#note('has stopped')
    this.#checkLeft('U1', this.#left())
  }

  /** What was put off until the loop has come round is gone a moment later, and left by nobody. */
  #turn(): Promise<void> {
    return new Promise((resume) => this.loop.grantor.turn(resume))
  }

  /** kill -9. `silent`: the machine goes with it, and nobody is told. */
  crash(silent: boolean): void {
    const { bench } = this.#options
    this.loop.kill()
    bench.network.processGone(this.loop, silent)
    bench.beliefs.forget(this.loop)
    bench.work.forget(this.loop)
  }

  #checkLeft(invariant: 'U1' | 'U3', left: string): void {
    const { findings } = this.#options.bench
    if (left !== '') findings.add(invariant, this.who, `${this.who} has closed its connection, and left ${left}`)
  }

  /** What is still open or waits, besides what the program itself waits for. */
  #left(): string {
    const left = {
      timers: this.loop.pending - this.#programTimers,
      sockets: this.#options.bench.network.socketsOf(this.loop),
      requests: this.#web.open,
      'listeners on a signal': getEventListeners(this.#sdkSignal.signal, 'abort').length,
    }
    const some = Object.entries(left).filter(([, count]) => count > 0)
    return some.map(([name, count]) => `${count} ${name}`).join(', ')
  }

  /** The membership has ended, and whoever waited for it is told why; or the process was told to stop. */
  #isExpected(error: unknown): boolean {
    return this.#told || (error !== undefined && error === this.#membership?.error)
  }

  #failed(what: string, error: unknown): void {
    const { findings } = this.#options.bench
    if (error instanceof BrokenPromise) return findings.add(error.invariant, this.who, `${this.who}: ${error.message}`)
    findings.add('Program', this.who, `${this.who}: ${what}: ${faultText(error)}`)
  }

  #note(what: string, detail?: string, becomes?: 'holds'): void {
    const { timeline, chronicle } = this.#options.bench
    const held = this.#main?.port.view().held.size ?? 0
    const state = becomes ?? (held > 0 ? 'holds' : 'up')
    chronicle.note({ at: timeline.nowMs, who: this.who, what, detail, state })
  }
}

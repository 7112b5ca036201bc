import type { Caucus } from '../../client/connect.ts'
import type { Membership } from '../../client/membership.ts'
import { checkWeight } from '../../client/options.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError } from '../../errors.ts'
import type { Backend } from '../../ports/backend.ts'
import type { Protocol } from '../../wire/versions.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { checkMs, checkMsIfGiven, checkProtocol, oneOf, within } from './arguments.ts'
import { type Bench, newMachine, protocolOf } from './bench.ts'
import { MemberProcess, type ProcessParts } from './member-process.ts'
import type { Route } from './network.ts'
import type { Handlers } from './program.ts'
import type { WebServer } from './web.ts'
import type { Travel } from './wire.ts'

/** A holder's timers look at its clock at least this often (`runtime/system-clock.ts`), and this is when they have seen that it slept. */
const LATE_AFTER_SLEEP_MS: Millis = 300

/** Who hears that a connection is gone: not always both sides do. */
export type Told = (typeof TOLD)[number]

export const TOLD = ['both', 'member', 'coordinator', 'nobody'] as const

export interface MemberOptions {
  readonly bench: Bench
  readonly id: string
  readonly handlers: Handlers
  web(url: string): WebServer | undefined
  /** Connects its processes. Default: over the network, to whoever coordinates. */
  open?(parts: ProcessParts): Promise<Backend>
}

/** One member of a cluster: a machine of its own with clocks of its own, on which its process runs, again and again. */
export class SimulatedMember {
  readonly id: string
  readonly machine: MachineClock
  readonly #options: MemberOptions
  readonly #random: Random
  readonly #route: Route
  readonly #unblock = new Set<() => void>()
  /** The latest, and those that still run beside it under the same id. */
  #processes: MemberProcess[] = []
  #starts = 0
  #protocol: Protocol
  #weight: number | undefined
  #asleep = false

  /** Made by `memoryCluster`; `cluster.join()` makes another one. */
  constructor(options: MemberOptions) {
    const { bench, id } = options
    this.id = id
    this.#options = options
    this.#random = bench.random.fork(`member ${id}`)
    this.machine = newMachine(this.#random, bench.conditions.drift)
    this.#route = bench.network.route(id)
    this.#protocol = protocolOf(bench.conditions, id)
    this.#weight = bench.conditions.weights[id]
  }

  /** `starting` until it has joined; `stopping`, `ended` and `crashed` say how it went. */
  get state(): 'starting' | 'runs' | 'stopping' | 'ended' | 'crashed' {
    return this.process?.state ?? 'ended'
  }

  /** Whether its process is there, whatever it is doing. */
  get alive(): boolean {
    return this.state !== 'ended' && this.state !== 'crashed'
  }

  get process(): MemberProcess | undefined {
    return this.#processes.at(-1)
  }

  /** Every process of this id that is there. */
  get processes(): readonly MemberProcess[] {
    this.#processes = this.#processes.filter(
      (process, place) => place === this.#processes.length - 1 || !['ended', 'crashed'].includes(process.state),
    )
    return this.#processes
  }

  /** The SDK's own. Throws `CAUCUS_NOT_SETTLED` before it has joined: let time pass first. */
  get membership(): Membership {
    const membership = this.process?.membership
    if (membership !== undefined && this.state !== 'crashed') return membership
    throw this.#notThere('has no membership')
  }

  /** The SDK's own. Throws `CAUCUS_NOT_SETTLED` before it is connected. */
  get caucus(): Caucus {
    const caucus = this.process?.caucus
    if (caucus !== undefined && this.state !== 'crashed') return caucus
    throw this.#notThere('is not connected')
  }

  #notThere(what: string): CaucusError {
    const hint = this.alive ? 'let time pass first: await cluster.settled()' : 'start() it first'
    return new CaucusError('CAUCUS_NOT_SETTLED', `${this.id} ${what} (it is ${this.state}); ${hint}`)
  }

  /**
   * Starts its process, on the same machine and with the same id as before. Beside one that runs it is its twin, and fences it. `protocol`:
   * the newest version of the links' protocol that it speaks from now on; 1 is an older build of it.
   */
  start({ protocol = this.#protocol }: { readonly protocol?: Protocol } = {}): void {
    this.#protocol = checkProtocol('start({ protocol })', protocol)
    const { bench, id, handlers, web, open } = this.#options
    const weight = this.#weight
    this.#route.on = true
    // Nothing starts on a machine that sleeps.
    if (this.#asleep) this.resume()
    const random = this.#random.fork(`process ${++this.#starts}`)
    this.#note('starts', `protocol ${protocol}`, 'up')
    const { machine } = this
    this.#processes.push(
      new MemberProcess({
        bench,
        who: id,
        id,
        machine,
        random,
        handlers,
        web,
        protocol,
        ...(weight !== undefined && { weight }),
        ...(open !== undefined && { open }),
      }),
    )
  }

  /** SIGTERM: it leaves the group, and closes its connection. Resolves once nothing of it is left: let time pass meanwhile. */
  async leave(): Promise<void> {
    const process = this.process
    if (process === undefined || !this.alive) return
    this.#note('is told to stop')
    await process.stop()
  }

  /** Weighs so much from now on, also when it starts again. */
  setWeight(weight: number): void {
    this.#weight = checkWeight(weight, 'setWeight(weight)')
    this.#note('weighs', String(weight))
    for (const { loop, membership } of this.processes) {
      if (membership?.state === 'member' && loop.state === 'runs') loop.run(() => membership.setWeight(weight))
    }
  }

  /** Ends it as `kill -9` does. `silent`: its machine goes with it, so that nobody is told that the connection is gone. */
  crash({ silent = false }: { readonly silent?: boolean } = {}): void {
    if (!this.alive) return
    this.#note('crashes', silent ? 'with its machine' : '', 'down')
    this.#route.on = !silent
    // What is killed while its machine sleeps is found dead when that wakes up: now.
    this.machine.resume(this.#options.bench.timeline.nowMs)
    this.#asleep = false
    for (const process of this.processes) process.crash(silent)
  }

  /** Stands still for so long, as on SIGSTOP or with a blocked event loop; without `ms` until `resume`. */
  pause(ms?: Millis): void {
    checkMsIfGiven('pause(ms)', ms)
    const { timeline, work } = this.#options.bench
    const stopped = this.processes.filter(({ loop }) => loop.state === 'runs')
    if (stopped.length === 0) return
    this.#note('stands still', ms === undefined ? '' : `for ${ms} ms`, 'still')
    for (const { loop } of stopped) {
      work.stopped(loop)
      loop.stop()
    }
    if (ms !== undefined) timeline.after(ms, () => this.resume())
  }

  /** Goes on after a pause. */
  resume(): void {
    const { timeline, work, beliefs } = this.#options.bench
    this.machine.resume(timeline.nowMs)
    const graceMs = this.#asleep ? LATE_AFTER_SLEEP_MS : 0
    this.#asleep = false
    for (const { loop } of this.processes) {
      if (loop.state !== 'stopped') continue
      loop.goOn()
      this.#note('goes on', undefined, 'up')
      // The first look is what counts: before any timer could clear anything.
      beliefs.look(loop)
      work.resumed(loop, graceMs)
    }
  }

  /** Its machine sleeps for so long, like a closed laptop: the monotonic clock stands still, too. Without `ms` until `resume`. */
  suspend(ms?: Millis): void {
    checkMsIfGiven('suspend(ms)', ms)
    if (this.process?.loop.state !== 'runs') return
    this.machine.suspend(this.#options.bench.timeline.nowMs)
    this.#asleep = true
    this.pause(ms)
  }

  /** Somebody sets its wall clock, forwards or back. */
  stepWallClock(byMs: Millis): void {
    within('stepWallClock(byMs)', byMs, -1e12, 1e12)
    this.#note('wall clock', `steps by ${Math.round(byMs)} ms`)
    this.machine.stepWall(byMs, this.#options.bench.timeline.nowMs)
  }

  /** No packet passes between it and the coordinator, either way, for so long; without `ms` until `heal`. */
  partition(ms?: Millis): void {
    this.drop('up', ms)
    this.drop('down', ms)
  }

  /** As `partition`, in one direction: `up` is towards the coordinator. */
  drop(travel: Travel, ms?: Millis): void {
    oneOf('drop(travel)', travel, ['up', 'down'])
    checkMsIfGiven('drop(travel, ms)', ms)
    const { timeline } = this.#options.bench
    const lift = this.#route[travel].block()
    this.#note('network', `nothing passes ${travel}${ms === undefined ? '' : ` for ${ms} ms`}`)
    const unblock = () => {
      if (!this.#unblock.delete(unblock)) return
      this.#note('network', `carries again ${travel}`)
      lift()
    }
    this.#unblock.add(unblock)
    if (ms !== undefined) timeline.after(ms, unblock)
  }

  /** Every packet takes so much longer, for so long; without `forMs` until `heal`. */
  slow(byMs: Millis, forMs?: Millis): void {
    checkMs('slow(byMs)', byMs)
    checkMsIfGiven('slow(byMs, forMs)', forMs)
    this.#note('network', `takes ${byMs} ms longer${forMs === undefined ? '' : ` for ${forMs} ms`}`)
    this.#route.up.extraDelayMs = byMs
    this.#route.down.extraDelayMs = byMs
    if (forMs !== undefined) this.#options.bench.timeline.after(forMs, () => this.#quicken())
  }

  #quicken(): void {
    this.#route.up.extraDelayMs = 0
    this.#route.down.extraDelayMs = 0
  }

  /** Its connection is forgotten by some box on the way. */
  disconnect({ told = 'both' }: { readonly told?: Told } = {}): void {
    oneOf('disconnect({ told })', told, TOLD)
    this.#note('connection lost', `${told} hear${told === 'both' ? '' : 's'} of it`)
    this.#options.bench.network.forget(this.id, told)
  }

  /** The network carries everything again, and its process runs. */
  heal(): void {
    for (const unblock of [...this.#unblock]) unblock()
    this.#quicken()
    this.resume()
  }

  #note(what: string, detail?: string, state?: 'up' | 'still' | 'down'): void {
    const { timeline, chronicle } = this.#options.bench
    chronicle.note({ at: timeline.nowMs, who: this.id, what, detail, state })
  }
}

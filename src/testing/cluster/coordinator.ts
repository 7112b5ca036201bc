import { checkOptions, checkShare } from '../../client/options.ts'
import type { Timing } from '../../config/timing.ts'
import type { GroupSettings } from '../../core/group/book.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { Order } from '../../core/group/orders.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import { explain } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import type { Random } from '../../core/random.ts'
import type { Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { Protocol } from '../../wire/versions.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { checkMs, checkMsIfGiven, checkOrder, checkProtocol, LONGEST_MS, within } from './arguments.ts'
import { type Bench, faultText, newLoop, newMachine, protocolOf } from './bench.ts'
import { Disk } from './disk.ts'
import type { EventLoop } from './event-loop.ts'
import { COORDINATOR, type Network } from './network.ts'
import { ServerProcess, type ServerSettings } from './server-process.ts'

/** What a restart may change. */
export interface CoordinatorChanges {
  /** The disk is gone, and with it every epoch that was written down. */
  readonly loseStore?: boolean
  /** Other settings of the groups, such as a shorter lease. */
  readonly timing?: Partial<GroupSettings>
  /** What the operator fixes for the cluster's group. */
  readonly share?: ShareKind
  /** The newest version of the links' protocol that it speaks: 1 is an older build of it. */
  readonly protocol?: Protocol
}

/** How long whoever supervises it waits before it starts it again. */
const RESTART_MS: Millis = 1_000

/** The coordinator of a cluster: one machine with a disk, on which the server's process runs, again and again. */
export class SimulatedCoordinator {
  readonly machine: MachineClock
  readonly #bench: Bench<Network>
  readonly #random: Random
  readonly #disk: Disk
  readonly #onEvent: (event: GroupEvent) => void
  #settings: ServerSettings
  #loop: EventLoop | undefined
  #process: ServerProcess | undefined
  #runs = 0
  #longestLeaseMs: Millis

  /** Made by `memoryCluster`. */
  constructor(bench: Bench<Network>, onEvent: (event: GroupEvent) => void) {
    const { conditions, timeline } = bench
    this.#bench = bench
    this.#onEvent = onEvent
    this.#random = bench.random.fork('coordinator')
    this.machine = newMachine(this.#random, conditions.drift)
    this.#disk = new Disk(timeline, conditions.durable)
    this.#disk.onClosedTwice = () => bench.findings.add('U3', COORDINATOR, 'the coordinator closed its store twice')
    this.#longestLeaseMs = conditions.timing.leaseMs
    this.#settings = {
      group: settingsOf(conditions.timing),
      shares: new Map(conditions.configured ? [[conditions.group, conditions.share]] : []),
      fresh: true,
      pingMs: 2 * conditions.timing.leaseMs,
      linkBufferBytes: conditions.linkBufferBytes,
      protocol: protocolOf(conditions, COORDINATOR),
    }
  }

  /** `up`: it takes connections. */
  get state(): 'up' | 'starting' | 'down' {
    if (this.#loop === undefined || this.#loop.state === 'over') return 'down'
    return this.#process === undefined ? 'starting' : 'up'
  }

  get loop(): EventLoop | undefined {
    return this.#loop
  }

  get process(): ServerProcess | undefined {
    return this.#process
  }

  /** The settings of groups at present. */
  get settings(): GroupSettings {
    return this.#settings.group
  }

  /** The longest lease that it ever gave. */
  get longestLeaseMs(): Millis {
    return this.#longestLeaseMs
  }

  /** What is safe from a crash at this instant. */
  get keptGeneration(): number {
    return this.#disk.kept?.generation ?? 0
  }

  /** The group as the coordinator sees it; `undefined` when it is not there. */
  view(group: string = this.#bench.conditions.group): GroupView | undefined {
    return this.#process?.hosting.viewOf(group)
  }

  /** Starts it, if it is down. What members hold from before is adopted as on any restart. */
  start(changes: CoordinatorChanges = {}): void {
    checkChanges(changes)
    const { loseStore = false, timing, share, protocol } = changes
    if (this.state !== 'down') return
    const { conditions, network, timeline, epochs } = this.#bench
    network.coordinatorOn = true
    if (loseStore) this.#disk.lose()
    // Epochs may repeat then: `leased`, and not `fenced`.
    if (loseStore || (!conditions.durable && this.#runs > 0)) epochs.promised = false
    if (timing !== undefined) this.#settings = { ...this.#settings, group: { ...this.#settings.group, ...timing } }
    if (share !== undefined) this.#settings = { ...this.#settings, shares: new Map([[conditions.group, share]]) }
    if (protocol !== undefined) this.#settings = { ...this.#settings, protocol }
    // Nobody remembers a longer lease without a store (docs/guarantees.md): it can only be configured again.
    if (loseStore || !conditions.durable) {
      const leaseMs = Math.max(this.#settings.group.leaseMs, this.#longestLeaseMs)
      this.#settings = { ...this.#settings, group: { ...this.#settings.group, leaseMs } }
    }
    this.#longestLeaseMs = Math.max(this.#longestLeaseMs, this.#settings.group.leaseMs)
    const loop = newLoop(this.#bench, COORDINATOR, this.machine, this.#random.fork(`late ${++this.#runs}`))
    const settings = this.#settings
    this.#settings = { ...settings, fresh: false }
    this.#loop = loop
    this.#note('starts', `lease ${settings.group.leaseMs} ms, protocol ${settings.protocol}`)
    const wallMs = () => this.machine.wallMs(timeline.nowMs)
    const options = {
      loop,
      settings,
      wallMs,
      findings: this.#bench.findings,
      lateMs: conditions.lateMs,
      store: this.#disk.open(loop),
      happened: (event: GroupEvent) => this.#happened(event),
      failed: (error: unknown) =>
        this.#bench.findings.add('core', COORDINATOR, `the coordinator failed: ${faultText(error)}`),
    }
    loop
      .run(() => ServerProcess.start(options))
      .then(
        (process) => this.#listens(loop, process),
        (error: unknown) => this.#couldNotStart(loop, error),
      )
  }

  #listens(loop: EventLoop, process: ServerProcess): void {
    if (this.#loop !== loop || loop.state === 'over') return
    this.#process = process
    this.#bench.network.far = process
    this.#note('listens', `generation ${process.hosting.view().generation}`)
  }

  #couldNotStart(loop: EventLoop, error: unknown): void {
    if (this.#loop !== loop) return
    this.#note('could not start', faultText(error))
    this.crash()
    this.#bench.timeline.after(RESTART_MS, () => this.start())
  }

  /** Ends it as `kill -9` does. `silent`: the machine goes with it, and nobody is told that the connections are gone. */
  crash({ silent = false }: { readonly silent?: boolean } = {}): void {
    const loop = this.#loop
    if (loop === undefined || loop.state === 'over') return
    this.#note('crashes', silent ? 'with its machine' : '', 'down')
    const { network, timeline } = this.#bench
    // What is killed while its machine sleeps is found dead when that wakes up: now.
    this.machine.resume(timeline.nowMs)
    loop.kill()
    network.far = undefined
    network.coordinatorOn = !silent
    network.processGone(loop, silent)
    this.#process = undefined
  }

  /** SIGTERM: it sends its links away and closes its store. Resolves once nothing of it is left. */
  async stop(): Promise<void> {
    const process = this.#process
    const loop = this.#loop
    if (process === undefined || loop === undefined) return this.crash()
    const closed = loop.run(() => process.close())
    await closed
    await process.close()
    const left: string[] = []
    if (loop.pending > 0) left.push(`${loop.pending} timers`)
    const sockets = this.#bench.network.socketsOf(loop)
    if (sockets > 0) left.push(`${sockets} sockets`)
    if (left.length > 0)
      this.#bench.findings.add('U1', COORDINATOR, `the coordinator has closed, and left ${left.join(', ')}`)
    this.crash()
  }

  /** Stands still for so long, as on SIGSTOP; without `ms` until `resume`. */
  pause(ms?: Millis): void {
    checkMsIfGiven('pause(ms)', ms)
    const loop = this.#loop
    if (loop === undefined || loop.state !== 'runs') return
    this.#note('stands still', ms === undefined ? '' : `for ${ms} ms`, 'still')
    loop.stop()
    if (ms !== undefined) this.#bench.timeline.after(ms, () => this.#resume(loop))
  }

  /** Lets a coordinator that was stopped by `pause()` go on: it finds its clock far ahead. */
  resume(): void {
    if (this.#loop !== undefined) this.#resume(this.#loop)
  }

  #resume(loop: EventLoop): void {
    if (loop.state !== 'stopped') return
    this.machine.resume(this.#bench.timeline.nowMs)
    this.#note('goes on', undefined, 'up')
    loop.goOn()
  }

  /** Its machine sleeps for so long: the monotonic clock stands still, too. */
  suspend(ms?: Millis): void {
    checkMsIfGiven('suspend(ms)', ms)
    if (this.#loop?.state !== 'runs') return
    this.machine.suspend(this.#bench.timeline.nowMs)
    this.pause(ms)
  }

  /** Sets its wall clock forward or back by so many milliseconds. Nothing is promised by that clock. */
  stepWallClock(byMs: Millis): void {
    within('stepWallClock(byMs)', byMs, -1e12, 1e12)
    this.#note('wall clock', `steps by ${Math.round(byMs)} ms`)
    this.machine.stepWall(byMs, this.#bench.timeline.nowMs)
  }

  /** Every write takes so long, for so long; without `forMs` until `heal`. */
  slowDisk(writeMs: Millis, forMs?: Millis): void {
    checkMs('slowDisk(writeMs)', writeMs)
    checkMsIfGiven('slowDisk(writeMs, forMs)', forMs)
    this.#note('disk', `takes ${writeMs} ms`)
    this.#disk.writeMs = writeMs
    if (forMs !== undefined) this.#bench.timeline.after(forMs, () => this.#disk.quicken())
  }

  /** Every write fails, for so long; without `forMs` until `heal`. */
  failDisk(forMs?: Millis): void {
    checkMsIfGiven('failDisk(forMs)', forMs)
    this.#note('disk', 'fails')
    this.#disk.failing = true
    if (forMs !== undefined) this.#bench.timeline.after(forMs, () => this.#disk.repair())
  }

  /** Its disk works again, it goes on, and is started if it is down. */
  heal(): void {
    this.#disk.quicken()
    this.#disk.repair()
    this.resume()
    this.start()
  }

  /** An operator removes somebody. */
  evict(member: string): void {
    const process = this.#process
    if (process === undefined || this.#loop?.state !== 'runs') return
    this.#loop.run(() => {
      try {
        process.hosting.evict(this.#bench.conditions.group, member)
      } catch (error) {
        // It is on its way out and writes its last: whoever asks then is told so, and nobody is evicted.
        if (!isCaucusError(error) || error.code !== 'CAUCUS_CLOSED') throw error
      }
    })
  }

  /** An operator orders something of the group. Resolves once it is durable and in force, and rejects as the real one does. */
  async order(order: Order): Promise<void> {
    checkOrder('order(order)', order)
    const process = this.#process
    if (process === undefined || this.#loop?.state !== 'runs') {
      throw new CaucusError('CAUCUS_UNAVAILABLE', 'the coordinator does not run; start it, and order again')
    }
    await this.#loop.run(() => process.hosting.order(this.#bench.conditions.group, order))
  }

  #happened(event: GroupEvent): void {
    this.#note(event.type, explain(event))
    this.#onEvent(event)
  }

  #note(what: string, detail?: string, state?: 'up' | 'still' | 'down'): void {
    const { timeline, chronicle } = this.#bench
    chronicle.note({ at: timeline.nowMs, who: COORDINATOR, what, detail, state })
  }
}

const checkChanges = (changes: CoordinatorChanges): void => {
  checkOptions(changes, ['loseStore', 'timing', 'share', 'protocol'], 'start()')
  checkShare(changes.share)
  if (changes.protocol !== undefined) checkProtocol('start({ protocol })', changes.protocol)
  checkOptions(changes.timing, SETTINGS, 'start({ timing })')
  for (const [name, ms] of Object.entries(changes.timing ?? {})) {
    if (name === 'leaseMs') within('start({ timing }): leaseMs', ms, 1, LONGEST_MS)
    else checkMs(`start({ timing }): ${name}`, ms)
  }
}

const SETTINGS: readonly (keyof GroupSettings)[] = [
  'leaseMs',
  'settleMs',
  'settleCapMs',
  'drainLimitMs',
  'staticGraceMs',
]

const settingsOf = ({ leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs }: Timing): GroupSettings => ({
  leaseMs,
  settleMs,
  settleCapMs,
  drainLimitMs,
  staticGraceMs,
})

import type { GroupSettings } from '../../core/group/book.ts'
import { type CoordinatorOptions, configuredLeases } from '../../core/group/coordinator.ts'
import { type Foundation, nextFoundation } from '../../core/group/foundation.ts'
import type { ShareKind } from '../../core/group/messages.ts'
import type { PollSettings } from '../../core/group/poll-group.ts'
import type { Random } from '../../core/random.ts'
import type { Bench } from './bench.ts'
import { exponential, MAX_LEASE_FACTOR } from './conditions.ts'
import { type CoordinatorHost, CoordinatorProcess } from './coordinator-process.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Habits } from './process.ts'
import { SimulatedStore } from './store.ts'

export const POLL_GROUP = 'polled'

/** The one computer that the coordinator runs on, again and again, with its disk and its configuration. */
export class ServerRoom {
  readonly clock: MachineClock
  readonly #bench: Bench
  readonly #random: Random
  readonly #habits: Habits
  readonly #host: CoordinatorHost
  readonly #store = new SimulatedStore()
  #current: CoordinatorProcess | undefined
  #runs = 0
  #starting = 0
  /** One that has stopped is writing down what it leaves behind. */
  #stopping = false
  #instance = 0
  #highestGeneration = 0
  /** Since the last coordinator that listened, one has begun with nothing. */
  #blank = false
  settings: GroupSettings
  /** What is started here speaks another version of the protocol: nobody understands it, and it nobody. */
  foreign = false
  readonly shares = new Map<string, ShareKind>()
  /** The longest lease that was ever configured. */
  longestLeaseMs: number
  /** Called when a coordinator begins below epochs that were given before: only belief is promised then. */
  onAnew: () => void = () => {}
  /** Called with what is made of what was found, before it is written. */
  onFounded: (stored: Foundation | undefined, foundation: Foundation) => void = () => {}

  constructor(bench: Bench, clock: MachineClock, habits: Habits, host: CoordinatorHost) {
    this.#bench = bench
    this.#random = bench.random.fork('server')
    this.#habits = habits
    this.#host = host
    this.clock = clock
    const { leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs } = bench.conditions.timing
    this.settings = { leaseMs, settleMs, settleCapMs, drainLimitMs, staticGraceMs }
    this.longestLeaseMs = leaseMs
    for (const { name, share, unconfigured } of bench.conditions.groups)
      if (unconfigured !== true) this.shares.set(name, share)
  }

  /** Groups may have leases of their own, longer than the one for all others. */
  settingsOf(name: string): GroupSettings {
    const factor = this.#bench.conditions.groups.find((group) => group.name === name)?.leaseFactor ?? 1
    return { ...this.settings, leaseMs: this.settings.leaseMs * factor }
  }

  get longestGroupLeaseMs(): number {
    return this.longestLeaseMs * MAX_LEASE_FACTOR
  }

  get current(): CoordinatorProcess | undefined {
    return this.#current
  }

  /** Reads the store, makes a later generation durable, and only then listens. */
  start(): void {
    const { conditions, agenda } = this.#bench
    if (this.#current !== undefined || this.#starting > 0) return
    if (this.#stopping) return agenda.after(1, () => this.start())
    const starting = ++this.#runs
    this.#starting = starting
    const stored = conditions.hasStore ? this.#store.read() : undefined
    if (stored === undefined) this.#instance++
    this.#blank ||= stored === undefined
    const first = starting === 1
    this.longestLeaseMs = Math.max(this.longestLeaseMs, this.settings.leaseMs)
    // Nobody remembers a longer lease without a store (docs/guarantees.md): it can only be configured again.
    if (stored === undefined) this.settings = { ...this.settings, leaseMs: this.longestLeaseMs }
    const leases = configuredLeases(this.#configuration())
    const foundation = nextFoundation(stored, leases, this.clock.wallMs(agenda.now))
    this.onFounded(stored, foundation)
    this.#bench.note('server', 'starts', foundation, foundation.generation)
    this.#bench.tell({ who: 'server', what: 'starts', detail: `lease ${this.settings.leaseMs}` })
    this.#write(foundation, (durable) => {
      if (this.#starting !== starting) return
      this.#starting = 0
      if (durable) this.#listen(starting, foundation, { fresh: first && conditions.fresh, roll: stored?.roll })
      else this.start()
    })
  }

  #listen(run: number, foundation: Foundation, found: Pick<CoordinatorOptions, 'fresh' | 'roll'>): void {
    const { agenda, conditions } = this.#bench
    const { hasStore, addressed } = conditions
    const { generation } = foundation
    if (this.#blank && generation <= this.#highestGeneration) {
      this.#highestGeneration = generation
      this.onAnew()
    }
    this.#blank = false
    this.#highestGeneration = Math.max(this.#highestGeneration, generation)
    const options: Omit<CoordinatorOptions, 'startedAt'> = {
      wallMs: this.clock.wallMs(agenda.now),
      ...(conditions.once !== undefined && { once: conditions.once }),
      clusterId: 'simulated',
      instanceId: !hasStore && addressed === true ? 'address' : `instance-${this.#instance}`,
      foundation,
      ...found,
      ...this.#configuration(),
      limits: { groups: 20, membersPerGroup: 50 },
    }
    this.#current = new CoordinatorProcess(run, options, {
      agenda,
      clock: this.clock,
      habits: this.#habits,
      host: this.#host,
      server: `server-${this.#instance}`,
    })
    this.#bench.tell({ who: 'server', what: 'listens', state: 'up' })
    this.#bench.note(
      'server',
      'listens',
      `generation ${foundation.generation} lease ${this.settings.leaseMs} fresh ${found.fresh}`,
      run,
    )
  }

  #configuration(): Pick<CoordinatorOptions, 'defaults' | 'groups' | 'poll'> {
    const { poll } = this.#bench.conditions
    return {
      defaults: this.settings,
      groups: new Map([...this.shares].map(([name, share]) => [name, { ...this.settingsOf(name), share }])),
      ...(poll !== undefined && { poll: { ...this.#pollSettings(poll.intervalMs), group: POLL_GROUP } }),
    }
  }

  #pollSettings(intervalMs: number): PollSettings {
    const { settleMs, settleCapMs } = this.settings
    return { timeoutMs: intervalMs * 2.5, settleMs, settleCapMs, pollIntervalMs: intervalMs }
  }

  /** It gives out nothing more, says who may hold something, and is gone. */
  stop(): boolean {
    const { current } = this
    if (current === undefined || current.standsStill) return false
    const testament = current.machine.testament(current.read())
    this.#bench.note('server', 'stops', testament, testament.generation)
    this.#bench.tell({ who: 'server', what: 'stops', state: 'down' })
    current.kill()
    this.#current = undefined
    if (this.#bench.has('storeFailure') && this.#random.next() < 0.3) {
      this.#bench.count('storeFailure')
      return true
    }
    this.#stopping = true
    this.#write(testament, () => {
      this.#stopping = false
    })
    return true
  }

  crash(): void {
    if (this.#current === undefined && this.#starting === 0 && !this.#stopping) return
    this.#stopping = false
    this.#bench.note('server', 'crashes')
    this.#bench.tell({ who: 'server', what: 'crashes', state: 'down' })
    this.#current?.kill()
    this.#store.cutOff(this.#random.next() < 0.5)
    this.clock.resume(this.#bench.now)
    this.#current = undefined
    this.#starting = 0
  }

  persist(from: CoordinatorProcess, ticket: number, foundation: Foundation): void {
    this.#highestGeneration = Math.max(this.#highestGeneration, foundation.generation)
    if (this.#bench.has('storeFailure') && this.#random.next() < 0.3) {
      this.#bench.count('storeFailure')
      this.#bench.agenda.after(1, () => from.post({ type: 'persistFailed', ticket }))
      return
    }
    this.#write(foundation, () => from.post({ type: 'persisted', ticket }))
  }

  #write(foundation: Foundation, done: (durable: boolean) => void): void {
    const { agenda, conditions } = this.#bench
    if (!conditions.hasStore) {
      agenda.after(0, () => done(true))
      return
    }
    let forMs = 0.5 + exponential(this.#random, 1)
    if (this.#bench.has('slowStore')) {
      this.#bench.count('slowStore')
      forMs += exponential(this.#random, conditions.timing.leaseMs)
    }
    this.#store.write(foundation, agenda, forMs, () => done(true))
  }

  loseStore(): void {
    this.#store.lose()
  }
}

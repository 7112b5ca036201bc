import { type SoundPeer, soundPeer } from '../../backends/peer/options.ts'
import type { ElectionRecord } from '../../core/election/record.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { Random } from '../../core/random.ts'
import type { ReplicaRecord } from '../../core/replication/messages.ts'
import type { Millis } from '../../core/time.ts'
import type { Happened, Telemetry } from '../../ports/telemetry.ts'
import type { VoterDirectory } from '../../stores/voter-store.ts'
import { type Bench, faultText, newLoop, newMachine } from '../cluster/bench.ts'
import type { EventLoop } from '../cluster/event-loop.ts'
import { pick } from '../simulation/conditions.ts'
import type { MachineClock } from '../simulation/machine-clock.ts'
import { PeerDisk } from './disk.ts'
import { type PeersNetwork, PORT } from './network.ts'
import { PeerProcess } from './peer-process.ts'

export interface SimulatedPeerOptions {
  readonly bench: Bench<PeersNetwork>
  readonly id: string
  /** All of them, with this one. */
  readonly voters: readonly string[]
  readonly durable: boolean
  /** The leases that its file may say when it starts, in parts of the usual one. */
  readonly leases: readonly number[]
  /** What a coordinator says of its groups, in the step in which it does it. */
  happened(peer: SimulatedPeer, event: GroupEvent): void
}

/** What a coordinator tells of its groups, and an election or a link of its own. */
const OF_GROUPS = /^(member|group|partition|slot|tenure|place|service)\./

/** One peer of a cluster: a machine with a disk, on which its process runs, again and again. */
export class SimulatedPeer {
  readonly id: string
  readonly machine: MachineClock
  readonly disk: PeerDisk
  readonly #options: SimulatedPeerOptions
  readonly #random: Random
  readonly #election
  readonly #charter
  #loop: EventLoop | undefined
  #process: PeerProcess | undefined
  #stopping = false
  #runs = 0
  #longestLeaseMs: Millis = 0

  constructor(options: SimulatedPeerOptions) {
    const { bench, id } = options
    this.id = id
    this.#options = options
    this.#random = bench.random.fork(`peer ${id}`)
    this.machine = newMachine(this.#random, bench.conditions.drift)
    this.disk = new PeerDisk(bench.timeline)
    this.#election = this.disk.file<ElectionRecord>()
    this.#charter = this.disk.file<ReplicaRecord>()
  }

  /** What its file says. Of the members' leases not every file says the same, in the middle of a rolling change. */
  #configured(leaseMs: Millis): SoundPeer {
    const { bench, id, voters } = this.#options
    return soundPeer({
      identifier: id,
      listen_host: id,
      listen_port: PORT,
      peers: voters.map((voter) => ({ identifier: voter, host: voter, port: PORT })),
      cluster: 'simulated',
      timing: { ...bench.conditions.timing, leaseMs },
      insecure: true,
      onFault: (error) => bench.findings.add('core', id, `${id} failed: ${faultText(error)}`),
    })
  }

  /** `up`: it takes part. */
  get state(): 'up' | 'starting' | 'stopping' | 'down' {
    if (this.#loop === undefined || this.#loop.state === 'over') return 'down'
    if (this.#stopping) return 'stopping'
    return this.#process === undefined ? 'starting' : 'up'
  }

  get loop(): EventLoop | undefined {
    return this.#loop
  }

  get process(): PeerProcess | undefined {
    return this.#process
  }

  /** The longest lease that it was ever configured to give. */
  get longestLeaseMs(): Millis {
    return this.#longestLeaseMs
  }

  /** How often it was started. */
  get runs(): number {
    return this.#runs
  }

  /** What is safe from a crash at this instant. */
  get kept(): { readonly election: ElectionRecord | undefined; readonly charter: ReplicaRecord | undefined } {
    return { election: this.#election.kept, charter: this.#charter.kept }
  }

  /** What it once knew, it knows: another one may lose its disk. */
  get isWhole(): boolean {
    const view = this.#process?.cluster.view()
    const { election, charter } = this.kept
    const isBlank = this.disk.losses > 0 && charter === undefined
    return view !== undefined && view.waitingFor.length === 0 && election?.complete === true && !isBlank
  }

  /** Starts it, if it is down. */
  start(): void {
    if (this.state !== 'down') return
    const { bench, id } = this.#options
    const { timeline, conditions, network } = bench
    network.host(id).on = true
    const random = this.#random.fork(`process ${++this.#runs}`)
    const loop = newLoop(bench, id, this.machine, random.fork('late'))
    this.#loop = loop
    this.#stopping = false
    const leaseMs = conditions.timing.leaseMs * pick(random.fork('lease'), this.#options.leases)
    this.#longestLeaseMs = Math.max(this.#longestLeaseMs, leaseMs)
    const sound = this.#configured(leaseMs)
    this.#note('starts', `lease ${leaseMs} ms`, 'up')
    const chance = random.fork('chance')
    let ids = 0
    loop.run(() => {
      const process = new PeerProcess({
        loop,
        network,
        sound,
        store: this.#open(loop),
        telemetry: this.#telemetry(loop),
        linkBufferBytes: conditions.linkBufferBytes,
        random: () => chance.next(),
        newId: () => `${id}-${this.#runs}-${++ids}-${chance.below(1e9)}`,
        wallMs: () => this.machine.wallMs(timeline.nowMs),
      })
      this.#process = process
      network.host(id).listener = process
    })
  }

  #open(loop: EventLoop): VoterDirectory | undefined {
    if (!this.#options.durable) return undefined
    const never = new Promise<never>(() => undefined)
    return {
      lost: never,
      found: this.#election.kept,
      save: (record) => this.#election.save(loop, record),
      charter: { found: this.#charter.kept, save: (record) => this.#charter.save(loop, record) },
      close: async () => undefined,
    }
  }

  #telemetry(loop: EventLoop): Telemetry {
    return {
      event: (event) => {
        if (this.#loop === loop) this.#told(event)
      },
      count: () => undefined,
      gauge: () => undefined,
      duration: () => undefined,
      log: () => undefined,
    }
  }

  #told(event: Happened): void {
    const { type, ...details } = event
    this.#note(type, JSON.stringify(details))
    if (OF_GROUPS.test(type)) this.#options.happened(this, event as GroupEvent)
  }

  /** kill -9. `silent`: the machine goes with it, and nobody is told that the connections are gone. */
  crash({ silent = false }: { readonly silent?: boolean } = {}): void {
    const loop = this.#loop
    if (loop === undefined || loop.state === 'over') return
    this.#note('crashes', silent ? 'with its machine' : '', 'down')
    const { network, timeline } = this.#options.bench
    // What is killed while its machine sleeps is found dead when that wakes up: now.
    this.machine.resume(timeline.nowMs)
    loop.kill()
    const host = network.host(this.id)
    host.listener = undefined
    host.on = !silent
    network.processGone(loop, silent)
    this.#process = undefined
  }

  /** Whatever it wrote down is gone, or its copy of the charter alone. */
  loseDisk(charterAlone: boolean): void {
    this.#note('disk', charterAlone ? 'has lost the charter' : 'is lost')
    this.disk.lose(charterAlone ? this.#charter : undefined)
  }

  /** SIGTERM: it hands over, sends its connections away and ends. Resolves once nothing of it is left. */
  async stop(): Promise<void> {
    const process = this.#process
    const loop = this.#loop
    if (process === undefined || loop === undefined || isOver(loop)) return
    this.#note('is told to stop')
    this.#stopping = true
    await loop.run(() => process.close())
    if (isOver(loop)) return
    const { network, findings } = this.#options.bench
    await process.close()
    const left: string[] = []
    if (loop.pending > 0) left.push(`${loop.pending} timers`)
    const sockets = network.socketsOf(loop)
    if (sockets > 0) left.push(`${sockets} sockets`)
    if (left.length > 0) findings.add('U1', this.id, `${this.id} has closed, and left ${left.join(', ')}`)
    this.#note('has stopped')
    this.crash()
  }

  /** An operator asks it to hand over. */
  transfer(to?: string): void {
    const process = this.#process
    const loop = this.#loop
    if (process === undefined || loop?.state !== 'runs') return
    this.#note('is to hand over', to)
    // Refused is answered well, too.
    loop.run(() => void process.cluster.transfer(to).catch((error) => this.#note('does not', faultText(error))))
  }

  pause(ms: Millis): void {
    const loop = this.#loop
    if (loop === undefined || loop.state !== 'runs') return
    this.#note('stands still', `for ${ms} ms`, 'still')
    loop.stop()
    this.#options.bench.timeline.after(ms, () => this.#resume(loop))
  }

  #resume(loop: EventLoop): void {
    if (loop.state !== 'stopped') return
    this.machine.resume(this.#options.bench.timeline.nowMs)
    this.#note('goes on', undefined, 'up')
    loop.goOn()
  }

  /** Its machine sleeps: the monotonic clock stands still, too. */
  suspend(ms: Millis): void {
    if (this.#loop?.state !== 'runs') return
    this.machine.suspend(this.#options.bench.timeline.nowMs)
    this.pause(ms)
  }

  stepWallClock(byMs: Millis): void {
    this.#note('wall clock', `steps by ${Math.round(byMs)} ms`)
    this.machine.stepWall(byMs, this.#options.bench.timeline.nowMs)
  }

  /** Its disk works again, it goes on, and is started if it is down. */
  heal(): void {
    this.disk.heal()
    if (this.#loop !== undefined) this.#resume(this.#loop)
    this.start()
  }

  #note(what: string, detail?: string, state?: 'up' | 'still' | 'down'): void {
    const { timeline, chronicle } = this.#options.bench
    const leads = this.#process?.cluster.isLeader === true
    chronicle.note({ at: timeline.nowMs, who: this.id, what, detail, state: state ?? (leads ? 'holds' : undefined) })
  }
}

/** Asked anew each time: a loop may be killed while somebody waits. */
const isOver = ({ state }: EventLoop): boolean => state === 'over'

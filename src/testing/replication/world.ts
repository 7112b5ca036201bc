import type { Sender } from '../../core/election/messages.ts'
import { majorityOf } from '../../core/election/quorum.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import type { ReplicaEffect, ReplicaInput } from '../../core/replication/io.ts'
import type { ReplicaMessage } from '../../core/replication/messages.ts'
import { PeerNetwork, type Sent } from '../election/network.ts'
import { exponential } from '../simulation/conditions.ts'
import { MachineClock } from '../simulation/machine-clock.ts'
import type { Habits } from '../simulation/process.ts'
import { keyOf, type ReplicationBench, wordsOf } from './bench.ts'
import { Judge } from './judge.ts'
import { Oracle } from './oracle.ts'
import { Platter } from './platter.ts'
import { ReplicaProcess, type VoterHost } from './voter.ts'

/** How much is as long as a voter may be away, in retries. */
const LONG = 5

/** The voters, the wires between them, who makes leaders of them, and everybody who watches that the rules hold. */
export class ReplicationWorld implements VoterHost {
  readonly bench: ReplicationBench
  readonly judge: Judge
  readonly oracle: Oracle
  readonly network: PeerNetwork<ReplicaMessage>
  readonly ids: readonly string[]
  /** Those that run. */
  readonly voters = new Map<string, ReplicaProcess>()
  /** Empty where nothing is written down. */
  readonly platters = new Map<string, Platter>()
  /** What each of those that recover quotes now: another one in each round. */
  readonly asking = new Map<string, string>()
  readonly #lives: Random
  readonly #boots = new Map<string, number>()

  constructor(bench: ReplicationBench) {
    const { conditions, agenda } = bench
    const { retryMs, delayMs } = conditions
    this.bench = bench
    this.ids = Array.from({ length: conditions.voters }, (_, n) => `v${n}`)
    this.judge = new Judge(bench, this.ids, () => this.platters)
    this.oracle = new Oracle(bench, (serial, bootId) => this.judge.decisions.made(serial, bootId))
    const wires = { delayMs, healedMs: retryMs * 0.1, overtakenMs: retryMs, slowMs: retryMs * LONG, wordsOf }
    this.network = new PeerNetwork(bench, wires, (sent) => this.#deliver(sent))
    this.#lives = bench.random.fork('lives')
    if (conditions.store)
      for (const id of this.ids) this.platters.set(id, new Platter(id, agenda, () => this.judge.changed(id)))
  }

  /** How long something lasts that one waits for. */
  get longMs(): number {
    return this.bench.conditions.retryMs * LONG
  }

  /** Whether a majority would still know if this voter's disk were lost as well, so that the election lets it come back. */
  mayLoseDisk(id: string): boolean {
    const blank = this.ids.filter((other) => other === id || this.platters.get(other)?.record === undefined)
    return blank.length < majorityOf(this.ids.length)
  }

  /** Starts the process of this voter, if none runs. */
  start(id: string): void {
    if (this.voters.has(id)) return
    const { agenda, conditions } = this.bench
    const boot = (this.#boots.get(id) ?? 0) + 1
    this.#boots.set(id, boot)
    const bootId = this.#bootOf(id)
    const random = this.#lives.fork(bootId)
    const { retryMs, store } = conditions
    const options = { id, bootId, voters: this.ids, store, retryMs, random: random.fork('machine') }
    const clock = new MachineClock(1 + 0.01 * (random.next() * 2 - 1), random.below(1e6), 0)
    const platter = this.platters.get(id)
    const voter = new ReplicaProcess(options, { agenda, clock, habits: HABITS, host: this, disk: platter?.disk })
    this.voters.set(id, voter)
    this.bench.note(bootId, 'starts')
    this.bench.tell({ who: id, what: `starts ${boot}`, state: 'up' })
    voter.post({ type: 'started', self: this.senderOf(id), record: platter?.disk.durable })
  }

  senderOf(id: string): Sender {
    const storeId = this.platters.get(id)?.storeId ?? ''
    return { cluster: 'simulated', voters: 'all', id, bootId: this.#bootOf(id), storeId }
  }

  #bootOf(id: string): string {
    return `${id}#${this.#boots.get(id) ?? 0}`
  }

  crash(voter: ReplicaProcess, justWritten: boolean): void {
    this.bench.note(voter.bootId, 'crashes')
    this.bench.tell({ who: voter.id, what: 'crashes', state: 'down' })
    voter.kill()
    voter.disk?.cutOff(justWritten)
    this.voters.delete(voter.id)
    this.oracle.gone(voter)
    this.judge.gone(voter)
  }

  startLater(id: string, random: Random): void {
    this.bench.agenda.after(exponential(random, this.longMs), () => this.start(id))
  }

  #deliver({ from, to, message }: Sent<ReplicaMessage>): boolean {
    const voter = this.voters.get(to)
    voter?.post({ type: 'message', from, message })
    return voter !== undefined
  }

  /** What comes again, or what nobody of this world has said. */
  forge(sent: Sent<ReplicaMessage>): void {
    this.#deliver(sent)
  }

  steps(voter: ReplicaProcess, input: ReplicaInput | Tick): void {
    this.bench.steps++
    if (input.type !== 'woke') {
      const isMessage = input.type === 'message'
      this.bench.note(voter.bootId, input.type, isMessage ? input.message : input, isMessage ? keyOf(input.message) : 0)
    }
    this.judge.steps(voter, input)
  }

  decided(voter: ReplicaProcess, effect: ReplicaEffect, input: ReplicaInput | Tick): void {
    this.judge.decided(voter, effect, input)
  }

  perform(voter: ReplicaProcess, effect: ReplicaEffect): void {
    if (effect.type === 'persist') return this.#persist(voter, effect)
    if (effect.type === 'send') {
      const { to, message } = effect
      if (message.type === 'recover') this.asking.set(voter.id, message.nonce)
      this.bench.note(voter.bootId, message.type, message, keyOf(message))
      this.judge.leaves(voter, to, message)
      return this.network.carry({ from: voter.id, to, message })
    }
    const { type, ...rest } = effect
    this.bench.note(voter.bootId, type, rest)
    this.bench.tell({ who: voter.id, what: type, detail: JSON.stringify(rest) })
    this.oracle.told(voter, effect)
  }

  #persist(voter: ReplicaProcess, { ticket, record }: Extract<ReplicaEffect, { type: 'persist' }>): void {
    const { bench } = this
    const random = this.#lives
    bench.note(voter.bootId, 'persists', record, ticket)
    let forMs = bench.conditions.writeMs * (0.5 + random.next())
    if (bench.has('slowDisk') && random.next() < 0.1) {
      bench.count('slowDisk')
      forMs += this.longMs * random.next()
    }
    voter.disk?.write(record, forMs, (durable) => {
      if (voter.alive) voter.post({ type: durable ? 'persisted' : 'persistFailed', ticket })
    })
    if (!bench.has('crashOnWrite') || random.next() > 0.02) return
    bench.count('crashOnWrite')
    bench.agenda.after(forMs * 1.2 * random.next(), () => {
      if (!voter.alive || !bench.faulty) return
      this.crash(voter, random.next() < 0.5)
      this.startLater(voter.id, random)
    })
  }

  voterStill(voter: ReplicaProcess, still: boolean): void {
    this.bench.tell({ who: voter.id, what: still ? 'stands still' : 'goes on', state: still ? 'still' : 'up' })
  }
}

/** Only when something is said again depends on a clock. */
const HABITS: Habits = { lateness: () => 0, wakesHarshly: () => true }

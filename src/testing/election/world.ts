import type { ElectionEffect, ElectionInput } from '../../core/election/io.ts'
import type { PeerMessage } from '../../core/election/messages.ts'
import type { Moment } from '../../core/election/record.ts'
import type { Tick } from '../../core/machine.ts'
import type { Random } from '../../core/random.ts'
import { exponential, pick } from '../simulation/conditions.ts'
import { MachineClock } from '../simulation/machine-clock.ts'
import type { Habits } from '../simulation/process.ts'
import { type ElectionBench, keyOf, wordsOf } from './bench.ts'
import { Disk } from './disk.ts'
import { Judge } from './judge.ts'
import { PeerNetwork, type Sent } from './network.ts'
import { idOf, Peer, type PeerHost, RIVAL } from './peer.ts'
import { TetherYard } from './tether-yard.ts'
import { WatcherPeer } from './watcher.ts'

/** 2023, so that bases look as they do. */
const WALL_AT_ZERO_MS = 1_700_000_000_000

export const CLUSTER = 'simulated'

/** Voters, observers, the wires between them, and everybody who watches that the rules hold. */
export class ElectionWorld implements PeerHost {
  readonly bench: ElectionBench
  readonly judge: Judge
  readonly network: PeerNetwork
  readonly tethers: TetherYard
  readonly ids: readonly string[]
  /** By address. */
  readonly peers = new Map<string, Peer>()
  readonly watchers = new Map<string, WatcherPeer>()
  readonly disks = new Map<string, Disk>()
  /** Terms in which somebody was told of a leader that never was. */
  readonly forgedReigns = new Set<number>()
  readonly #clocks = new Map<string, MachineClock>()
  readonly #lives: Random
  readonly #boots = new Map<string, number>()

  constructor(bench: ElectionBench) {
    this.bench = bench
    this.ids = Array.from({ length: bench.conditions.voters }, (_, n) => `v${n}`)
    this.judge = new Judge(bench, () => this.disks)
    const { delayMs, timing } = bench.conditions
    const { heartbeatMs, electionMinMs: overtakenMs, electionMaxMs: slowMs } = timing
    const wires = { delayMs, healedMs: heartbeatMs * 0.1, overtakenMs, slowMs, wordsOf }
    this.network = new PeerNetwork(bench, wires, (sent) => this.#deliver(sent))
    this.#lives = bench.random.fork('lives')
    this.tethers = new TetherYard(bench, {
      peers: () => this.peers.values(),
      isCut: (from, to) => this.network.isCut(from, to),
    })
  }

  #habits(random: Random): Habits {
    const { bench } = this
    return {
      lateness: () => {
        if (!bench.has('lateWake') || random.next() > 0.1) return 0
        bench.count('lateWake')
        return exponential(random, bench.conditions.timing.heartbeatMs)
      },
      wakesHarshly: () => {
        if (!bench.has('harshWake') || random.next() < 0.5) return false
        bench.count('harshWake')
        return true
      },
    }
  }

  /** Of the machine at this address: a process that starts again finds the same. */
  clockOf(address: string): MachineClock {
    let clock = this.#clocks.get(address)
    if (clock === undefined) {
      const random = this.#lives.fork(`clock of ${address}`)
      const rate = 1 + this.bench.conditions.drift * pick(random, [-1, 1, 0, random.next() * 2 - 1])
      clock = new MachineClock(rate, random.below(1e6), WALL_AT_ZERO_MS + random.below(1e7))
      this.#clocks.set(address, clock)
    }
    return clock
  }

  diskOf(address: string): Disk {
    let disk = this.disks.get(address)
    if (disk === undefined) {
      disk = new Disk(this.bench.agenda, (record) => this.judge.written(record))
      this.disks.set(address, disk)
    }
    return disk
  }

  /** Starts the process at this address, if none runs there. */
  start(address: string): void {
    if (this.peers.has(address)) return
    const { bench } = this
    const { agenda, conditions } = bench
    const boot = (this.#boots.get(address) ?? 0) + 1
    this.#boots.set(address, boot)
    const bootId = `${address}#${boot}`
    const random = this.#lives.fork(bootId)
    const clock = this.clockOf(address)
    const disk = conditions.store ? this.diskOf(address) : undefined
    const options = {
      cluster: CLUSTER,
      id: idOf(address),
      bootId,
      voters: this.ids,
      timing: conditions.timing,
      drift: Math.min(conditions.drift, 0.01),
      store: conditions.store,
      fresh: { storeId: `s${random.below(2 ** 32)}`, base: Math.floor(clock.wallMs(agenda.now) / 1000) },
      random: random.fork('machine'),
    }
    const habits = this.#habits(random.fork('habits'))
    const peer = new Peer(options, { agenda, clock, habits, host: this, address, disk })
    this.peers.set(address, peer)
    bench.note(bootId, 'starts')
    bench.tell({ who: address, what: `starts ${boot}`, state: 'up' })
    this.judge.started(peer)
    peer.start()
  }

  watch(id: string): void {
    const { agenda, conditions } = this.bench
    const { timing } = conditions
    const random = this.#lives.fork(id)
    const options = { cluster: CLUSTER, id, bootId: `${id}#1`, seeds: this.ids, timing }
    const around = { agenda, clock: this.clockOf(id), habits: this.#habits(random) }
    const watcher = new WatcherPeer(options, {
      ...around,
      perform: (effect) => {
        if (effect.type === 'send') this.network.carry({ from: id, to: effect.to, message: effect.message })
      },
    })
    this.watchers.set(id, watcher)
    watcher.post({ type: 'started' })
  }

  /** `killed`: what it was tied to hears of its end. Otherwise its machine is gone with it. */
  crash(peer: Peer, justWritten: boolean, killed: boolean = this.tethers.killed): void {
    this.bench.note(peer.bootId, 'crashes')
    this.bench.tell({ who: peer.address, what: 'crashes', state: 'down' })
    peer.kill()
    this.clockOf(peer.address).resume(this.bench.now)
    peer.disk?.cutOff(justWritten)
    this.peers.delete(peer.address)
    this.tethers.gone(peer, killed)
    this.judge.gone(peer)
  }

  /** Whatever believes to lead ends with the thread that its tethers live in. */
  terminate(peer: Peer): void {
    this.tethers.gone(peer, true)
    this.crash(peer, false, true)
  }

  /** Its clocks have changed, so what it believes may end at another instant. */
  believesAnew(peer: Peer): void {
    if (!peer.standsStill) this.judge.reigns.stepped(peer, peer.moment())
  }

  #deliver({ from, to, message }: Sent): boolean {
    const watcher = this.watchers.get(to)
    if (watcher !== undefined) {
      watcher.post({ type: 'message', from, message })
      return true
    }
    let taken = false
    // Two processes under one id: whoever looks for the id may find either.
    for (const address of [to, ...(to.endsWith(RIVAL) ? [] : [to + RIVAL])]) {
      const peer = this.peers.get(address)
      if (peer === undefined) continue
      taken = true
      peer.post({ type: 'message', from, message })
    }
    return taken
  }

  /** What nobody of this world has said. */
  forge(sent: Sent): void {
    if (sent.message.type === 'beat') this.forgedReigns.add(sent.message.term)
    this.#deliver(sent)
  }

  steps(peer: Peer, input: ElectionInput | Tick, at: Moment): void {
    this.bench.steps++
    if (input.type !== 'woke') {
      const isMessage = input.type === 'message'
      this.bench.note(peer.bootId, input.type, isMessage ? input.message : input, isMessage ? keyOf(input.message) : 0)
    }
    this.judge.steps(peer, input, at)
  }

  decided(peer: Peer, effect: ElectionEffect, input: ElectionInput | Tick, at: Moment): void {
    this.judge.decided(peer, effect, input, at)
  }

  perform(peer: Peer, effect: ElectionEffect): void {
    switch (effect.type) {
      case 'persist':
        return this.#persist(peer, effect)
      case 'send':
        return this.#send(peer, effect.to, effect.message)
      case 'closeTether':
        return this.tethers.closes(peer, effect.id)
      case 'emit': {
        const { type, ...rest } = effect.event
        this.bench.note(peer.bootId, type, rest)
        this.bench.tell({ who: peer.address, what: type, detail: JSON.stringify(rest) })
      }
    }
  }

  #send(peer: Peer, to: string, message: PeerMessage): void {
    this.bench.note(peer.bootId, message.type, message, keyOf(message))
    this.judge.leaves(peer, to, message)
    this.network.carry({ from: peer.address, to, message })
  }

  #persist(peer: Peer, { ticket, record }: Extract<ElectionEffect, { type: 'persist' }>): void {
    const { bench } = this
    const { writeMs } = bench.conditions
    const random = this.#lives
    this.bench.note(peer.bootId, 'persists', record, ticket)
    let forMs = writeMs * (0.5 + random.next())
    if (bench.has('slowDisk') && random.next() < 0.1) {
      bench.count('slowDisk')
      forMs += bench.conditions.timing.electionMaxMs * random.next()
    }
    peer.disk?.write(record, forMs, (durable) => {
      if (peer.alive) peer.post({ type: durable ? 'persisted' : 'persistFailed', ticket })
    })
    if (!bench.has('crashOnWrite') || random.next() > 0.03) return
    bench.count('crashOnWrite')
    bench.agenda.after(forMs * 1.2 * random.next(), () => {
      if (!peer.alive || !bench.faulty) return
      this.crash(peer, random.next() < 0.5)
      this.startLater(peer.address, random)
    })
  }

  startLater(address: string, random: Random): void {
    this.bench.agenda.after(exponential(random, this.bench.conditions.timing.electionMaxMs), () => {
      // A rival ends with the faults, also one that was down just then; its voter is there again.
      if (this.bench.faulty || !address.endsWith(RIVAL)) this.start(address)
    })
  }

  stepped(peer: Peer, at: Moment): void {
    this.judge.stepped(peer, at)
    if (this.bench.story === undefined) return
    const last = this.bench.story.at(-1)
    const state = peer.machine.leads(at.holder) ? 'holds' : 'up'
    if (last?.who === peer.address) this.bench.story[this.bench.story.length - 1] = { ...last, state }
  }

  peerStill(peer: Peer, still: boolean): void {
    this.bench.tell({ who: peer.address, what: still ? 'stands still' : 'goes on', state: still ? 'still' : 'up' })
  }
}

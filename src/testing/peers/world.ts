import type { Timing } from '../../config/timing.ts'
import type { GroupEvent } from '../../core/group/reasons.ts'
import type { GroupView } from '../../core/group/view.ts'
import { DEFAULT_DRIFT, type Millis } from '../../core/time.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import type { CoordinatorHosting } from '../../ports/hosting.ts'
import type { Bench } from '../cluster/bench.ts'
import { SimulatedMember } from '../cluster/member.ts'
import { type Coordinating, healingMs, pendingOf } from '../cluster/pending.ts'
import type { Handlers } from '../cluster/program.ts'
import { Rejections } from '../cluster/rejections.ts'
import { benchOn } from '../cluster/setup.ts'
import type { WebServer } from '../cluster/web.ts'
import { CALM, type PeersConditions } from './conditions.ts'
import { LeaderBook } from './leaders.ts'
import { PeersNetwork } from './network.ts'
import { SimulatedPeer } from './peer.ts'
import { peersPrograms, ROWS } from './programs.ts'

/** What a program has begun when everything is closed may still end. */
const LAST_PIECE_MS: Millis = 1_000

/** A cluster of peers and its members, each on a machine of its own. Only the network, the disks and time are made up. */
export class PeersWorld implements Coordinating {
  readonly conditions: PeersConditions
  readonly bench: Bench<PeersNetwork>
  readonly peers: readonly SimulatedPeer[]
  readonly leaders: LeaderBook
  readonly #members: SimulatedMember[] = []
  readonly #handlers: Handlers
  readonly #rejections: Rejections
  readonly #listeners = new Set<(event: GroupEvent) => void>()
  /** Nothing goes wrong any more. */
  healed = false

  constructor(conditions: PeersConditions, keepTrace: boolean) {
    this.conditions = conditions
    const { cluster, durable } = conditions
    const ids = Array.from({ length: conditions.peers }, (_, n) => `p${n + 1}`)
    const { delayMs, windowBytes, afterlife } = cluster
    this.bench = benchOn(
      cluster,
      keepTrace,
      (parts) =>
        new PeersNetwork({
          ...parts,
          peers: ids,
          delayMs,
          windowBytes,
          afterlife,
          onSaid: (peer, frame) => this.leaders.said(peer, frame),
        }),
    )
    const { bench } = this
    bench.topics.isQuiet = conditions.profile === 'quiet'
    bench.epochs.promised = durable
    this.leaders = new LeaderBook({
      findings: bench.findings,
      promised: cluster.drift <= DEFAULT_DRIFT,
      durable,
      peers: () => this.peers,
    })
    this.peers = ids.map(
      (id) =>
        new SimulatedPeer({
          bench,
          id,
          voters: ids,
          durable,
          leases: conditions.leases,
          happened: (peer, event) => this.#happened(peer, event),
        }),
    )
    const settled = bench.timeline.onSettled
    bench.timeline.onSettled = () => {
      if (this.peers.some(({ loop }) => loop !== undefined && bench.stirred.has(loop))) this.leaders.look(bench.stirred)
      settled()
    }
    this.#handlers = peersPrograms(bench, { calm: CALM.has(conditions.profile), also: conditions.also })
    this.#rejections = new Rejections(bench.findings)
    for (const peer of this.peers) peer.start()
    for (let n = 1; n <= conditions.members; n++) this.join(`m${n}`)
  }

  get nowMs(): Millis {
    return this.bench.timeline.nowMs
  }

  get members(): readonly SimulatedMember[] {
    return this.#members
  }

  join(id = `m${this.#members.length + 1}`): SimulatedMember {
    const web = (url: string) => this.#web(url)
    const member = new SimulatedMember({ bench: this.bench, id, handlers: this.#handlers, web })
    this.#members.push(member)
    member.start()
    return member
  }

  othersOf(peer: SimulatedPeer): readonly SimulatedPeer[] {
    return this.peers.filter((other) => other !== peer)
  }

  /** Whoever leads at this instant. */
  get leading(): SimulatedPeer | undefined {
    return this.peers.find(({ process }) => process?.cluster.isLeader === true)
  }

  /** Whoever serves members at this instant. */
  get #seated(): SimulatedPeer | undefined {
    return this.peers.find(({ process }) => process?.hosting.seat().type === 'here')
  }

  get #hosting(): CoordinatorHosting | undefined {
    return this.#seated?.process?.hosting.hosting
  }

  /** Of one disk everybody else knows what was on it. */
  mayLoseDisk(peer: SimulatedPeer): boolean {
    return this.peers.length > 1 && this.othersOf(peer).every((other) => other.isWhole)
  }

  /** Whoever answers a request to this URL: a peer passes on what is not its own. */
  #web(url: string): WebServer | undefined {
    const host = new URL(url).hostname
    const peer = this.peers.find(({ id }) => id === host)
    const seat = peer?.process?.hosting.seat()
    if (peer?.process === undefined || seat === undefined) return undefined
    if (seat.type === 'here') return peer.process
    const leader = seat.type === 'there' ? seat.peer.identifier : undefined
    const passed = this.peers.find(({ id }) => id === leader)?.process
    if (passed?.hosting.seat().type !== 'here') return refusing(peer.process)
    const { network } = this.bench
    const isCut = network.direction(host, `${leader}`).blocked || network.direction(`${leader}`, host).blocked
    return isCut ? refusing(peer.process) : passed
  }

  evict(peer: SimulatedPeer, member: string): void {
    const { process } = peer
    if (process === undefined || process.loop.state !== 'runs') return
    process.loop.run(() => {
      try {
        process.hosting.hosting.evict(this.bench.conditions.group, member)
      } catch (error) {
        if (!isCaucusError(error)) throw error
      }
    })
  }

  #happened(peer: SimulatedPeer, event: GroupEvent): void {
    this.leaders.decided(peer, event)
    for (const listener of this.#listeners) listener(event)
  }

  onEvent(listener: (event: GroupEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Of whoever leads. */
  get state(): 'up' | 'starting' | 'down' {
    return this.#seated === undefined ? 'starting' : 'up'
  }

  get settings(): Timing {
    return this.bench.conditions.timing
  }

  get longestLeaseMs(): Millis {
    return Math.max(...this.peers.map(({ longestLeaseMs }) => longestLeaseMs))
  }

  view(group: string): GroupView | undefined {
    return this.#hosting?.viewOf(group)
  }

  /** Of the groups whose members stay: who leads changes by itself. */
  views(): readonly GroupView[] {
    return [this.bench.conditions.group, ROWS].flatMap((name) => this.view(name) ?? [])
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

  /** What is missing until one leads, all know it, and every group is whole. */
  pending(): readonly string[] {
    const found: string[] = []
    const leader = this.leading
    for (const { id, state, process } of this.peers) {
      const known = process?.cluster.leader?.identifier
      if (state !== 'up') found.push(`${id} is ${state}`)
      else if (leader === undefined || known !== leader.id)
        found.push(`${id} takes ${known ?? 'nobody'} for the leader`)
    }
    if (this.#seated === undefined) found.push(`nobody serves members, and ${leader?.id ?? 'nobody'} leads`)
    if (found.length > 0) return found
    found.push(...pendingOf(this.bench, this, this.#members))
    for (const { name, state } of this.#hosting?.view().groups ?? [])
      if (state !== 'settled') found.push(`"${name}" is still settling`)
    return found
  }

  get healingMs(): Millis {
    const { electionMaxMs } = this.settings
    // What stands still and what sits out comes first; then a few elections, since votes may be split; then what a new leader waits for.
    const electionMs = (40 * electionMaxMs + 2 * this.longestLeaseMs) / (1 - this.bench.conditions.drift)
    return healingMs(this.bench, this) + electionMs
  }

  /** Resolves with what is still missing. */
  async untilWhole(): Promise<readonly string[]> {
    const end = this.nowMs + this.healingMs
    const stepMs = Math.max(1, this.settings.heartbeatMs / 5)
    let left = this.pending()
    while (left.length > 0 && this.nowMs < end) {
      await this.play(stepMs)
      left = this.pending()
    }
    return left
  }

  heal(): void {
    this.healed = true
    for (const member of this.#members) member.heal()
    for (const peer of this.peers) peer.heal()
  }

  /** Everything is told to stop, and time passes until it has, or until it should have. */
  async close(peersFirst: boolean): Promise<void> {
    try {
      await this.#stop(peersFirst)
    } finally {
      for (const member of this.#members) member.crash()
      for (const peer of this.peers) peer.crash()
      this.bench.work.close()
      this.#rejections.close()
    }
  }

  async #stop(peersFirst: boolean): Promise<void> {
    const { findings, topics } = this.bench
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
    const over = () => this.bench.timeline.play(this.nowMs + this.healingMs, () => waiting.size === 0)
    const stopPeers = () => {
      for (const peer of this.peers) void until(peer.id, peer.stop())
    }
    if (peersFirst) {
      stopPeers()
      await over()
    }
    const processes = this.#members.flatMap((member) => (member.alive ? member.processes : []))
    for (const process of processes) void until(process.who, process.stop())
    await over()
    if (!peersFirst) stopPeers()
    await over()
    for (const what of waiting.values()) findings.add('U1', what, `${what} was told to stop, and has not`)
    await this.play(LAST_PIECE_MS)
    topics.close()
    for (const { who, programRuns } of processes)
      if (programRuns) findings.add('U1', who, `${who} has closed everything, and its loops over it have not ended`)
  }
}

/** Cannot say anything but that nobody answers. */
const refusing = ({ loop }: WebServer): WebServer => {
  const refuse = (): never => {
    throw new CaucusError('CAUCUS_NO_QUORUM', 'nobody who leads can be asked')
  }
  return {
    loop,
    answer: refuse,
    // biome-ignore lint/correctness/useYield: it refuses, and yields nothing.
    async *stream() {
      refuse()
    },
  }
}

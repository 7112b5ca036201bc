import { appendFileSync, rmSync } from 'node:fs'
import { type Timing, timing } from '../../../config/timing.ts'
import { CaucusError } from '../../../errors.ts'
import type { PeerOptions } from '../../../index.ts'
import type { LeadingPeer } from '../../../ports/peers.ts'
import { Checker } from '../checker.ts'
import { House } from '../house.ts'
import { LogTail } from '../log-tail.ts'
import { clockNs } from '../things.ts'
import { waitFor } from '../wait.ts'
import { AskLedger } from './ask-ledger.ts'
import { Crew } from './crew.ts'
import { Mesh } from './mesh.ts'
import { type LaunchOptions, PEERS_TIMING, type PeersTrialOptions } from './peers-setup.ts'
import { freePorts } from './ports.ts'
import { LEADERSHIP, reignFaults, STRANGER, strangeClaim } from './reigns.ts'
import { VoterProcess } from './voter-process.ts'

/** Far more than asks may take: it bounds a hang, and asserts no speed. */
const ASKS_END_WITHIN_NS = 30e9
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const

/**
 * Voters as processes, with a proxy on each line between two of them, who write down when they lead. Whatever happens to them, no two lead at
 * one instant.
 *
 * Disposing ends every process, and removes the folder if all was well.
 */
export class PeersTrial implements AsyncDisposable {
  readonly house: House
  readonly mesh: Mesh
  readonly checker = new Checker()
  /** Every process that there was, strangers too. */
  readonly processes: VoterProcess[] = []
  readonly ports: ReadonlyMap<string, number>
  readonly isFenced: boolean
  readonly timing: Timing
  readonly crew: Crew
  readonly asks: AskLedger
  readonly #options: PeersTrialOptions
  readonly #tail: LogTail
  readonly #voters = new Map<string, VoterProcess>()
  readonly #strange: string[] = []
  readonly #tokens = new Set<number>()
  #highest = 0
  #numbers = 0
  #keep = false
  #discard = false
  #closed: Promise<void> | undefined

  /** Nobody has been started yet. */
  static async open(options: PeersTrialOptions): Promise<PeersTrial> {
    const ids = NAMES.slice(0, options.voters)
    const found = await freePorts(ids.length)
    const ports = new Map(ids.map((id, place) => [id as string, found[place] as number]))
    const house = new House(options.broken)
    return new PeersTrial(options, house, ports, await Mesh.start(ports))
  }

  /** Resolves once all voters know one leader, and the members have what they share. */
  static async start(options: PeersTrialOptions): Promise<PeersTrial> {
    const trial = await PeersTrial.open(options)
    try {
      await trial.begin()
      return trial
    } catch (error) {
      trial.keepLogs()
      await trial.close()
      throw error
    }
  }

  private constructor(options: PeersTrialOptions, house: House, ports: ReadonlyMap<string, number>, mesh: Mesh) {
    this.#options = options
    this.ports = ports
    this.mesh = mesh
    this.isFenced = options.stores ?? true
    this.house = house
    this.#tail = new LogTail(this.house.logs)
    this.asks = new AskLedger(this.house)
    this.timing = { ...timing.lan, ...PEERS_TIMING, ...options.timing }
    const { heartbeatMs, stopMarginMs, reconnectMaxMs } = this.timing
    this.crew = new Crew({
      house: this.house,
      checker: this.checker,
      urls: [...ports.values()].map((port) => `http://127.0.0.1:${port}`),
      timing: { heartbeatMs, stopMarginMs, reconnectMaxMs },
      seed: options.seed ?? 1,
      resigns: options.resigns ?? 0,
      askEveryMs: options.askEveryMs ?? 5,
      read: () => this.read(),
    })
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? 60_000
  }

  get ids(): string[] {
    return [...this.ports.keys()]
  }

  /** Starts everybody. Resolves once all voters know one leader, and the members have what they share. */
  async begin(options: { signal?: AbortSignal } = {}): Promise<void> {
    for (const id of this.ids) this.launch(id)
    await this.agreed(options)
    for (let n = 0; n < (this.#options.members ?? 0); n++) this.crew.start()
    await this.whole(options)
  }

  /** The latest process of that voter. */
  voter(id: string): VoterProcess {
    const voter = this.#voters.get(id)
    if (voter === undefined) throw new CaucusError('CAUCUS_INVALID_ARGUMENT', `the voter ${id} was never started`)
    return voter
  }

  /** Those that run and were not asked to end. */
  get alive(): VoterProcess[] {
    return [...this.#voters.values()].filter(({ child, dismissed }) => child.isAlive && !dismissed)
  }

  optionsOf(id: string, change: Partial<PeerOptions> = {}): PeerOptions {
    const others = this.ids.filter((other) => other !== id)
    return {
      identifier: id,
      listen_host: '127.0.0.1',
      listen_port: this.ports.get(id) as number,
      peers: others.map((identifier) => ({ identifier, host: '127.0.0.1', port: this.mesh.portOf(id, identifier) })),
      metadata: { of: id },
      timing: this.timing,
      // There was nobody before the first leader; it need not wait for a lease.
      fresh: true,
      ...(this.isFenced && { dataDir: this.diskOf(id) }),
      ...change,
    }
  }

  diskOf(id: string): string {
    return this.house.path(`disk-${id}`)
  }

  /** Its disk is as new at the next start. */
  loseDisk(id: string): void {
    rmSync(this.diskOf(id), { recursive: true, force: true })
  }

  /** Starts a voter, and leaves it at that. */
  launch(id: string, { change, prefix }: LaunchOptions = {}): VoterProcess {
    const voter = this.#process(`${id}#${++this.#numbers}`, this.optionsOf(id, change), prefix)
    this.#voters.set(id, voter)
    return voter
  }

  /** Starts somebody who is none of the voters, whatever it calls itself: it may never lead. */
  launchStranger(options: PeerOptions): VoterProcess {
    const stranger = this.#process(`${STRANGER}-${options.identifier}#${++this.#numbers}`, options)
    stranger.dismissed = true
    return stranger
  }

  #process(who: string, options: PeerOptions, prefix: readonly string[] = []): VoterProcess {
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this trial is over')
    const voter = new VoterProcess(this.house, { who, options, prefix, patienceMs: this.#patienceMs })
    this.processes.push(voter)
    return voter
  }

  /** Resolves once all of these (default: all that run) know one leader, under a higher token than `after`; with that one. */
  async agreed({
    among,
    after = 0,
    signal,
    withinMs = this.#patienceMs,
  }: {
    among?: readonly VoterProcess[]
    after?: number
    signal?: AbortSignal
    withinMs?: number
  } = {}): Promise<LeadingPeer> {
    let found: (LeadingPeer | undefined)[] = []
    const look = async () => {
      this.throwIfFailed()
      const asked = among ?? this.alive
      // Of a minority each may still take for its leader who is none any more.
      if (among === undefined && asked.length <= this.ids.length / 2) return undefined
      found = await Promise.all(asked.map((voter) => voter.leader()))
      const [first] = found
      const isOne = found.every((each) => each?.identifier === first?.identifier && each?.token === first?.token)
      return first !== undefined && first.token > after && isOne ? first : undefined
    }
    const told = () =>
      `all to know one leader and not ${found.map((each) => each && `${each.identifier}/${each.term}`).join(', ')} (logs: ${this.house.folder})`
    try {
      return await waitFor(told, look, { withinMs, ...(signal && { signal }) })
    } catch (error) {
      if (!signal?.aborted) this.keepLogs()
      throw error
    }
  }

  /** Resolves once all know one leader, and everything that members share has an owner. */
  async whole(options: { signal?: AbortSignal; withinMs?: number } = {}): Promise<LeadingPeer> {
    const leader = await this.agreed(options)
    try {
      await this.crew.whole({ withinMs: this.#patienceMs, ...options })
    } catch (error) {
      if (!options.signal?.aborted) this.keepLogs()
      throw error
    }
    return leader
  }

  /** Who leads, as all know, and the others. */
  async roles(signal?: AbortSignal): Promise<{ leader: VoterProcess; followers: VoterProcess[]; token: number }> {
    const { identifier, token } = await this.agreed({ ...(signal && { signal }) })
    const leader = this.voter(identifier)
    return { leader, followers: this.alive.filter((voter) => voter !== leader), token }
  }

  /** A line for the reader of the logs: what the trial did, and when. */
  note(text: string): void {
    appendFileSync(this.house.path('trial.log'), `${clockNs()} ${text}\n`)
  }

  /** The highest token that was claimed so far. */
  get highestToken(): number {
    this.read()
    return this.#highest
  }

  /** For how long nobody led, each time. */
  leaderlessMs(window: { readonly fromNs: number; readonly toNs: number }): number[] {
    return this.checker.gaps([LEADERSHIP], window).map(({ startNs, endNs }) => (endNs - startNs) / 1e6)
  }

  /** How many led in that time, one that lost it and led again as often as it did. */
  leadersIn({ fromNs, toNs }: { readonly fromNs: number; readonly toNs: number }): number {
    return this.checker.claimsTo(LEADERSHIP).filter(({ startNs, endNs }) => endNs >= fromNs && startNs <= toNs).length
  }

  /** How many tokens were claimed so far. */
  get leaderships(): number {
    return this.#tokens.size
  }

  /** Reads what the processes wrote down meanwhile. */
  read(): void {
    const records = this.#tail.records()
    for (const record of records) {
      if (record.what === LEADERSHIP) {
        this.#highest = Math.max(this.#highest, record.epoch)
        this.#tokens.add(record.epoch)
      }
      const strange = strangeClaim(record)
      if (strange !== undefined && !this.#strange.includes(strange)) this.#strange.push(strange)
    }
    this.checker.add(records)
    this.asks.read()
  }

  /** Judges everything that was written down so far. */
  verdict(): { readonly claims: number; readonly violations: readonly string[] } {
    this.read()
    const failures = this.processes.flatMap(({ failure }) => failure ?? [])
    const living = new Set(this.crew.atWork.map(({ who }) => who))
    const violations = [
      ...reignFaults(this.checker, { fenced: this.isFenced }),
      ...this.#strange,
      ...failures,
      ...this.crew.faults,
      ...this.asks.faults({ living, beforeNs: clockNs() - ASKS_END_WITHIN_NS }),
    ]
    return { claims: this.checker.claims, violations }
  }

  throwIfFailed(): void {
    const failure = this.processes.map((voter) => voter.failure).find((each) => each !== undefined)
    if (failure !== undefined) throw new CaucusError('CAUCUS_BACKEND', `nobody asked it to: ${failure}`)
  }

  /** The folder stays. */
  keepLogs(): void {
    this.#keep = true
  }

  /** The folder goes, whatever is in it: what is wrong was to be. */
  discardLogs(): void {
    this.#discard = true
  }

  /** Ends every process; a folder with something to tell stays. Closing twice is closing once. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const isWell = this.verdict().violations.length === 0
    await this.crew.close()
    await Promise.all(this.processes.map((voter) => voter.stop('SIGKILL')))
    await this.mesh.close()
    if (this.#discard || (!this.#keep && isWell)) this.house.remove()
  }
}

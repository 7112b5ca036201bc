import { appendFileSync } from 'node:fs'
import type { Timing } from '../../config/timing.ts'
import { CaucusError } from '../../errors.ts'
import { Checker, describeFall, describeOverlap } from './checker.ts'
import { FencedResource } from './fence.ts'
import { type Break, House } from './house.ts'
import { LogTail } from './log-tail.ts'
import { Player, type Wrapping } from './player.ts'
import { ownerless, unsettled } from './settled.ts'
import { clockNs, JOBS, PARTS, SLOTS, thingsOf } from './things.ts'
import { TrialServer, type TrialServerOptions } from './trial-server.ts'
import { waitFor } from './wait.ts'

/** Leases that a loaded machine mostly keeps, and that end soon when nobody does. One that is lost is no failure. */
export const TRIAL_TIMING: Partial<Timing> = {
  heartbeatMs: 200,
  leaseMs: 1_500,
  stopMarginMs: 100,
  settleMs: 200,
  settleCapMs: 1_500,
  reconnectMaxMs: 200,
  drainLimitMs: 1_500,
}

/** Longer than a program can outlive its wrapper. */
const OUTLIVES_MS = 30_000
const WATCH_EVERY_MS = 50
const STANDSTILL_MS = 200

export interface TrialOptions {
  readonly timing?: Partial<Timing>
  /** Rules of the built code to break: a trial that finds nothing then is worth nothing. */
  readonly broken?: readonly Break[]
  readonly seed?: number
  readonly server?: Omit<TrialServerOptions, 'timing'>
}

export interface Verdict {
  readonly claims: number
  readonly overlaps: number
  /** Everything that must not be, one line each; empty when all was well. */
  readonly violations: readonly string[]
  readonly writes: { readonly accepted: number; readonly refused: number }
}

/**
 * Real processes over real sockets: one server with a data directory, and members that write down what they believe. Whatever happens to
 * them, no two may believe in one thing at one instant, and once all is healed everything must have an owner.
 *
 * Disposing ends every process, and removes the folder if all was well.
 */
export class Trial implements AsyncDisposable {
  readonly house: House
  readonly server: TrialServer
  readonly players: Player[] = []
  readonly checker = new Checker()
  readonly #options: TrialOptions
  readonly #fence: FencedResource
  readonly #tail: LogTail
  readonly #timing: Partial<Timing>
  /** How long this process itself stood still, each time that it did: its proxies pass on nothing then. */
  readonly standstillsMs: number[] = []
  readonly #watching: NodeJS.Timeout
  #started = 0
  #keep = false
  #discard = false
  #closed: Promise<void> | undefined

  /** Resolves once the server listens. */
  static async start(options: TrialOptions = {}): Promise<Trial> {
    const house = new House(options.broken)
    const fence = await FencedResource.open()
    const trial = new Trial(house, fence, options)
    try {
      await trial.server.start()
      return trial
    } catch (error) {
      // The error has what the server said; without anybody else there is nothing more to tell.
      trial.discardLogs()
      await trial.close()
      throw error
    }
  }

  private constructor(house: House, fence: FencedResource, options: TrialOptions) {
    this.house = house
    this.#fence = fence
    this.#options = options
    this.#timing = options.timing ?? TRIAL_TIMING
    this.#tail = new LogTail(house.logs)
    this.server = new TrialServer(house, { ...options.server, timing: this.#timing })
    let lookedMs = performance.now()
    this.#watching = setInterval(() => {
      const lateMs = performance.now() - lookedMs - WATCH_EVERY_MS
      lookedMs = performance.now()
      if (lateMs < STANDSTILL_MS) return
      this.standstillsMs.push(lateMs)
      this.note(`the trial itself stood still for ${Math.round(lateMs)} ms`)
    }, WATCH_EVERY_MS)
  }

  /** Starts one more process. Without an `id` it is a member of its own. */
  async start(
    kind: Player['kind'],
    {
      id,
      serverUrl = this.server.url,
      ...wrapping
    }: { readonly id?: string; readonly serverUrl?: string } & Wrapping = {},
  ): Promise<Player> {
    if (this.#closed !== undefined) throw new CaucusError('CAUCUS_CLOSED', 'this trial is over')
    // Counted at once: two faults may start somebody at the same time, and the checker takes one name for one process.
    const number = ++this.#started
    const who = `${kind === 'worker' ? 'w' : 'j'}${number}`
    const { heartbeatMs, stopMarginMs, reconnectMaxMs } = { ...TRIAL_TIMING, ...this.#timing } as Timing
    const player = await Player.start(this.house, {
      ...wrapping,
      kind,
      who,
      id: id ?? who,
      serverUrl,
      seed: (this.#options.seed ?? 1) * 1_000 + number,
      fence: this.#fence.port,
      timing: { heartbeatMs, stopMarginMs, reconnectMaxMs },
    })
    this.players.push(player)
    return player
  }

  /** Those of a kind that are expected to be members. */
  atWork(kind: Player['kind']): Player[] {
    return this.players.filter((player) => player.kind === kind && player.isAtWork)
  }

  /** A line for the reader of the logs: what the trial did, and when. */
  note(text: string): void {
    appendFileSync(this.house.path('trial.log'), `${clockNs()} ${text}\n`)
  }

  /** Reads what the processes wrote down meanwhile. */
  read(): void {
    this.checker.add(this.#tail.records())
    for (const player of this.players) {
      if (player.endedMs === undefined || performance.now() - player.endedMs < OUTLIVES_MS) continue
      this.#tail.retire(`${player.who}.ndjson`)
    }
  }

  /**
   * Resolves once the groups are settled with exactly the members that are expected, and after that an instant was written down at which
   * everything had an owner; with that instant.
   */
  async whole({
    signal,
    withinMs,
  }: {
    readonly signal?: AbortSignal
    readonly withinMs?: number
  } = {}): Promise<number> {
    let missing = 'anything'
    let sinceNs: number | undefined
    const look = async () => {
      this.#throwIfFailed()
      this.read()
      const waiting = this.#groups().length === 0 ? 'anybody at work' : await this.#unsettled()
      // Somebody may have ended meanwhile, and with nobody to own anything nothing would be missing.
      this.#throwIfFailed()
      if (waiting !== undefined) {
        sinceNs = undefined
        missing = waiting
        return undefined
      }
      sinceNs ??= clockNs()
      const things = this.#groups().flatMap(thingsOf)
      const atNs = this.checker.wholeAtNs(things)
      if (atNs !== undefined && atNs >= sinceNs) return atNs
      missing = ownerless(this.checker, things, sinceNs) ?? 'one instant at which everything had an owner'
      return undefined
    }
    const options = { everyMs: 50, ...(signal && { signal }), ...(withinMs !== undefined && { withinMs }) }
    try {
      return await waitFor(() => `the groups to be whole: ${missing} (logs: ${this.house.folder})`, look, options)
    } catch (error) {
      if (!signal?.aborted) this.keepLogs()
      throw error
    }
  }

  /** Judges everything that was written down so far. */
  verdict(): Verdict {
    this.read()
    const { overlaps, falls } = this.checker.check()
    const violations = [
      ...overlaps.map((overlap) => `two owners: ${describeOverlap(overlap)}`),
      ...falls.map((fall) => `an epoch that does not rise: ${describeFall(fall)}`),
      ...this.#fence.shared.map((text) => `an epoch with two owners: ${text}`),
      ...this.players.flatMap(({ wronged }) => wronged.map((text) => `an owner that is refused: ${text}`)),
    ]
    const { accepted, refused } = this.#fence
    return { claims: this.checker.claims, overlaps: overlaps.length, violations, writes: { accepted, refused } }
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
    clearInterval(this.#watching)
    await Promise.all(this.players.map((player) => player.stop('SIGKILL')))
    await this.server.kill()
    await this.#fence.close()
    if (this.#discard || (!this.#keep && this.verdict().violations.length === 0)) this.house.remove()
  }

  /** The groups that have somebody in them. */
  #groups(): string[] {
    const groups: string[] = []
    if (this.atWork('worker').length > 0) groups.push(PARTS.group, SLOTS.group)
    if (this.atWork('wrapper').length > 0) groups.push(JOBS.group)
    return groups
  }

  /** What is not yet as expected, in the eyes of the server. */
  #unsettled(): Promise<string | undefined> {
    const kindOf = (group: string) => (group === JOBS.group ? 'wrapper' : 'worker')
    const expected = new Map(this.#groups().map((group) => [group, this.atWork(kindOf(group)).map(({ id }) => id)]))
    return unsettled(this.server.url, expected)
  }

  #throwIfFailed(): void {
    const failure = this.players.map((player) => player.failure).find((each) => each !== undefined)
    if (failure !== undefined) throw new CaucusError('CAUCUS_BACKEND', `nobody asked it to: ${failure}`)
  }
}

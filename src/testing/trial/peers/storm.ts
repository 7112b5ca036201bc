import { type Random, seededRandom } from '../../../core/random.ts'
import { isCaucusError } from '../../../errors.ts'
import { allDone } from '../fault.ts'
import { clockNs, TENURE } from '../things.ts'
import { Crew } from './crew.ts'
import type { PeerFault, PeerScene } from './peer-fault.ts'
import { PEER_FAULTS } from './peer-faults.ts'
import { PEER_LINE_FAULTS } from './peer-line-faults.ts'
import { PEER_PROCESS_FAULTS } from './peer-process-faults.ts'
import { CALM_TIMING, type PeersTrialOptions } from './peers-setup.ts'
import { PeersTrial } from './peers-trial.ts'
import { type StormReport, Totals } from './storm-report.ts'

export interface StormOptions {
  readonly repetitions: number
  readonly seed: number
  readonly signal: AbortSignal
  /** Default: all of them. */
  readonly faults?: readonly PeerFault[]
  /** Default: three and five in turn, each fifth time without data directories. */
  readonly trial?: Partial<PeersTrialOptions>
  readonly keep?: boolean
  readonly tell?: (line: string) => void
}

/** So many rounds more in which a process fault and a line fault come together. */
const ROUNDS_OF_TWO = 4
const STORELESS_EVERY = 5
const MEMBERS = 3
/** There is enough to do without. */
const ASK_EVERY_MS = 100
/** At low priority on a busy machine a process may get little of it for long. */
const PATIENCE_MS = 5 * 60_000
/** One in so many tenures ends by itself. */
const RESIGNS = 3

/**
 * Repeats a storm over one cluster after another: every fault once, in an order drawn from the seed, and some two at once; after each all must know
 * one leader again. Resolves when all are done, something is violated, or it is interrupted.
 */
export const storm = async (options: StormOptions): Promise<StormReport> => {
  const { repetitions, seed, signal, tell = () => undefined } = options
  const startedMs = performance.now()
  const total = new Totals()
  let done = 0
  while (done < repetitions && !signal.aborted && total.violations.length === 0) {
    const random = seededRandom(seed).fork(`storm ${done}`)
    await new Storm(options, random, done, total).run()
    // One that was called off in the middle counts by what it found, not as a storm.
    if (signal.aborted) break
    done++
    const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
    tell(`${minutes} min: ${done} of ${repetitions} storms, ${total.claims} claims, ${total.leaderships} leaderships`)
  }
  return {
    ok: total.violations.length === 0,
    seed,
    repetitions: done,
    interrupted: signal.aborted,
    minutes: (performance.now() - startedMs) / 60_000,
    ...total.report(),
  }
}

interface Window {
  readonly fromNs: number
  readonly toNs: number
}

class Storm {
  readonly #options: StormOptions
  readonly #random: Random
  readonly #number: number
  readonly #total: Totals

  constructor(options: StormOptions, random: Random, number: number, total: Totals) {
    this.#options = options
    this.#random = random
    this.#number = number
    this.#total = total
  }

  async run(): Promise<void> {
    const { signal, seed, trial: given, keep = false } = this.#options
    const voters = this.#number % 2 === 0 ? 3 : 5
    const stores = this.#number % STORELESS_EVERY !== STORELESS_EVERY - 1
    const trial = await PeersTrial.open({
      voters,
      stores,
      members: MEMBERS,
      resigns: RESIGNS,
      askEveryMs: ASK_EVERY_MS,
      seed: seed + this.#number,
      patienceMs: PATIENCE_MS,
      timing: CALM_TIMING,
      ...given,
    })
    this.#options.tell?.(`storm ${this.#number + 1}: ${trial.ids.length} voters, written down in ${trial.house.folder}`)
    try {
      await trial.begin({ signal })
      for (const faults of this.#rounds(trial)) {
        if (signal.aborted) break
        await this.#round(trial, faults)
        if (this.#judge(trial)) break
      }
    } catch (error) {
      if (!signal.aborted)
        this.#found(isCaucusError(error) ? error.message : String(error instanceof Error ? error.stack : error))
    }
    this.#judge(trial)
    if (keep || this.#total.violations.length > 0) {
      trial.keepLogs()
      this.#total.logs.push(trial.house.folder)
    }
    this.#total.add(trial)
    await trial.close()
  }

  #rounds(trial: PeersTrial): PeerFault[][] {
    const has = { stores: trial.isFenced, members: trial.crew.members.length > 0 }
    const can = ({ needs }: PeerFault) => needs === undefined || has[needs]
    const faults = (this.#options.faults ?? PEER_FAULTS).filter(can)
    const rounds = faults.map((fault) => [fault])
    const [processes, lines] = [PEER_PROCESS_FAULTS, PEER_LINE_FAULTS].map((kind) =>
      faults.filter((fault) => kind.includes(fault)),
    ) as [PeerFault[], PeerFault[]]
    for (let n = 0; n < ROUNDS_OF_TWO && processes.length > 0 && lines.length > 0; n++) {
      rounds.push([this.#one(processes), this.#one(lines)])
    }
    for (let place = rounds.length - 1; place > 0; place--) {
      const other = this.#random.below(place + 1)
      const [a, b] = [rounds[place], rounds[other]] as [PeerFault[], PeerFault[]]
      rounds[place] = b
      rounds[other] = a
    }
    return rounds
  }

  #one(faults: readonly PeerFault[]): PeerFault {
    return faults[this.#random.below(faults.length)] as PeerFault
  }

  async #round(trial: PeersTrial, faults: readonly PeerFault[]): Promise<void> {
    const { signal } = this.#options
    const name = faults.map((fault) => fault.name).join(' + ')
    trial.note(`faults: ${name}`)
    const before = trial.crew.holdings()
    const fromNs = clockNs()
    await allDone(
      faults.map((fault) => {
        this.#total.faults[fault.name] = (this.#total.faults[fault.name] ?? 0) + 1
        const scene: PeerScene = { trial, random: this.#random.fork(`${this.#number} ${name} ${fault.name}`), signal }
        return fault.run(scene)
      }),
    )
    trial.note('healed')
    const healedMs = performance.now()
    await trial.agreed({ signal })
    trial.note('agreed')
    const agreedMs = performance.now() - healedMs
    await trial.whole({ signal })
    trial.note('whole')
    this.#kept(trial, faults, Crew.lost(before, trial.crew.holdings()), { fromNs, toNs: clockNs() })
    const label = faults.length === 1 ? name : 'two at once'
    this.#total.agreed(label, agreedMs)
  }

  /** Whoever is alive keeps everything, as long as the cluster needed no more leaders than the fault cost it. */
  #kept(trial: PeersTrial, faults: readonly PeerFault[], lost: readonly string[], window: Window): void {
    const longestMs = Math.max(0, ...trial.leaderlessMs(window))
    const leaders = trial.leadersIn(window)
    const names = faults.map(({ name }) => name).join(' + ')
    trial.note(`${lost.length} things lost, ${leaders} leaders; nobody led for ${Math.round(longestMs)} ms at most`)
    const newLeaders = faults.map((fault) => (fault.newLeaders === 'each' ? trial.ids.length : fault.newLeaders))
    if (newLeaders.includes(undefined)) return
    const isUnsettled = leaders > newLeaders.reduce((sum: number, more = 0) => sum + more, 1)
    // A busy machine unseats leaders, too; then there is an excuse.
    if (isUnsettled || longestMs > trial.timing.leaseMs / 2) return
    this.#total.keptRounds++
    // A tenure may have ended by itself meanwhile.
    const unexpected = lost.filter((what) => what !== TENURE)
    if (unexpected.length > 0)
      this.#found(`somebody alive lost ${unexpected.slice(0, 5).join(', ')} of ${unexpected.length} things in ${names}`)
  }

  /** Whether anything was found. */
  #judge(trial: PeersTrial): boolean {
    for (const violation of trial.verdict().violations) this.#found(violation)
    return this.#total.violations.length > 0
  }

  #found(violation: string): void {
    const told = `storm ${this.#number + 1}: ${violation}`
    if (!this.#total.violations.includes(told)) this.#total.violations.push(told)
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, seededRandom } from '../../core/random.ts'
import { isCaucusError } from '../../errors.ts'
import { allDone, type Scene, type TrialFault } from './fault.ts'
import { TRIAL_FAULTS } from './faults.ts'
import { type LeakReport, Leaks } from './leaks.ts'
import { type Percentiles, percentiles } from './percentiles.ts'
import type { Player } from './player.ts'
import { clockNs, JOBS, PARTS, SLOTS, thingsOf } from './things.ts'
import { TRIAL_TIMING, Trial, type TrialOptions } from './trial.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  /** SDK members, from 1 to 5 (one more joins at times); beside them run programs under `caucus work`. */
  readonly workers: number
  readonly signal: AbortSignal
  /** What to draw from. */
  readonly faults?: readonly TrialFault[]
  readonly trial?: TrialOptions
  /** Whether the logs stay when all was well, too. */
  readonly keep?: boolean
  readonly tell?: (line: string) => void
}

/** What one kind of fault cost. A round of several at once is a kind of its own. */
export interface FaultReport {
  readonly rounds: number
  /** From when the fault was undone (a replacement was started, or it was done if there is nothing to undo) until everything had an owner. */
  readonly toWholeMs: Percentiles
  /** How long each thing that lost its owner was without one, from the fault on. */
  readonly ownerlessMs: Percentiles
}

export interface SoakReport {
  readonly ok: boolean
  readonly seed: number
  readonly minutes: number
  readonly interrupted: boolean
  readonly rounds: number
  readonly faults: Readonly<Record<string, number>>
  readonly processes: number
  readonly claims: number
  readonly overlaps: number
  readonly writes: { readonly accepted: number; readonly refused: number }
  readonly byFault: Readonly<Record<string, FaultReport>>
  readonly leaks: LeakReport
  /** How often the trial itself stood still, and for how long at most: what it measured then is more than what it measures. */
  readonly standstills: { readonly count: number; readonly maxMs: number }
  readonly violations: readonly string[]
  /** Where the logs are, if something failed or they were to be kept. */
  readonly logs?: string
}

export const SEVERAL = 'several at once'
const WRAPPERS = 2
/** How long claims are kept to be compared with later ones: longer than anything of a trial lasts. */
const KEPT_NS = 120e9

interface Round {
  readonly label: string
  readonly toWholeMs: number
  readonly ownerlessMs: readonly number[]
}

/**
 * Draws faults from a seed over one trial until the time is over, something is violated, or it is interrupted. Resolves in any of these
 * cases; rejects when the trial cannot be begun, because no server starts.
 */
export const soak = async (options: SoakOptions): Promise<SoakReport> => {
  const trial = await Trial.start({ seed: options.seed, ...options.trial })
  options.tell?.(`everything is written down in ${trial.house.folder}`)
  return new Soak(options, trial).run()
}

class Soak {
  readonly #options: SoakOptions
  readonly #trial: Trial
  readonly #random: Random
  readonly #rounds: Round[] = []
  readonly #counts: Record<string, number> = {}
  readonly #violations: string[] = []
  readonly #leaks: Leaks
  readonly #startedMs = performance.now()

  constructor(options: SoakOptions, trial: Trial) {
    this.#options = options
    this.#trial = trial
    this.#random = seededRandom(options.seed)
    this.#leaks = new Leaks(trial)
  }

  async run(): Promise<SoakReport> {
    const { signal, tell = () => undefined, minutes, workers } = this.#options
    const trial = this.#trial
    try {
      for (let n = 0; n < workers; n++) await trial.start('worker')
      for (let n = 0; n < WRAPPERS; n++) await trial.start('wrapper')
      await trial.whole({ signal })
      this.#leaks.sample()
      const untilMs = performance.now() + minutes * 60_000
      while (performance.now() < untilMs && !signal.aborted && this.#violations.length === 0) {
        tell(await this.#round())
        this.#judge()
      }
      if (!signal.aborted) this.#violations.push(...(await this.#leaks.remaining()))
    } catch (error) {
      if (!signal.aborted)
        this.#violations.push(
          isCaucusError(error) ? error.message : String(error instanceof Error ? error.stack : error),
        )
    }
    this.#judge()
    const report = this.#report()
    if (report.logs !== undefined) trial.keepLogs()
    await trial.close()
    return report
  }

  #judge(): void {
    const verdict = this.#trial.verdict()
    for (const violation of verdict.violations) {
      if (!this.#violations.includes(violation)) this.#violations.push(violation)
    }
    this.#trial.checker.forget(clockNs() - KEPT_NS)
  }

  /** One fault, or several at once, until everything is whole again. */
  async #round(): Promise<string> {
    const trial = this.#trial
    const { signal } = this.#options
    const timing = { ...TRIAL_TIMING, ...this.#options.trial?.timing }
    const drawn = this.#draw()
    const names = drawn.map(({ fault, target }) => (target === undefined ? fault.name : `${fault.name} ${target.who}`))
    trial.note(`faults: ${names.join(', ')}`)
    const startNs = clockNs()
    await allDone(
      drawn.map(({ fault, target }, place) => {
        this.#counts[fault.name] = (this.#counts[fault.name] ?? 0) + 1
        const random = this.#random.fork(`${this.#rounds.length} ${place}`)
        const scene: Scene = { trial, random, leaseMs: timing.leaseMs ?? 1_500, signal }
        return fault.run(scene, target as Player)
      }),
    )
    const healedNs = clockNs()
    trial.note('healed')
    const wholeNs = await trial.whole({ signal })
    trial.note('whole')
    const things = [PARTS.group, SLOTS.group, JOBS.group].flatMap(thingsOf)
    const gaps = trial.checker.gaps(things, { fromNs: startNs, toNs: wholeNs })
    const lastNs = Math.max(healedNs, ...gaps.map(({ endNs }) => endNs))
    const round = {
      label: drawn.length === 1 ? (drawn[0]?.fault.name as string) : SEVERAL,
      toWholeMs: (lastNs - healedNs) / 1e6,
      ownerlessMs: gaps.map((gap) => (gap.endNs - gap.startNs) / 1e6),
    }
    this.#rounds.push(round)
    this.#leaks.sample()
    await sleep(this.#random.below(300))
    const minutes = ((performance.now() - this.#startedMs) / 60_000).toFixed(1)
    return `${minutes} min: ${names.join(', ')}: whole ${Math.round(round.toWholeMs)} ms after it was over`
  }

  /** One to three faults, each with a target of its own. */
  #draw(): { fault: TrialFault; target: Player | undefined }[] {
    const { faults = TRIAL_FAULTS } = this.#options
    const many = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][this.#random.below(10)] as number
    const taken = new Set<Player | 'server'>()
    const drawn: { fault: TrialFault; target: Player | undefined }[] = []
    for (let n = 0; n < many; n++) {
      const fault = faults[this.#random.below(faults.length)] as TrialFault
      const target = this.#targetOf(fault, taken)
      if (target === 'taken') continue
      taken.add(target ?? 'server')
      drawn.push({ fault, target })
    }
    return drawn
  }

  #targetOf({ aim }: TrialFault, taken: ReadonlySet<Player | 'server'>): Player | undefined | 'taken' {
    if (aim === 'server' || aim === 'nobody') return taken.has('server') ? 'taken' : undefined
    const able = this.#trial.players.filter(({ isAtWork, kind }) => isAtWork && (aim === 'any' || aim === kind))
    const free = able.filter((player) => !taken.has(player))
    return free[this.#random.below(free.length)] ?? 'taken'
  }

  #report(): SoakReport {
    const { seed, signal, keep = false } = this.#options
    const { claims, overlaps, writes } = this.#trial.verdict()
    const byFault: Record<string, FaultReport> = {}
    for (const label of [...new Set(this.#rounds.map((round) => round.label))].sort()) {
      const rounds = this.#rounds.filter((round) => round.label === label)
      byFault[label] = {
        rounds: rounds.length,
        toWholeMs: percentiles(rounds.map(({ toWholeMs }) => toWholeMs)),
        ownerlessMs: percentiles(rounds.flatMap(({ ownerlessMs }) => ownerlessMs)),
      }
    }
    const ok = this.#violations.length === 0
    return {
      ok,
      seed,
      minutes: (performance.now() - this.#startedMs) / 60_000,
      interrupted: signal.aborted,
      rounds: this.#rounds.length,
      faults: this.#counts,
      processes: this.#trial.players.length,
      claims,
      overlaps,
      writes,
      byFault,
      leaks: this.#leaks.report(),
      standstills: {
        count: this.#trial.standstillsMs.length,
        maxMs: Math.round(Math.max(0, ...this.#trial.standstillsMs)),
      },
      violations: this.#violations,
      ...((!ok || keep) && { logs: this.#trial.house.folder }),
    }
  }
}

import { CaucusError } from '../errors.ts'
import { diagram } from './diagram.ts'
import { type CoreLimits, FAULTS, type FaultName, PROFILES, type Profile } from './simulation/conditions.ts'
import { type CoreSimulation, type SimulatedViolation, simulateCore } from './simulation/simulate.ts'

/** One run of the simulator, or what is left of one: `simulateCore` takes it, and it fits on one line. */
export interface CoreScenario {
  readonly seed: number
  readonly profile: Profile
  readonly limits: CoreLimits
}

export interface ShrunkCore {
  readonly scenario: CoreScenario
  /** What the scenario still breaks: the same invariant. */
  readonly violation: SimulatedViolation
  /** How often the simulator was run for it. */
  readonly runs: number
}

/** Cheap beside what reading a longer scenario costs; most need a third of it. */
const RUNS = 300

/**
 * Finds a short scenario that breaks the same invariant as this seed does: fewer groups, deeds, faults and members, and less time.
 * `undefined` when the seed breaks nothing.
 */
export const shrinkCore = (failing: {
  readonly seed: number
  readonly profile?: Profile | undefined
  readonly limits?: CoreLimits | undefined
  /** At most so many runs. Default: 300. */
  readonly runs?: number | undefined
}): ShrunkCore | undefined => {
  const first = simulateCore(failing)
  if (first.violation === undefined) return undefined
  const shrinker = new Shrinker(first, first.violation, failing.limits ?? {}, failing.runs ?? RUNS)
  return shrinker.shrink()
}

class Shrinker {
  readonly #seed: number
  readonly #runs: number
  #ran = 1
  #limits: CoreLimits
  #last: CoreSimulation
  #violation: SimulatedViolation

  constructor(first: CoreSimulation, violation: SimulatedViolation, limits: CoreLimits, runs: number) {
    this.#seed = first.seed
    this.#runs = runs
    this.#last = first
    this.#violation = violation
    this.#limits = limits
  }

  shrink(): ShrunkCore {
    // What is done after the end, or comes to nothing, goes first.
    this.#try({ deeds: this.#last.deeds })
    this.#fewer(this.#groups(), 1, (groups) => ({ groups }))
    for (let before = -1; before !== this.#size() && this.#ran < this.#runs; ) {
      before = this.#size()
      this.#fewer(this.#last.deeds, 0, (deeds) => ({ deeds }))
      this.#fewer(Object.keys(this.#last.faults) as FaultName[], 0, (faults) => ({ faults }))
      this.#lower(1, this.#last.members, (members) => ({ members }))
      this.#lower(0, this.#last.pollers, (pollers) => ({ pollers }))
    }
    this.#shorten()
    const { profile } = this.#last
    return {
      scenario: { seed: this.#seed, profile, limits: this.#limits },
      violation: this.#violation,
      runs: this.#ran,
    }
  }

  #groups(): readonly string[] {
    return this.#limits.groups ?? this.#last.groups
  }

  #size(): number {
    const { deeds, members, pollers, faults } = this.#last
    return deeds.length + members + pollers + Object.keys(faults).length
  }

  /** True when it still breaks the same; then this is what is shrunk further. */
  #try(fewer: CoreLimits): boolean {
    if (this.#ran >= this.#runs) return false
    this.#ran++
    const limits = { ...this.#limits, ...fewer }
    const run = simulateCore({ seed: this.#seed, profile: this.#last.profile, limits })
    if (run.violation?.invariant !== this.#violation.invariant) return false
    this.#last = run
    this.#violation = run.violation
    this.#limits = limits
    return true
  }

  /** Delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input): leaves out ever smaller parts. */
  #fewer<T>(all: readonly T[], least: number, limit: (kept: readonly T[]) => CoreLimits): void {
    let kept = all
    if (kept.length > least && least === 0 && this.#try(limit([]))) return
    for (let parts = 2; kept.length > Math.max(1, least); ) {
      const size = Math.ceil(kept.length / parts)
      const without = (from: number) => [...kept.slice(0, from), ...kept.slice(from + size)]
      const starts = Array.from({ length: Math.ceil(kept.length / size) }, (_, part) => part * size)
      // From the end: what came late is more often beside the point than what came first.
      const found = starts.reverse().find((from) => this.#try(limit(without(from))))
      if (found !== undefined) {
        kept = without(found)
        parts = Math.max(parts - 1, 2)
      } else if (size === 1 || this.#ran >= this.#runs) return
      else parts = Math.min(parts * 2, kept.length)
    }
  }

  #lower(least: number, present: number, limit: (count: number) => CoreLimits): void {
    for (let count = least; count < present; count++) if (this.#try(limit(count))) return
  }

  /** What is found only once everything has healed may be healed earlier. */
  #shorten(): void {
    for (let ms = this.#last.faultsForMs / 2; ms > 1 && this.#try({ faultsForMs: Math.ceil(ms) }); ) ms /= 2
  }
}

/** One line, from which `parseScenario` makes the same scenario again. */
export const formatScenario = ({ seed, profile, limits }: CoreScenario): string => {
  const words = Object.entries(limits).map(([name, value]) => `${name}=${Array.isArray(value) ? value.join() : value}`)
  return [`seed=${seed}`, `profile=${profile}`, ...words].join(' ')
}

const NUMBERS = ['seed', 'members', 'pollers', 'faultsForMs']
const LISTS = ['groups', 'faults', 'deeds']

/** The scenario that `formatScenario` wrote; refuses anything else with `CAUCUS_INVALID_ARGUMENT`. */
export const parseScenario = (line: string): CoreScenario => {
  const fields = new Map<string, number | string | string[]>()
  for (const word of line.trim().split(/\s+/)) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(word) ?? []
    if (NUMBERS.includes(name) && /^\d+$/.test(value)) fields.set(name, Number(value))
    else if (LISTS.includes(name)) fields.set(name, value === '' ? [] : value.split(','))
    else if (name === 'profile' && PROFILES.some((profile) => profile === value)) fields.set(name, value)
    else throw unreadable(`"${word}" is no part of a scenario`)
  }
  const { seed, profile, ...limits } = Object.fromEntries(fields) as CoreLimits & { seed?: number; profile?: Profile }
  if (seed === undefined || profile === undefined) throw unreadable('a scenario names its seed and its profile')
  const unknown = limits.faults?.find((name) => !FAULTS.includes(name))
  if (unknown !== undefined) throw unreadable(`there is no fault "${unknown}"`)
  return { seed, profile, limits }
}

const unreadable = (what: string): CaucusError =>
  new CaucusError('CAUCUS_INVALID_ARGUMENT', `${what}; copy the whole line that the simulator printed, from seed= on`)

/**
 * Everything that is known about a violation, as text: the line that names it, the last 200 lines of its trace, a short scenario that
 * breaks the same, and a space-time diagram of that. It runs the simulator again, up to 300 times.
 */
export const explainCore = ({ seed, profile, step, invariant, message }: SimulatedViolation): string => {
  const shrunk = shrinkCore({ seed, profile })
  const head = `seed=${seed} step=${step} invariant=${invariant}: ${message}`
  const whole = simulateCore({ seed, profile })
  if (shrunk === undefined)
    return `${head}\nIt did not happen again: the simulator, or the code under it, is another one now.`
  const short = simulateCore({ ...shrunk.scenario, story: true })
  return [
    head,
    '',
    `The last ${whole.trace().length} lines of its trace:`,
    ...whole.trace(),
    '',
    `The same with ${short.deeds.length} of ${whole.deeds.length} deeds, after ${shrunk.runs} runs:`,
    formatScenario(shrunk.scenario),
    '',
    diagram(short.story()),
  ].join('\n')
}

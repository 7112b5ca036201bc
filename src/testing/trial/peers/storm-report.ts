import { type Percentiles, percentiles } from '../percentiles.ts'
import type { PeersTrial } from './peers-trial.ts'

export interface StormReport {
  readonly ok: boolean
  readonly seed: number
  readonly repetitions: number
  readonly interrupted: boolean
  readonly minutes: number
  readonly faults: Readonly<Record<string, number>>
  /** From when a fault was undone until all voters knew one leader. */
  readonly toAgreementMs: Readonly<Record<string, Percentiles>>
  readonly processes: number
  readonly claims: number
  /** Leaderships that began, by their tokens. */
  readonly leaderships: number
  /** Rounds in which whoever was alive had to keep what it had. */
  readonly keptRounds: number
  /** How the asks of members ended. */
  readonly asks: Readonly<Record<string, number>>
  readonly violations: readonly string[]
  /** Where the logs are, if something failed or they were to be kept. */
  readonly logs: readonly string[]
}

/** What adds up over the storms. */
export class Totals {
  readonly faults: Record<string, number> = {}
  readonly toAgreementMs: Record<string, number[]> = {}
  readonly violations: string[] = []
  readonly logs: string[] = []
  processes = 0
  claims = 0
  leaderships = 0
  keptRounds = 0
  readonly asks: Record<string, number> = {}

  agreed(label: string, ms: number): void {
    const times = this.toAgreementMs[label] ?? []
    this.toAgreementMs[label] = times
    times.push(ms)
  }

  /** The end of one storm. */
  add(trial: PeersTrial): void {
    this.claims += trial.verdict().claims
    this.processes += trial.processes.length + trial.crew.members.length
    this.leaderships += trial.leaderships
    for (const [outcome, count] of Object.entries(trial.asks.outcomes))
      this.asks[outcome] = (this.asks[outcome] ?? 0) + count
  }

  report() {
    const { faults, processes, claims, leaderships, keptRounds, asks, violations, logs } = this
    const times = Object.entries(this.toAgreementMs).sort(([a], [b]) => (a < b ? -1 : 1))
    const toAgreementMs = Object.fromEntries(times.map(([name, ms]) => [name, percentiles(ms)]))
    return { faults, toAgreementMs, processes, claims, leaderships, keptRounds, asks, violations, logs }
  }
}
